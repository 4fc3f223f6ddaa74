"""A worker_init_fn runs after torch has seeded the worker, and in every epoch."""

import random

import torch
from torch.utils.data import DataLoader, Dataset

QUANTITY = "different random numbers in two epochs of 64 samples, with 4 workers"
GOOD = "more"
TIMES = 2.0
SHOWN = "With the seed that torch gave the worker {times} times as many are different."


class Noise(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        return random.random()


def constant(worker_id):
    random.seed(42)


def from_torch(worker_id):
    random.seed(torch.initial_seed())


def different(seed_worker):
    loader = DataLoader(Noise(), batch_size=None, num_workers=4, worker_init_fn=seed_worker)
    return len({number for epoch in range(2) for number in loader})


def bad():
    return different(constant)


def good():
    return different(from_torch)
