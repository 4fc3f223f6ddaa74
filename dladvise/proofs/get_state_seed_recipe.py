"""The first word of numpy's state in a worker is a constant since torch 1.9."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

QUANTITY = "different random numbers in three epochs of 32 samples, with 2 workers"
GOOD = "more"
TIMES = 2.0
SHOWN = "With the seed that torch gave the worker {times} times as many are different."
NEEDS = ("numpy",)


class Noise(Dataset):
    def __len__(self):
        return 32

    def __getitem__(self, index):
        return np.random.normal()


def from_state(worker_id):
    np.random.seed(np.random.get_state()[1][0] + worker_id)


def from_torch(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)


def different(seed_worker):
    loader = DataLoader(Noise(), batch_size=None, num_workers=2, worker_init_fn=seed_worker)
    return len({number for epoch in range(3) for number in loader})


def bad():
    return different(from_state)


def good():
    return different(from_torch)
