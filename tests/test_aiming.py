"""What the target of a probe means in a file."""

from __future__ import annotations

import pytest

from dladvise.aiming import NoSuchLoader, aimed
from dladvise.probe import target

PROGRAM = """\
from torch.utils.data import DataLoader


def train(ds):
    for batch in DataLoader(
        ds,
    ):
        print(batch)


def both(a, b):
    return DataLoader(a), DataLoader(b)


def main():
    loader = make_loader(
        cfg,
    )
    loaders = {
        "a": DataLoader(loader.dataset),
        "b": DataLoader(loader.dataset, 8),
    }
    x = 1
"""

# A target, the lines on which the loader is made, and the lines of the callees there.
MEANT = [
    ("t.py:4", (5, 7), [5]),  # the head of the function around it
    ("t.py:5", (5, 7), [5]),
    ("t.py:6", (5, 7), [5]),
    ("t.py:12", (12, 12), [12, 12]),
    ("t.py:12#2", (12, 12), [12, 12]),
    ("t.py:16", (16, 18), []),  # made elsewhere
    ("t.py:17", (16, 18), []),
    ("t.py:20", (20, 20), [20]),
]  # fmt: skip
NONE = [
    ("t.py:1", "t.py:1: nothing is called there; the nearest loaders are", [5, 12, 12]),
    ("t.py:9", "t.py:9: nothing is called there; the nearest loaders are", [5, 12, 12]),
    ("t.py:23", "t.py:23: nothing is called there; the nearest loaders are", [12, 20, 21]),
    ("t.py:11", "t.py:11: say which of its loaders", [12, 12]),
    ("t.py:19", "t.py:19: say which of its loaders", [20, 21]),
    ("t.py:15", "t.py:15: say which of its loaders", [20, 21]),
    ("t.py", "t.py: say which of its loaders", [5, 12, 12, 20, 21]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "lines", "callees"), MEANT)
def test_a_line_leads_to_its_loader(words: str, lines: tuple[int, int], callees: list[int]) -> None:
    aim = aimed(target(words), PROGRAM.encode())
    assert aim.lines is not None
    assert (aim.lines.first, aim.lines.last) == lines
    assert [one.line for one in aim.meant] == callees
    assert (aim.construction is None) is (not callees)


@pytest.mark.parametrize(("words", "reason", "listed"), NONE)
def test_what_is_not_one_loader_is_listed(words: str, reason: str, listed: list[int]) -> None:
    with pytest.raises(NoSuchLoader) as refused:
        aimed(target(words), PROGRAM.encode())
    assert str(refused.value) == reason
    places = [line.split()[0] for line in refused.value.loaders]
    assert [int(place.partition(":")[2].partition("#")[0]) for place in places] == listed


def test_loaders_on_one_line_are_counted() -> None:
    first, second = (aimed(target(f"t.py:12#{n}"), PROGRAM.encode()) for n in (1, 2))
    assert first.construction is not None
    assert second.construction is not None
    assert first.construction.callee < second.construction.callee
    assert aimed(target("t.py:12#3"), PROGRAM.encode()).construction is None


def test_the_only_loader_needs_no_line() -> None:
    aim = aimed(target("t.py"), b"from torch.utils.data import DataLoader\nDataLoader(x)\n")
    assert aim.target.line == 2
    assert aim.construction is not None


def test_a_function_leads_to_the_construction_in_it() -> None:
    text = PROGRAM.encode()
    one = aimed(target("t.py::train"), text)
    assert one.construction is not None
    assert one.construction.line == 5
    assert one.lines is None
    assert len(aimed(target("t.py::both"), text).meant) == 2
    assert aimed(target("t.py::elsewhere"), text).construction is None
