"""Fixes of all rules together: any of them, in any order, leave a program that parses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import dladvise.advisor.rules
from dladvise.advisor import (
    Edit,
    Finding,
    Fix,
    Report,
    Rule,
    Safety,
    Severity,
    Source,
    Span,
    all_rules,
    analyze,
    fixed,
)
from tests.rule_documents import Case, cases, parses

FOLDER = Path(dladvise.advisor.rules.__file__).parent
CASES = [
    pytest.param(case, id=case.name)
    for path in sorted(FOLDER.glob("*.md"))
    for case in cases(path)
    if case.kind == "bad"
]
TRIES = 3  # subsets of fixes for each program


@pytest.mark.parametrize("case", CASES)
def test_any_choice_of_fixes_parses_and_settles(case: Case, seed: int) -> None:
    choose = random.Random(f"{seed} {case.name}")

    def analyzed(source: Source) -> Report:
        return analyze(source, case.target, all_rules())

    for _ in range(TRIES):
        report = analyzed(Source("case.py", case.code))
        edits = chosen(report, choose)
        source = report.source.edited(edits)
        told = f"--seed {seed}, after {edits}:\n{source.text}"
        if parses(case.code):
            assert parses(source.text), told
        settled, _ = fixed(analyzed(source), analyzed, frozenset(Safety))
        if parses(case.code):
            assert parses(settled.source.text), told
        left = [finding for finding in settled.findings if finding.fix is not None]
        assert not left, f"{told}\nnever settles: {left[0].rule.code} {left[0].message}"


def chosen(report: Report, choose: random.Random) -> tuple[Edit, ...]:
    """The edits of some of the report's fixes and alternatives that can be applied together."""
    fixes = [
        fix
        for finding in report.findings
        for fix in (finding.fix, *finding.alternatives)
        if fix is not None
    ]
    choose.shuffle(fixes)
    edits: list[Edit] = []
    for fix in fixes[: choose.randint(0, len(fixes))]:
        if not any(clash(new, old) for new in fix.edits for old in edits):
            edits += [edit for edit in fix.edits if edit not in edits]
    return tuple(edits)


def clash(new: Edit, old: Edit) -> bool:
    """Reports whether two edits want the same characters, or the same place, for different text."""
    return new != old and (new.span.overlaps(old.span) or new.span == old.span)


# What follows needs no real rule: `fixed` with rules made up for the purpose.

MADE_UP = Rule("DL000", "made-up", Severity.INFO, lambda module: iter(()))


def report(text: str, *fixes: Fix) -> Report:
    findings = [
        Finding(MADE_UP, Severity.INFO, fix.edits[0].span, "wrong", fix=fix) for fix in fixes
    ]
    return Report(Source("case.py", text), tuple(findings))


def replaced(start: int, end: int, new: str, safety: Safety = Safety.SAFE) -> Fix:
    return Fix("Replace", (Edit(Span(start, end), new),), safety)


def silent(source: Source) -> Report:
    return Report(source, ())


def test_fixes_that_overlap_wait_for_the_next_round() -> None:
    first = report("abcdef", replaced(0, 3, "X"), replaced(2, 5, "Y"))
    after, done = fixed(first, silent)
    assert after.source.text == "Xdef"
    assert [finding.fix for finding in done] == [first.findings[0].fix]


def test_the_same_edit_of_two_findings_is_applied_once() -> None:
    after, done = fixed(report("ab", replaced(1, 1, ", x"), replaced(1, 1, ", x")), silent)
    assert after.source.text == "a, xb"
    assert len(done) == 2


def test_two_insertions_at_one_place_do_not_both_happen_at_once() -> None:
    after, done = fixed(report("ab", replaced(1, 1, "X"), replaced(1, 1, "Y")), silent)
    assert after.source.text == "aXb"
    assert len(done) == 1


def test_unsafe_fixes_are_left_alone() -> None:
    unsafe = replaced(0, 1, "X", Safety.UNSAFE)
    after, done = fixed(report("ab", unsafe), silent)
    assert (after.source.text, done) == ("ab", ())
    after, done = fixed(report("ab", unsafe), silent, frozenset(Safety))
    assert after.source.text == "Xb"


def test_a_fix_that_never_settles_is_given_up() -> None:
    def again(source: Source) -> Report:
        return report(source.text, replaced(0, 0, "x"))

    after, done = fixed(again(Source("case.py", "")), again)
    assert len(done) == len(after.source.text) == 10


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_stay_as_they_are(line_end: str) -> None:
    text = f"a = 1{line_end}b = 2{line_end}"
    after, _ = fixed(report(text, replaced(0, 1, "c")), silent)
    assert after.source.text == f"c = 1{line_end}b = 2{line_end}"
