"""torch refuses an argument that it does not know."""

from torch.utils.data import DataLoader

RAISES = ("TypeError",)


def bad():
    DataLoader([1, 2, 3], num_worker=2)


def good():
    DataLoader([1, 2, 3], num_workers=2)
