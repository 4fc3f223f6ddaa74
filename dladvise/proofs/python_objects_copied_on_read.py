"""Reading a Python object changes its reference count, and so copies its page into the worker."""

import gc

import torch
from torch.utils.data import DataLoader, Dataset

QUANTITY = "MB that a worker has for itself after it has read 200,000 numbers"
GOOD = "less"
TIMES = 2.0
SHOWN = "A worker that reads a list makes {times} times as much memory its own."
PLATFORMS = ("linux",)  # where workers are forked, and where their memory can be told


class Numbers(Dataset):
    def __init__(self, numbers):
        self.numbers = numbers

    def __len__(self):
        return 2

    def __getitem__(self, index):
        before = private_mb()
        for at in range(len(self.numbers)):
            self.numbers[at]
        return private_mb() - before


def private_mb():
    with open("/proc/self/smaps_rollup") as file:
        rows = [line.split() for line in file if line.startswith("Private_Dirty")]  # copies
    return sum(int(row[1]) for row in rows) / 1024


def grown(numbers):
    gc.collect()
    loader = DataLoader(Numbers(numbers), batch_size=None, num_workers=1)
    return float(next(iter(loader)))


def bad():
    return grown([float(number) for number in range(200_000)])


def good():
    return grown(torch.arange(200_000, dtype=torch.float64))
