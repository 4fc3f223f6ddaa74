"""What the rules on samplers, splits and loaders claim is what torch does with their programs."""

from __future__ import annotations

import ast
import re
import warnings
from importlib.util import find_spec
from itertools import islice
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
    ("split_lengths_mismatch", FIRST, "ValueError", ""),
    ("helper_signature", FIRST, "TypeError", "list(loader)"),
    ("loader_object_misuse", FIRST, "TypeError", ""),
    ("loader_object_misuse", "Iterators have no next method", "AttributeError", ""),
    ("loader_object_misuse", "Single samples", "TypeError", ""),
    ("loader_object_misuse", "Settings that are fixed", "ValueError", "build([1], [2])"),
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


STATEMENTS = [
    ("split_lengths_mismatch", "Numbers that torch never takes"),
    ("helper_signature", "The second parameter of RandomSampler"),
    ("helper_signature", "Numbers of samples and weights"),
    ("helper_signature", "Batch samplers"),
    ("helper_signature", "Ranks"),
    ("helper_signature", "Datasets"),
]


@pytest.mark.parametrize(("rule", "heading"), STATEMENTS)
def test_every_marked_statement_raises_as_its_message_says(rule: str, heading: str) -> None:
    case = block(rule, heading)
    said = {expected.line: expected.message for expected in case.expected}
    names: dict[str, Any] = {"__name__": "case"}
    for statement in ast.parse(case.code).body:
        program = ast.unparse(statement)
        name = re.match(r"(\w+) = ", program)
        message = said.get(statement.lineno, "")
        raises = re.search(r"torch raises (?:an )?(\w*[eE]rror)", message)
        if raises is None:
            exec(program, names)
            continue
        if name is not None and ("first batch" in message or "is read" in message):
            program += f"\nlist({name[1]})"
        answer = outcome(program, names)
        wanted = "" if raises[1] == "error" else f"{raises[1]}:"
        assert answer.startswith(wanted) and answer != "ran", (program, answer)


def test_a_batch_sampler_walks_the_samples_of_a_dataset() -> None:
    case = block("helper_signature", "Batch samplers")
    program = case.code[: case.code.index("short =")] + case.code[case.code.index("walked =") :]
    walked = names_after(program)["walked"]
    assert list(islice(walked, 3)) == [[0, 1], [4, 9], [16, 25]]


def test_weights_are_in_vain_without_replacement() -> None:
    program = block("weighted_sampler_without_replacement", FIRST)
    assert program.fixed is not None
    rare = "\nanswer = sum(index >= 90 for index in sampler)"
    assert names_after(program.code + rare)["answer"] == 10
    assert names_after(program.fixed + rare)["answer"] > 50


def test_cycle_hands_out_the_first_epoch_again() -> None:
    program = block("cycle_caches_loader", FIRST)
    assert program.fixed is not None
    batches = "\nanswer = [next(batches).tolist() for _ in range(80)]"  # 20 epochs
    kept, read_anew = (
        names_after(code + batches)["answer"] for code in (program.code, program.fixed)
    )
    assert all(kept[at : at + 4] == kept[:4] for at in range(0, 80, 4))
    assert any(read_anew[at : at + 4] != read_anew[:4] for at in range(0, 80, 4))


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


def names_after(program: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a program leaves behind, beside the names that were there."""
    names = {"__name__": "case"} if names is None else names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(program, names)
    return names


def outcome(program: str, names: dict[str, Any] | None = None) -> str:
    """The exception that a program ends with, or that it ran."""
    try:
        names_after(program, names)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "ran"
