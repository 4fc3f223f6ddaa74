"""A layer that normalises over the batch cannot do so over one sample."""

import torch
from torch.utils.data import DataLoader

RAISES = ("ValueError",)
ROWS = torch.rand(9, 8)  # two batches of four, and one row


def train(loader):
    model = torch.nn.BatchNorm1d(8)
    for batch in loader:
        model(batch).sum().backward()


def bad():
    train(DataLoader(ROWS, batch_size=4))


def good():
    train(DataLoader(ROWS, batch_size=4, drop_last=True))
