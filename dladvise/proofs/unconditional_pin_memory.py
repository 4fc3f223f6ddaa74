"""torch warns where memory is to be pinned and there is no GPU."""

import warnings

import torch
from torch.utils.data import DataLoader

QUANTITY = "warnings of torch in an epoch"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "Pinning only where there is a GPU, nothing is warned about here."
NEEDS = ("no gpu",)


def warned(pin_memory):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(DataLoader(torch.zeros(8), pin_memory=pin_memory))
    return sum("pin_memory" in str(one.message) for one in caught)


def bad():
    return warned(True)


def good():
    return warned(torch.cuda.is_available())
