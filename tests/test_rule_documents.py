"""Every program of every rule document does what the document says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dladvise.advisor.rules
from dladvise.advisor import (
    Finding,
    Fix,
    Report,
    Rule,
    Safety,
    Severity,
    Source,
    all_rules,
    analyze,
    document,
    fixed,
)
from tests.rule_documents import BadDocument, Case, Expected, cases, parses, sections

FOLDER = Path(dladvise.advisor.rules.__file__).parent
RULES = {rule.name.replace("-", "_"): rule for rule in all_rules()}
ANY_SAFETY = frozenset(Safety)
CASES = [
    pytest.param(RULES[path.stem], case, id=case.name)
    for path in sorted(FOLDER.glob("*.md"))
    if path.stem in RULES
    for case in cases(path)
]

# Advice in the imperative belongs into a fix's title; a message says what happens.
ADVICE = re.compile(r"(consider|use|please|avoid|don't|do not|try|you should|should)\b", re.I)
NAMES = {"Windows", "Python", "Linux", "Lightning"}


@pytest.mark.parametrize("stem", sorted(RULES))
def test_every_rule_has_its_document(stem: str) -> None:
    rule = RULES[stem]
    title = document(rule).partition("\n")[0]
    assert title == f"# {rule.code} {rule.name}"
    kinds = {case.kind for case in cases(FOLDER / f"{stem}.md")}
    assert kinds == {"bad", "good"}, "show at least one bad and one good program"


def test_every_document_has_its_rule() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == RULES.keys()


def test_codes_and_names_are_unique_and_well_formed() -> None:
    codes = [rule.code for rule in all_rules()]
    assert len(set(codes)) == len(codes)
    assert len(RULES) == len(codes)
    for rule in all_rules():
        assert re.fullmatch(r"DL\d{3}", rule.code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_document(rule: Rule, case: Case) -> None:
    report = analyzed(case.code, case, rule)
    found = sorted(seen(report.source, finding) for finding in report.findings)
    assert found == list(case.expected)
    severity = rule.severity if case.severity is None else case.severity
    assert {finding.severity for finding in report.findings} <= {severity}
    if case.related:
        assert related(report) == list(case.related)
    check_fixes(rule, case, report)


def check_fixes(rule: Rule, case: Case, report: Report) -> None:
    fixable = [finding for finding in report.findings if finding.fix is not None]
    after, _ = fixed(report, lambda source: analyzed(source.text, case, rule), ANY_SAFETY)
    if not fixable:
        assert case.fixed is None, "the document shows a fix and there is none"
    elif case.fixed is None:
        pytest.fail(f"there is a fix and the document does not show it:\n{after.source.text}")
    else:
        assert after.source.text == case.fixed, "the document shows another fix"
        left = len(report.findings) - len(fixable)
        assert len(after.findings) == left, "the fix does not settle the finding"
    for finding in report.findings:
        for fix in (finding.fix, *finding.alternatives):
            if fix is not None:
                check_fix(rule, case.code, fix)


def check_fix(rule: Rule, code: str, fix: Fix) -> None:
    assert fix.edits, "a fix changes something"
    assert fix.title[0].isupper() and not fix.title.endswith("."), fix.title
    if parses(code):
        assert parses(Source("case.py", code).edited(fix.edits).text), fix.title
    if fix.safety is Safety.UNSAFE:
        headings = sections(FOLDER / f"{rule.name.replace('-', '_')}.md")
        assert "Fix safety" in headings, "say under '## Fix safety' what the fix may change"


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_messages_obey_the_message_law(rule: Rule, case: Case) -> None:
    for expected in (*case.expected, *case.related):
        message = expected.message
        first = re.split(r"[\s,:(.]", message)[0]
        code_or_name = first in NAMES or re.search(r"[A-Z_].*[A-Z_]|^[`'\"]", first)
        assert message[0].islower() or message[0].isdigit() or code_or_name, message
        assert not message.endswith("."), message
        assert not ADVICE.match(message), f"say what happens, not what to do: {message}"


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_no_other_rule_speaks_but_those_named(rule: Rule, case: Case) -> None:
    """Rules do not contradict each other: what one calls good, no other reports.

    Hints are left out: they are about taste and are shown only on request.
    """
    report = analyze(Source("case.py", case.code), case.target)
    others = {
        finding.rule.code
        for finding in report.findings
        if finding.rule is not rule and finding.severity is not Severity.HINT
    }
    if case.kind == "good":
        assert others == case.also
    else:
        assert case.also <= others, "named in also=, but silent"


BROKEN = [
    ("```python bad\nx = 1\n```\n", "has a mark"),
    ("```python good\nx = 1\n#   ^ is one\n```\n", "has none"),
    ("```python good\nx = 1\n```\n\n```python fixed\nx = 2\n```\n", "directly after its 'bad'"),
    ("```python bad colour=red\nx = 1\n#   ^ is one\n```\n", "'colour=red' is none of"),
    ("```python bad cores=many\nx = 1\n#   ^ is one\n```\n", "'cores=many' cannot be read"),
    ("```python bad\nx = 1\n#      ^ is one\n```\n", "not on the line above"),
    ("```python\nx = 1\n```\n", "a block is"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN)
def test_a_broken_document_is_told(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.md"
    path.write_text(text)
    with pytest.raises(BadDocument, match=re.escape(problem)):
        cases(path)


def test_marks_are_read_and_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "rule.md"
    path.write_text(
        "```python bad cores=8 platforms=linux,windows python=3.14 start-method=spawn\n"
        "ab = f(8)\n"
        "#<1-2> this is ab\n"
        "#      ^ 8 workers\n"
        "#    ~ called here\n"
        "if ab:\n"
        "    g()  # kept\n"
        "```\n\n"
        "```python fixed\nab = f()\n```\n"
    )
    (case,) = cases(path)
    assert case.code == "ab = f(8)\nif ab:\n    g()  # kept\n"
    assert case.expected == (Expected(1, 1, 2, "this is ab"), Expected(1, 8, 8, "8 workers"))
    assert case.related == (Expected(1, 6, 6, "called here"),)
    assert case.fixed == "ab = f()\n"
    assert case.target.cores == 8
    assert case.target.python == (3, 14)
    assert case.target.platforms == {"linux", "windows"}
    assert case.target.start_method == "spawn"


def analyzed(code: str, case: Case, rule: Rule) -> Report:
    """The rule's own findings, while every rule is at work: suppressions are judged by all."""
    report = analyze(Source("case.py", code), case.target, all_rules())
    return Report(report.source, tuple(f for f in report.findings if f.rule is rule))


def seen(source: Source, finding: Finding) -> Expected:
    return place(source, finding.span.start, finding.span.end, finding.message)


def related(report: Report) -> list[Expected]:
    return sorted(
        {
            place(report.source, other.span.start, other.span.end, other.message)
            for finding in report.findings
            for other in finding.related
        }
    )


def place(source: Source, start: int, end: int, message: str) -> Expected:
    """Of a place over several lines, the part on the first one: carets stand under one line."""
    at = source.position(start)
    length = min(end - start, len(source.line(at.line)) - at.column + 1)
    return Expected(at.line, at.column, at.column + length - 1, message)
