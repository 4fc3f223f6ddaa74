"""Suppressing comments: what they reach, and what is said of the ones without use."""

from __future__ import annotations

import pytest

from dladvise.advisor import (
    Edit,
    Finding,
    Fix,
    Severity,
    Source,
    Span,
    all_rules,
    analyze,
    applied,
)
from dladvise.advisor.comments import layout
from dladvise.advisor.findings import Rule
from dladvise.advisor.ignores import MEASURABLE, silenced
from dladvise.advisor.text import Cell

UNUSED = next(rule for rule in all_rules() if rule.code == "DL099")
CODES = {rule.code: rule for rule in all_rules()}
FIRST = next(rule for rule in all_rules() if rule.code != "DL099")


def a_finding(text: str, place: str, rule: Rule = FIRST) -> Finding:
    start = text.index(place)
    return Finding(rule, Severity.ERROR, Span(start, start + len(place)), "wrong")


def left(text: str, *places: str, cells: tuple[Cell, ...] = ()) -> list[tuple[str, str]]:
    """Code and text of what is reported, all rules chosen, with a finding at each place."""
    source = Source("a.py", text, cells)
    findings = [a_finding(text, place) for place in places]
    reported = silenced(source, findings, all_rules())
    return [(f.rule.code, text[f.span.start : f.span.end]) for f in reported]


def unused(text: str, *places: str) -> list[Finding]:
    findings = [a_finding(text, place) for place in places]
    return [
        finding
        for finding in silenced(Source("a.py", text), findings, all_rules())
        if finding.rule is UNUSED
    ]


def without_unused(text: str, *places: str) -> str:
    fixes = [finding.fix for finding in unused(text, *places)]
    edits: list[Edit] = [edit for fix in fixes if fix is not None for edit in fix.edits]
    return applied(text, edits)


@pytest.mark.parametrize(
    "comment",
    [
        f"# dladvise: ignore[{FIRST.code}]",
        f"# dladvise:ignore[ {FIRST.code} ,]",
        f"#dladvise: ignore[{FIRST.name}]",
        f"# dladvise: ignore[{FIRST.code}] because of the old server",
        "# dladvise: ignore",
        f"# noqa: {FIRST.code}",
        f"# NoQA:{FIRST.code.lower()}",
        f"# type: ignore  # noqa: E501, {FIRST.code}",
    ],
)
def test_a_comment_suppresses_the_finding_on_its_line(comment: str) -> None:
    assert left(f"bad()  {comment}\n", "bad()") == []


def test_a_comment_for_another_rule_or_line_does_not() -> None:
    assert (FIRST.code, "bad()") in left("x = 1  # dladvise: ignore\nbad()\n", "bad()")
    assert (FIRST.code, "bad()") in left("bad()  # dladvise: ignore[DL099]\n", "bad()")
    assert left("bad()  # noqa\nworse()  # noqa: E501\n", "bad()") == [(FIRST.code, "bad()")]


def test_a_comment_counts_on_every_line_that_the_finding_covers() -> None:
    text = "bad(\n    one,  # dladvise: ignore\n    two,\n)\n"
    assert left(text, "bad(\n    one,  # dladvise: ignore\n    two,\n)") == []
    assert left(text, "two") == [(FIRST.code, "two"), ("DL099", "# dladvise: ignore")]


def test_a_comment_behind_the_closing_bracket_counts_for_the_statement() -> None:
    text = "loader = bad(\n    one,\n    two,\n)  # dladvise: ignore\nafter()\n"
    assert left(text, "bad") == []
    assert left(text, "two") == []
    assert (FIRST.code, "after") in left(text, "after")


def test_a_comment_suppresses_for_the_whole_file() -> None:
    text = f"# dladvise: ignore-file[{FIRST.code}]\nbad()\nworse()\n"
    assert left(text, "bad()", "worse()") == []
    assert left("bad()\nworse()\n# dladvise: ignore-file\n", "bad()", "worse()") == []


@pytest.mark.parametrize(
    "text",
    [
        'x = "# dladvise: ignore"; bad()\n',
        "x = f'{1:# dladvise: ignore}'; bad()\n",
        "x = f\"{y['# dladvise: ignore']}\"; bad()\n",
        'x = f"{y["# dladvise: ignore"]}"; bad()\n',
        "x = '''\n# dladvise: ignore-file\n'''; bad()\n",
        "x = '\\'# dladvise: ignore'; bad()\n",
        "x = f'{{# dladvise: ignore'; bad()\n",
    ],
)
def test_a_comment_in_a_string_is_none(text: str) -> None:
    assert left(text, "bad()") == [(FIRST.code, "bad()")]


@pytest.mark.parametrize(
    "before",
    [
        "x = 'never closed\n",
        'x = f"{never closed\n',
        "x = (1,\n\ndef f():\n",
        "def f(:\n    pass\n",
        "x = f'{y!r:>{width}}' + f'{y:%H:%M}'\n",
        "x = '''it's'''\n",
        "x = f'''{\n  y  # why\n}'''\n",
    ],
)
def test_broken_or_unusual_text_before_does_not_hide_a_comment(before: str) -> None:
    assert left(f"{before}bad()  # dladvise: ignore\n", "bad()") == []


def test_a_cell_of_a_notebook_does_not_reach_into_the_next() -> None:
    text = "x = (\nbad()  # dladvise: ignore"
    cells = (Cell(1, Span(0, 5)), Cell(2, Span(6, len(text))))
    assert left(text, "bad()", cells=cells) == []


@pytest.mark.parametrize(
    ("text", "message", "after"),
    [
        (
            f"x = 1  # dladvise: ignore[{FIRST.code}]\n",
            f"{FIRST.code} is suppressed here but not found",
            "x = 1\n",
        ),
        ("x = 1  # dladvise: ignore\n", "nothing is suppressed here", "x = 1\n"),
        ("x = 1  # dladvise: ignore[]\n", "no rule is named in the brackets", "x = 1\n"),
        ("# dladvise: ignore-file\nx = 1\n", "nothing is suppressed here", "x = 1\n"),
        ("    # dladvise: ignore\r\nx = 1\r\n", "nothing is suppressed here", "x = 1\r\n"),
        ("x = 1\n# dladvise: ignore-file", "nothing is suppressed here", "x = 1\n"),
        ("x = 1  # dladvise: ignore  # why\n", "nothing is suppressed here", "x = 1  # why\n"),
        ("x = 1  # why # dladvise: ignore\n", "nothing is suppressed here", "x = 1  # why\n"),
        ("x = 1  # dladvise: ignore because\n", "nothing is suppressed here", "x = 1\n"),
        ("x = 1  # dladvise: ignore[DL9]\n", "there is no rule DL9", "x = 1\n"),
        (
            f"x = 1  # noqa: E501, {FIRST.code}, F401\n",
            f"{FIRST.code} is suppressed here but not found",
            "x = 1  # noqa: E501, F401\n",
        ),
        (
            f"x = 1  # noqa: {FIRST.code}\n",
            f"{FIRST.code} is suppressed here but not found",
            "x = 1\n",
        ),
    ],
)
def test_an_unused_suppression_is_reported_and_removed(text: str, message: str, after: str) -> None:
    (finding,) = unused(text)
    assert finding.message.startswith(message)
    assert isinstance(finding.fix, Fix)
    assert without_unused(text) == after
    assert unused(after) == []


def test_only_the_code_without_use_is_removed() -> None:
    other = next(rule for rule in all_rules() if rule not in (FIRST, UNUSED))
    text = f"bad()  # dladvise: ignore[{other.code}, {FIRST.code}]\n"
    assert without_unused(text, "bad()") == f"bad()  # dladvise: ignore[{FIRST.code}]\n"


def test_a_rule_that_was_not_looked_for_is_not_called_unused() -> None:
    source = Source("a.py", f"x = 1  # dladvise: ignore[{FIRST.code}]\ny = 2  # dladvise: ignore\n")
    assert silenced(source, [], [UNUSED]) == []
    assert silenced(source, [], [FIRST]) == []


def test_a_misspelt_code_gets_a_suggestion() -> None:
    (finding,) = unused(f"x = 1  # dladvise: ignore[{FIRST.name}s]\n")
    assert finding.message.endswith(f"did you mean {FIRST.code}?")


def test_the_report_of_an_unused_suppression_can_be_suppressed() -> None:
    assert unused(f"x = 1  # dladvise: ignore[{FIRST.code}, DL099]\n") == []
    assert (
        unused(f"# dladvise: ignore-file[DL099]\nx = 1  # dladvise: ignore[{FIRST.code}]\n") == []
    )


def test_layout_knows_where_no_comment_can_stand() -> None:
    text = "x = 'a' \\\n  'b'\ny = '''\n\n'''\nz = (\n1)\n"
    found = layout(Source("a.py", text))
    assert found.closed == {1, 3, 4}
    assert found.statements == [(1, 2), (3, 5), (6, 7)]
    assert found.lines_around(4) == (3, 5)
    assert found.lines_around(9) == (9, 9)


@pytest.mark.parametrize(
    "text",
    [
        "DataLoader(  # dladvise: ignore[DL003]\n    ds,\n    timeout=3,\n)\n",
        "DataLoader(\n    ds,\n    timeout=3,  # dladvise: ignore[DL003]\n)\n",
        "DataLoader(\n    ds,\n    timeout=3,\n)  # dladvise: ignore[DL003]\n",
    ],
)
def test_an_argument_is_suppressed_on_its_line_on_the_callees_and_at_the_end(text: str) -> None:
    source = Source("a.py", "from torch.utils.data import DataLoader\n" + text)
    assert analyze(source).findings == ()


def test_what_was_measured_no_rule_doubts() -> None:
    """Only what a measurement knows better is silenced, and there may be nothing to silence."""
    text = "one = 1  # dladvise: measured\n"
    for rule in all_rules():
        found = silenced(Source("a.py", text), [a_finding(text, "one", rule)], all_rules())
        assert (found == []) == (rule.code in MEASURABLE)
    assert left(text) == []
