"""README.md says what is so: its rule table, its commands, its links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dladvise import __version__
from dladvise.advisor import all_rules
from tools.rule_index import first_sentence, outdated, rows

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/*.md")
    for path in sorted(ROOT.glob(pattern))
]


def test_generated_documents_are_up_to_date() -> None:
    assert not outdated(), "run: python3 tools/check.py --write"


def test_every_rule_has_a_row() -> None:
    assert [row.code for row in rows()] == [rule.code for rule in all_rules()]
    for row in rows():
        assert (ROOT / row.path).is_file()
        assert 15 <= len(row.summary) <= 200, f"{row.code}: {row.summary!r} is no first sentence"


def test_try_it_has_two_commands_and_ci_runs_the_second() -> None:
    section = README.partition("## Try it\n")[2].partition("\n## ")[0]
    commands = re.findall(r"```console\n(.*?)\n```", section, re.S)
    assert len(commands) == 2
    for command in commands:
        python, script = shlex.split(command)
        assert python == "python3"
        assert (ROOT / script).is_file()
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# T\n\nOne. Two.\n", "One"),
        ("# T\n\nUses e.g. Adam, i.e. `x`. More.\n", "Uses e.g. Adam, i.e. `x`"),
        ("# T\n\nSince torch 2.13 it\nraises. `More` here.\n", "Since torch 2.13 it raises"),
        ("# T\n\nNo period", "No period"),
        ("# T\n\nEnds in `Error: no` at once. x is 1.\n", "Ends in `Error: no` at once"),
        ("# T\n\nIt raises (`a.py`, torch 2.13).\n", "It raises"),
    ],
)
def test_the_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence
