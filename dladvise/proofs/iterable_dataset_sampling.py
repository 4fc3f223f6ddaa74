"""torch refuses to shuffle a stream."""

from torch.utils.data import DataLoader, IterableDataset

RAISES = ("ValueError",)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(8))


def bad():
    DataLoader(Stream(), shuffle=True)


def good():
    DataLoader(Stream())
