"""A batch cannot be made of a sample that is None."""

from torch.utils.data import DataLoader, Dataset

RAISES = ("TypeError",)
BROKEN = 2


class NoneForBroken(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return None if index == BROKEN else index


class WithoutBroken(Dataset):
    def __init__(self):
        self.indices = [index for index in range(4) if index != BROKEN]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.indices[index]


def bad():
    return len(list(DataLoader(NoneForBroken(), batch_size=2)))


def good():
    return len(list(DataLoader(WithoutBroken(), batch_size=2)))
