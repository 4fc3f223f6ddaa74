"""A generator that gives the indices is at its end after the first epoch."""

from torch.utils.data import DataLoader

QUANTITY = "batches in the second epoch"
GOOD = "more"
TIMES = 2.0
SHOWN = "An iterator serves one epoch, and a list every one."


def batches_in_second_epoch(loader):
    for _ in loader:
        pass
    return sum(1 for _ in loader)


def bad():
    evens = (2 * i for i in range(3))
    return batches_in_second_epoch(DataLoader(range(6), sampler=evens))


def good():
    evens = [2 * i for i in range(3)]
    return batches_in_second_epoch(DataLoader(range(6), sampler=evens))
