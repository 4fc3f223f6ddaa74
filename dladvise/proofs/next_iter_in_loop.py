"""next(iter(loader)) starts the workers, takes one batch, and throws all else away."""

import time

from torch.utils.data import DataLoader

QUANTITY = "seconds for 10 batches, with 2 workers"
GOOD = "less"
TIMES = 1.5
SHOWN = "With one iterator the same batches take {times} times less time."
TURNS = 3


def bad():
    loader = DataLoader(range(160), batch_size=8, num_workers=2)
    begun = time.perf_counter()
    for _ in range(10):
        next(iter(loader))
    return time.perf_counter() - begun


def good():
    loader = DataLoader(range(160), batch_size=8, num_workers=2)
    begun = time.perf_counter()
    batches = iter(loader)
    for _ in range(10):
        next(batches)
    return time.perf_counter() - begun
