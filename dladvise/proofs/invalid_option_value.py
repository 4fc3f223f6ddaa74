"""A division gives a float, and torch takes no float for a batch size."""

from torch.utils.data import DataLoader

RAISES = ("ValueError",)
PHOTOS = list(range(40))


def bad():
    DataLoader(PHOTOS, batch_size=len(PHOTOS) / 10)


def good():
    DataLoader(PHOTOS, batch_size=len(PHOTOS) // 10)
