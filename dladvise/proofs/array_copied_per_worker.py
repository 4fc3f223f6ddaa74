"""A worker that is not forked is sent the dataset; this is what torch would send."""

from multiprocessing.reduction import ForkingPickler

import numpy as np
import torch
from torch.utils.data import Dataset

QUANTITY = "MB of a dataset with 16 MB that each worker is sent"
GOOD = "less"
TIMES = 2.0
SHOWN = "Of a tensor each worker is told where in shared memory it is."
NEEDS = ("numpy",)


class Waves(Dataset):
    def __init__(self, waves):
        self.waves = waves

    def __len__(self):
        return len(self.waves)

    def __getitem__(self, index):
        return self.waves[index]


def sent(dataset):
    return len(ForkingPickler.dumps(dataset)) / 2**20


def bad():
    return sent(Waves(np.ones((256, 16384), dtype=np.float32)))


def good():
    return sent(Waves(torch.ones(256, 16384)))
