"""A loader is looped over; it is no iterator itself."""

from torch.utils.data import DataLoader

RAISES = ("TypeError",)


def bad():
    loader = DataLoader([1, 2, 3, 4], batch_size=2)
    next(loader)


def good():
    loader = DataLoader([1, 2, 3, 4], batch_size=2)
    next(iter(loader))
