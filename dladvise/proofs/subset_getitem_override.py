"""A loader asks a Subset for whole batches, by __getitems__."""

from torch.utils.data import DataLoader, Subset

RAISES = ("NotImplementedError",)


class SinglesAlone(Subset):
    def __getitem__(self, index):
        return 2 * super().__getitem__(index)


class Both(Subset):
    def __getitem__(self, index):
        return 2 * super().__getitem__(index)

    def __getitems__(self, indices):
        return [self[index] for index in indices]


def bad():
    return len(list(DataLoader(SinglesAlone([1, 2, 3, 4], [0, 2]))))


def good():
    return len(list(DataLoader(Both([1, 2, 3, 4], [0, 2]))))
