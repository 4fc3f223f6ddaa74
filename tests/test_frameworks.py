"""docs/frameworks.md says what the rules' documents show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dladvise.advisor import all_rules
from tests.rule_documents import cases

FOLDER = Path(__file__).parent.parent / "docs"
DOCUMENT = FOLDER / "frameworks.md"
LINK = re.compile(r"\[(?P<code>DL\d{3})\]\((?P<path>[^)]+)\)")
IMPORTED = re.compile(r"^(?:import|from) ([\w.]+)", re.MULTILINE)
CODES = {rule.name.replace("-", "_"): rule.code for rule in all_rules()}


@dataclass(frozen=True)
class Row:
    """A framework: the modules it is imported from, and the rules that are named for it."""

    name: str
    modules: frozenset[str]
    named: tuple[tuple[str, str, Path], ...]  # kind of program, code, document


def rows() -> list[Row]:
    found = []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|") or line.startswith(("| framework |", "|---|")):
            continue
        framework, _, speaking, silent = (cell.strip() for cell in line.strip("|").split("|"))
        named = tuple(
            (kind, link["code"], (FOLDER / link["path"]).resolve())
            for kind, cell in (("bad", speaking), ("good", silent))
            for link in LINK.finditer(cell)
        )
        modules = frozenset(re.findall(r"`([^`]+)`", framework))
        found.append(Row(framework.partition(" (")[0], modules, named))
    return found


@cache
def imported(path: Path) -> tuple[tuple[str, frozenset[str]], ...]:
    """Of each program of a document its kind, and the modules that it imports."""
    return tuple((case.kind, frozenset(IMPORTED.findall(case.code))) for case in cases(path))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_every_rule_named_for_a_framework_has_a_program_that_imports_it(row: Row) -> None:
    assert row.modules and row.named
    for kind, code, path in row.named:
        assert CODES[path.stem] == code
        programs = imported(path)
        assert any(k == kind and row.modules & modules for k, modules in programs), (
            f"{path.name} has no {kind} program that imports {' or '.join(sorted(row.modules))}"
        )


def test_frameworks_are_named_once() -> None:
    names = [row.name for row in rows()]
    assert len(names) == len(set(names)) and len(names) >= 14
