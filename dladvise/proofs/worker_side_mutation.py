"""Each worker writes into a copy of the dataset that ends with it."""

from torch.utils.data import DataLoader, Dataset

QUANTITY = "broken photos of 8 that the main process knows of after an epoch"
GOOD = "more"
TIMES = 2.0
SHOWN = "What a worker writes into the dataset stays in the worker; what it returns arrives."


class Photos(Dataset):
    def __init__(self):
        self.broken = []

    def __len__(self):
        return 8

    def __getitem__(self, index):
        self.broken.append(index)
        return index


def bad():
    photos = Photos()
    for _ in DataLoader(photos, batch_size=None, num_workers=2):
        pass
    return len(photos.broken)


def good():
    broken = []
    for index in DataLoader(Photos(), batch_size=None, num_workers=2):
        broken.append(index)
    return len(broken)
