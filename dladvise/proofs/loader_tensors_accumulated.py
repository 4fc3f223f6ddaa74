"""A tensor from a worker holds a file open; here this program allows itself 200 of them."""

import resource

import torch
from torch.utils.data import DataLoader

RAISES = ("RuntimeError", "OSError")
PLATFORMS = ("linux",)  # where tensors are sent as open files
PHOTOS = torch.zeros(300, 4)


def keep_all(kept):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        return len([kept(batch) for batch in DataLoader(PHOTOS, num_workers=2)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def bad():
    return keep_all(lambda batch: batch)


def good():
    return keep_all(lambda batch: batch.clone())
