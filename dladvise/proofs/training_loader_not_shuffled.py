"""A loader keeps the order of the dataset unless it is told to shuffle."""

from torch.utils.data import DataLoader

QUANTITY = "different orders of the samples in 4 epochs"
GOOD = "more"
TIMES = 2.0
SHOWN = "With shuffle=True every epoch has an order of its own."


def orders(loader):
    return len({tuple(loader) for epoch in range(4)})


def bad():
    return orders(DataLoader(range(64), batch_size=None))


def good():
    return orders(DataLoader(range(64), batch_size=None, shuffle=True))
