"""A short measurement from the start tells how long workers take to start."""

import time

from torch.utils.data import DataLoader

QUANTITY = "seconds for a batch, as measured over 10, with 2 workers"
GOOD = "less"
TIMES = 2.0
SHOWN = "Measured from the start, a batch seems to take {times} times as long."
TURNS = 3


def bad():
    batches = iter(DataLoader(range(400), batch_size=8, num_workers=2))
    begun = time.perf_counter()
    for _ in range(10):
        next(batches)
    return (time.perf_counter() - begun) / 10


def good():
    batches = iter(DataLoader(range(400), batch_size=8, num_workers=2))
    for _ in range(10):
        next(batches)
    begun = time.perf_counter()
    for _ in range(10):
        next(batches)
    return (time.perf_counter() - begun) / 10
