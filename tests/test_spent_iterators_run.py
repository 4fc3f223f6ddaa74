"""What the rules on iterators that come to their end claim is what torch does."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import dladvise.advisor.rules
from tests.rule_documents import cases

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
FOLDER = Path(dladvise.advisor.rules.__file__).parent
COUNTING = """
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

n_batches = []


def step(batch):
    n_batches[-1] += 1


class Epochs:
    def __iter__(self):
        for epoch in range(3):
            n_batches.append(0)
            yield epoch


def range_of_epochs(n_epochs):
    return Epochs()

"""


def counts(program: str, training: str) -> list[int]:
    """The batches of each epoch, of a program whose loops over epochs are counted."""
    counted = program.replace("range(n_epochs)", "range_of_epochs(n_epochs)")
    names: dict[str, Any] = {"__name__": "case"}
    exec(COUNTING + counted + training, names)
    return list(names["n_batches"])


def document(rule: str, heading: str) -> tuple[str, str | None]:
    bad = [one for one in cases(FOLDER / f"{rule}.md") if one.kind == "bad"]
    found = next(one for one in bad if heading in one.name)
    return found.code, found.fixed


def test_a_sampler_that_is_an_iterator_gives_one_epoch() -> None:
    code, fixed = document("one_shot_iterator", "")
    assert fixed is not None
    assert counts(code, "\ntrain(range(6), 3)") == [2, 0, 0]
    assert counts(fixed, "\ntrain(range(6), 3)") == [2, 2, 2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # its open file
def test_a_stream_that_begins_nothing_anew_gives_one_epoch(tmp_path: Path) -> None:
    code, _ = document("one_shot_iterator", "begin nothing anew")
    (tmp_path / "lines").write_text("one\ntwo\nthree\nfour\n")
    # two batches of lines and three of numbers
    assert counts(code, f"\ntrain({str(tmp_path / 'lines')!r}, 3)") == [5, 0, 0]


ENDING = """
class Samples(Dataset):
    def __init__(self):
        self.samples = iter([1, 2, 3, 4])

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return next(self.samples)


def train(n_workers, n_epochs):
    loader = DataLoader(Samples(), batch_size=2, num_workers=n_workers)
    for epoch in range(n_epochs):
        for batch in loader:
            step(batch)


"""


def test_the_end_of_an_iterator_in_a_dataset_ends_the_epoch() -> None:
    assert counts(ENDING, "train(0, 3)") == [2, 0, 0]


def test_it_does_so_in_workers_whose_copies_begin_anew() -> None:
    assert counts(ENDING, "train(1, 3)") == [2, 2, 2]
