"""What DL013 says that torch cannot put into a batch is what its loader raises at."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from dladvise.advisor import Source, analyze

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")

PROGRAM = """
from collections import namedtuple
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset


@dataclass
class Photo:
    label: int


Pair = namedtuple("Pair", ["photo", "label"])


class Photos(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        {body}


loader = DataLoader(Photos(), batch_size=2{options})
"""

REFUSED = [
    "return None",
    "return torch.zeros(2), None",
    "return {'photo': torch.zeros(2), 'boxes': [1, None]}",
    "return {1, 2}",
    "return (one for one in [1, 2])",
    "return Photo(index)",
    "yield index",
    "index = index + 1",
    "try:\n            return 1 // index\n        except ZeroDivisionError:\n            pass",
]
TAKEN = [
    "return index, 1.5, 'photo', b'photo'",
    "return torch.zeros(2), [1, 2], {'label': index}",
    "return Pair(torch.zeros(2), index)",
]


def codes(program: str) -> set[str]:
    return {one.rule.code for one in analyze(Source("case.py", program)).findings}


def reads(program: str) -> bool:
    """Reports whether the loader comes to its end."""
    names = {"__name__": __name__}  # dataclasses look their module up
    exec(program, names)
    try:
        exec("batches = list(loader)", names)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("body", REFUSED)
def test_torch_refuses_what_is_reported(body: str) -> None:
    program = PROGRAM.format(body=body, options="")
    assert "DL013" in codes(program)
    assert not reads(program)


@pytest.mark.parametrize("body", TAKEN)
def test_torch_takes_what_is_not(body: str) -> None:
    program = PROGRAM.format(body=body, options="")
    assert "DL013" not in codes(program)
    assert reads(program)


@pytest.mark.parametrize("body", REFUSED[:-1])
def test_a_collate_fn_takes_everything(body: str) -> None:
    program = PROGRAM.format(body=body, options=", collate_fn=list")
    assert "DL013" not in codes(program)
    assert reads(program)


def test_torch_refuses_images() -> None:
    pytest.importorskip("PIL")
    body = "return Image.new('L', (2, 2)).convert('RGB'), index"
    program = "from PIL import Image\n" + PROGRAM.format(body=body, options="")
    assert "DL013" in codes(program)
    assert not reads(program)
