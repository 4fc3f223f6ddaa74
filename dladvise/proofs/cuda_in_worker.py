"""A forked process cannot use CUDA once its parent has."""

import torch
from torch.utils.data import DataLoader, Dataset

RAISES = ("RuntimeError",)
NEEDS = ("gpu",)
PLATFORMS = ("linux",)  # where workers are forked


class OnGpu(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.full((2,), index).cuda()


class OnCpu(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.full((2,), index)


def bad():
    torch.zeros(1).cuda()  # as the model is
    for _ in DataLoader(OnGpu(), num_workers=1, multiprocessing_context="fork"):
        pass


def good():
    torch.zeros(1).cuda()
    for batch in DataLoader(OnCpu(), num_workers=1, multiprocessing_context="fork"):
        batch.cuda()
