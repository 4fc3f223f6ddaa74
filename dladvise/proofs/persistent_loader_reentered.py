"""A loader with workers that are kept has a single iterator."""

from torch.utils.data import DataLoader

QUANTITY = "photos of 6 that zip(loader, loader) pairs with themselves"
GOOD = "more"
TIMES = 2.0
SHOWN = "Two loops over one loader whose workers are kept share the batches between them."


def paired(loader):
    return sum(left == right for left, right in zip(loader, loader))


def bad():
    return paired(DataLoader(range(6), batch_size=None, num_workers=2, persistent_workers=True))


def good():
    return paired(DataLoader(range(6), batch_size=None, num_workers=2))
