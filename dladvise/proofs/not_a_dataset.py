"""A class that was never called has no samples."""

from torch.utils.data import DataLoader, Dataset

RAISES = ("TypeError",)


class Photos(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index


def bad():
    return list(DataLoader(Photos, batch_size=4))


def good():
    return len(list(DataLoader(Photos(), batch_size=4)))
