"""Of a pool of threads a forked worker has the memory, and none of the threads."""

import signal

import torch
from torch.utils.data import DataLoader, Dataset

RAISES = ("RuntimeError",)
PLATFORMS = ("linux",)  # where workers are forked, and OpenMP is GNU's


class Sums(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return torch.ones(1_000_000).sum()


def two_threads(worker_id):
    signal.alarm(2)  # without it the worker would wait for ever
    torch.set_num_threads(2)


def one_thread(worker_id):
    signal.alarm(2)
    torch.set_num_threads(1)


def load(init_worker):
    torch.set_num_threads(2)
    torch.ones(1_000_000).sum()  # now the main process has a pool of threads
    context = "fork"
    for _ in DataLoader(
        Sums(), num_workers=1, worker_init_fn=init_worker, multiprocessing_context=context
    ):
        pass


def bad():
    load(two_threads)


def good():
    load(one_thread)
