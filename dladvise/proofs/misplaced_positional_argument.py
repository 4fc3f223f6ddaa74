"""The third place is that of shuffle, which takes every number but 0 for yes."""

from torch.utils.data import DataLoader

QUANTITY = "workers that the loader has"
GOOD = "more"
TIMES = 2.0
SHOWN = "In third place the number starts no worker, and nothing is said."
PHOTOS = list(range(8))


def bad():
    return DataLoader(PHOTOS, 2, 4).num_workers


def good():
    return DataLoader(PHOTOS, 2, num_workers=4).num_workers
