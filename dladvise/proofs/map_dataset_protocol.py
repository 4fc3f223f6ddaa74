"""torch calls __getitem__ with an index."""

from torch.utils.data import DataLoader, Dataset

RAISES = ("TypeError",)


class WithoutIndex(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self):
        return 1


class WithIndex(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index


def bad():
    return len(list(DataLoader(WithoutIndex())))


def good():
    return len(list(DataLoader(WithIndex())))
