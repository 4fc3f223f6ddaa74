"""Rows of a tensor are there already: a worker only sends them through a pipe."""

import time

import torch
from torch.utils.data import DataLoader, TensorDataset

QUANTITY = "seconds for an epoch of 400 batches of rows in memory"
GOOD = "less"
TIMES = 1.2
SHOWN = "Without workers the epoch takes {times} times less time."
TURNS = 3
ROWS = TensorDataset(torch.rand(3200, 16))


def seconds(n_workers):
    begun = time.perf_counter()
    for _ in DataLoader(ROWS, batch_size=8, num_workers=n_workers):
        pass
    return time.perf_counter() - begun


def bad():
    return seconds(2)


def good():
    return seconds(0)
