"""ConcatDataset takes one list of datasets."""

from torch.utils.data import ConcatDataset

RAISES = ("TypeError",)


def bad():
    ConcatDataset([1, 2, 3], [4, 5])


def good():
    ConcatDataset([[1, 2, 3], [4, 5]])
