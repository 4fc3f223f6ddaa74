"""A generator made in __init__ is copied into every worker, where all draw the same."""

import random

from torch.utils.data import DataLoader, Dataset, get_worker_info

QUANTITY = "different random numbers in one epoch of 64 samples, with 4 workers"
GOOD = "more"
TIMES = 2.0


class Copied(Dataset):
    def __init__(self):
        self.random = random.Random(0)

    def __len__(self):
        return 64

    def __getitem__(self, index):
        return self.random.random()


class Seeded(Copied):
    def __getitem__(self, index):
        if self.random is None:
            self.random = random.Random(get_worker_info().seed)
        return self.random.random()

    def __init__(self):
        self.random = None


def drawn(dataset):
    return len({float(one) for batch in DataLoader(dataset, 4, num_workers=4) for one in batch})


def bad():
    return drawn(Copied())


def good():
    return drawn(Seeded())
