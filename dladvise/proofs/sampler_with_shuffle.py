"""torch refuses to shuffle beside a sampler."""

from torch.utils.data import DataLoader, RandomSampler

RAISES = ("ValueError",)


def bad():
    DataLoader([1, 2, 3], sampler=RandomSampler([1, 2, 3]), shuffle=True)


def good():
    DataLoader([1, 2, 3], sampler=RandomSampler([1, 2, 3]))
