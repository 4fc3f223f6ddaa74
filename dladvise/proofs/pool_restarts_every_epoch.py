"""Without persistent_workers, the workers are started again for every epoch."""

import time

from torch.utils.data import DataLoader

QUANTITY = "seconds for 5 epochs of 8 batches, with 2 workers"
GOOD = "less"
TIMES = 1.2
SHOWN = "With workers that are kept the same epochs take {times} times less time."
TURNS = 3


def seconds(loader):
    begun = time.perf_counter()
    for _ in range(5):
        for _ in loader:
            pass
    return time.perf_counter() - begun


def bad():
    return seconds(DataLoader(range(64), batch_size=8, num_workers=2))


def good():
    return seconds(DataLoader(range(64), batch_size=8, num_workers=2, persistent_workers=True))
