"""torch's seed of a worker has 63 bits, and numpy takes 32."""

import numpy as np
import torch
from torch.utils.data import DataLoader

RAISES = ("ValueError",)
NEEDS = ("numpy",)


def seed_whole(worker_id):
    np.random.seed(torch.initial_seed())


def seed_rest(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)


def bad():
    return len(list(DataLoader([1, 2], num_workers=1, worker_init_fn=seed_whole)))


def good():
    return len(list(DataLoader([1, 2], num_workers=1, worker_init_fn=seed_rest)))
