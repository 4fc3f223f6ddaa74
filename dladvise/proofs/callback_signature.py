"""worker_init_fn is called with the worker's number."""

from torch.utils.data import DataLoader

RAISES = ("TypeError",)


def takes_none():
    pass


def takes_number(worker_id):
    pass


def bad():
    return len(list(DataLoader([1, 2], num_workers=1, worker_init_fn=takes_none)))


def good():
    return len(list(DataLoader([1, 2], num_workers=1, worker_init_fn=takes_number)))
