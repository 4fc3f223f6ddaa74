"""The driver copies a batch of ordinary memory into a page-locked buffer of its own first."""

import time

import torch
from torch.utils.data import DataLoader

QUANTITY = "seconds to copy 10 batches of 16 MB to the GPU"
GOOD = "less"
TIMES = 1.1
SHOWN = "From pinned memory the copies take {times} times less time."
TURNS = 5
NEEDS = ("gpu",)
IMAGES = torch.ones(10, 4, 1024, 1024).unbind()


def seconds(loader):
    taken = 0.0
    torch.cuda.init()
    for batch in loader:
        torch.cuda.synchronize()
        begun = time.perf_counter()
        batch.to("cuda", non_blocking=True)
        torch.cuda.synchronize()
        taken += time.perf_counter() - begun
    return taken


def bad():
    return seconds(DataLoader(IMAGES, batch_size=None))


def good():
    return seconds(DataLoader(IMAGES, batch_size=None, pin_memory=True))
