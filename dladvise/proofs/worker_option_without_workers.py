"""torch refuses options of workers where there are none."""

from torch.utils.data import DataLoader

RAISES = ("ValueError",)


def bad():
    DataLoader([1, 2, 3], persistent_workers=True)


def good():
    DataLoader([1, 2, 3], num_workers=2, persistent_workers=True)
