"""Sampler has no __init__ of its own since torch 2.10."""

from torch.utils.data import Sampler

RAISES = ("TypeError",)


class Handing(Sampler):
    def __init__(self, photos):
        super().__init__(photos)


class Keeping(Sampler):
    def __init__(self, photos):
        super().__init__()


def bad():
    Handing([1, 2, 3, 4])


def good():
    Keeping([1, 2, 3, 4])
