"""A list can be looped over, and still is no iterator."""

from torch.utils.data import DataLoader, IterableDataset

RAISES = ("TypeError",)


class GivesList(IterableDataset):
    def __iter__(self):
        return [1, 2, 3]


class GivesIterator(IterableDataset):
    def __iter__(self):
        return iter([1, 2, 3])


def bad():
    return len(list(DataLoader(GivesList())))


def good():
    return len(list(DataLoader(GivesIterator())))
