"""What the rules on samplers, splits and loaders claim is what torch does with their programs."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import dladvise.advisor.rules
from tests.rule_documents import Case, cases

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
FOLDER = Path(dladvise.advisor.rules.__file__).parent
FIRST = ""  # the block above all headings

# Rule, heading of its block, and the error that its program ends with, given what reads it.
RAISING = [
    ("sampler_super_init", FIRST, "TypeError", ""),
    ("subset_getitem_override", FIRST, "NotImplementedError", ""),
]


@pytest.mark.parametrize(("rule", "heading", "error", "reading"), RAISING)
def test_the_program_raises_as_said(rule: str, heading: str, error: str, reading: str) -> None:
    answer = outcome(block(rule, heading).code + reading)
    assert answer.startswith(f"{error}:"), answer


@pytest.mark.parametrize(("rule", "heading", "error", "reading"), RAISING)
def test_the_fixed_program_runs(rule: str, heading: str, error: str, reading: str) -> None:
    fixed = block(rule, heading).fixed
    if fixed is None:
        pytest.skip("nothing is fixed")
    assert outcome(fixed + reading) == "ran"


def test_a_loader_leaves_out_what_a_subset_overrides() -> None:
    program = block("subset_getitem_override", "Where torch does not notice", 1)
    read = "\nfrom torch.utils.data import DataLoader\n"
    read += (
        "answer = next(iter(DataLoader(Unnoticed([1, 2, 3, 4], [0, 2]), batch_size=2))).tolist()\n"
    )
    assert names_after(program.code + read)["answer"] == [1, 3]
    assert program.fixed is not None
    assert names_after(program.fixed + read)["answer"] == [2, 6]


def block(rule: str, heading: str, number: int = 0) -> Case:
    """The numbered `bad` block under a heading of a rule's document."""
    found = [case for case in cases(FOLDER / f"{rule}.md") if case.kind == "bad"]
    return [case for case in found if heading in case.name][number]


def names_after(program: str) -> dict[str, Any]:
    """What a program leaves behind."""
    names: dict[str, Any] = {"__name__": "case"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(program, names)
    return names


def outcome(program: str) -> str:
    """The exception that a program ends with, or that it ran."""
    try:
        names_after(program)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "ran"
