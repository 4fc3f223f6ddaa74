"""Where a file constructs its loaders, and which of them a line means."""

from __future__ import annotations

import pytest

from dladvise.advisor import Source
from dladvise.advisor.constructions import Lines, at, constructions, statement_at

PROGRAM = """\
import torch
from torch.utils.data import DataLoader as Loader

loaders = {
    "train": Loader(
        train,  # all of it
        8,
    ),
    "val": Loader(val),
}


class Data(torch.nn.Module):
    def train_dataloader(
        self,
    ):
        # the loader

        self.loader = Loader(train)
        return self.loader


def main():
    for batch in Loader(
        train
    ):
        step(batch)
    if ready: loader = Loader(val); first = loader
    a, b = Loader(train), Loader(val)
    # nothing here
    other = make_loader(
        cfg,
    )
    x = 1
    try:
        pass
    except (KeyError, ValueError):
        pass
    match x:
        case 1:
            other = call(x)
"""
SOURCE = Source("t.py", PROGRAM)

# The callee's line, the lines of the call, those of its statement, and how it is listed.
FOUND = [
    (5, (5, 8), (4, 10), "DataLoader(...)"),
    (9, (9, 9), (4, 10), "DataLoader(...)"),
    (19, (19, 19), (19, 19), "self.loader = DataLoader(...) in Data.train_dataloader"),
    (24, (24, 26), (24, 26), "DataLoader(...) in main"),
    (28, (28, 28), (28, 28), "loader = DataLoader(...) in main"),
    (29, (29, 29), (29, 29), "DataLoader(...) in main"),
    (29, (29, 29), (29, 29), "DataLoader(...) in main"),
]
# A line, and the indices of the constructions that it means.
MEANT = [
    (1, []), (4, [0, 1]), (5, [0]), (6, [0]), (8, [0]), (9, [1]), (10, [0, 1]), (11, []),
    (19, [2]), (20, []), (24, [3]), (25, [3]), (27, []), (28, [4]), (29, [5, 6]), (31, []),
]  # fmt: skip
# A line, and the lines of the innermost statement's own code, of the whole statement, and
# whether it calls something.
STATEMENTS = [
    (1, ((1, 1), (1, 1), False)),
    (3, None),
    (7, ((4, 10), (4, 10), True)),
    (13, ((13, 13), (13, 20), False)),
    (15, ((14, 16), (14, 20), False)),
    (17, None),
    (18, None),
    (25, ((24, 26), (24, 27), True)),
    (27, ((27, 27), (27, 27), True)),
    (28, ((28, 28), (28, 28), True)),
    (30, None),
    (32, ((31, 33), (31, 33), True)),
    (34, ((34, 34), (34, 34), False)),
    (35, ((35, 35), (35, 38), False)),
    (37, ((37, 37), (37, 38), False)),
    (40, ((40, 40), (40, 41), False)),
    (41, ((41, 41), (41, 41), True)),
    (42, None),
    (99, None),
]


@pytest.mark.parametrize("source", [SOURCE, Source("t.py", PROGRAM.replace("\n", "\r\n"))])
def test_every_construction_is_found_with_its_lines(source: Source) -> None:
    rows = [
        (one.line, pair(one.lines), pair(one.statement), one.shown) for one in constructions(source)
    ]
    assert rows == FOUND


def pair(lines: Lines) -> tuple[int, int]:
    return lines.first, lines.last


@pytest.mark.parametrize(("line", "indices"), MEANT)
def test_a_line_means_the_call_or_else_the_statement(line: int, indices: list[int]) -> None:
    found = constructions(SOURCE)
    assert at(found, line) == tuple(found[index] for index in indices)


@pytest.mark.parametrize(("line", "expected"), STATEMENTS)
def test_the_statement_of_a_line(
    line: int, expected: tuple[tuple[int, int], tuple[int, int], bool] | None
) -> None:
    found = statement_at(SOURCE, line)
    if expected is None:
        assert found is None
    else:
        own, whole, calls = expected
        assert found is not None
        assert (found.own, found.whole, found.calls) == (Lines(*own), Lines(*whole), calls)


def test_the_last_line_needs_no_end() -> None:
    source = Source("t.py", "from torch.utils.data import DataLoader\nDataLoader(x)")
    [one] = constructions(source)
    assert (one.lines, one.statement) == (Lines(2, 2), Lines(2, 2))


def test_code_that_cannot_be_read_hides_no_other() -> None:
    source = Source("t.py", f"{PROGRAM}\ndef broken(:\n    pass\n")
    assert [one.line for one in constructions(source)] == [row[0] for row in FOUND]


def test_a_file_without_loaders_has_none() -> None:
    assert constructions(Source("t.py", "")) == ()
    assert constructions(Source("t.py", "x = 1\n")) == ()
    assert statement_at(Source("t.py", ""), 1) is None
