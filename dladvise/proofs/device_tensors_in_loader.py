"""Only tensors in the CPU's memory can be pinned."""

import torch
from torch.utils.data import DataLoader, TensorDataset

RAISES = ("RuntimeError",)
NEEDS = ("gpu",)


def bad():
    return len(list(DataLoader(TensorDataset(torch.zeros(8).cuda()), pin_memory=True)))


def good():
    return len(list(DataLoader(TensorDataset(torch.zeros(8)), pin_memory=True)))
