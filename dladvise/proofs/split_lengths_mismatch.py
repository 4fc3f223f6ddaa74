"""Lengths that are rounded down one by one do not add up to 13."""

from torch.utils.data import random_split

RAISES = ("ValueError",)
PHOTOS = list(range(13))


def bad():
    random_split(PHOTOS, [int(0.8 * len(PHOTOS)), int(0.2 * len(PHOTOS))])


def good():
    random_split(PHOTOS, [0.8, 0.2])
