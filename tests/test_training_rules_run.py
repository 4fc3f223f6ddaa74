"""What the rules on training loops claim is what torch does."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


def names_after(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "case"}
    exec(program, names)
    return names


def epochs(options: str) -> tuple[list[int], list[int]]:
    """The order of 50 samples in two epochs, with these options."""
    program = f"""
import torch
from torch.utils.data import DataLoader

torch.manual_seed(0)
loader = DataLoader(range(50), batch_size=5{options})
first, second = (torch.cat(list(loader)).tolist() for _ in range(2))
"""
    names = names_after(program)
    return names["first"], names["second"]


def test_every_epoch_has_the_order_of_the_dataset() -> None:
    assert epochs("") == (list(range(50)), list(range(50)))


def test_every_shuffled_epoch_has_an_order_of_its_own() -> None:
    first, second = epochs(", shuffle=True")
    assert first != second != list(range(50))


NORMALISED = """
import torch
from torch.utils.data import DataLoader

model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4))
n_batches, message = 0, ""
try:
    for batch in DataLoader(torch.zeros(9, 2), batch_size=4{options}):
        model(batch).sum().backward()
        n_batches += 1
except ValueError as error:
    message = str(error)
"""


def test_a_last_batch_of_one_sample_cannot_be_normalised() -> None:
    names = names_after(NORMALISED.format(options=""))
    assert names["n_batches"] == 2
    assert names["message"].startswith("Expected more than 1 value per channel when training")


def test_without_the_last_batch_the_epoch_ends() -> None:
    names = names_after(NORMALISED.format(options=", drop_last=True"))
    assert (names["n_batches"], names["message"]) == (2, "")


PINNING = """
import torch
from torch.utils.data._utils.pin_memory import pin_memory

pin_memory([torch.zeros(2, device="meta")])
"""


def test_only_tensors_of_the_cpu_are_pinned() -> None:
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        names_after(PINNING)
