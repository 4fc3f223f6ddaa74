"""A generator made in __init__ is copied into every worker, where all draw the same."""

import numpy as np
from torch.utils.data import DataLoader, Dataset, get_worker_info

QUANTITY = "different random numbers in two epochs of 64 samples, with 4 workers"
GOOD = "more"
TIMES = 2.0
SHOWN = "With a generator made in each worker {times} times as many are different."
NEEDS = ("numpy",)


class Noise(Dataset):
    rng = None

    def __len__(self):
        return 64

    def __getitem__(self, index):
        if self.rng is None:
            self.rng = np.random.default_rng(get_worker_info().seed)
        return self.rng.normal()


class MadeInInit(Noise):
    def __init__(self):
        self.rng = np.random.default_rng(0)


class MadeInWorker(Noise):
    pass


def different(dataset):
    loader = DataLoader(dataset, batch_size=None, num_workers=4)
    return len({number for epoch in range(2) for number in loader})


def bad():
    return different(MadeInInit())


def good():
    return different(MadeInWorker())
