"""Data-parallel training on the CPU: torchrun --nproc-per-node 2 examples/ddp_train.py"""

import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

EPOCHS = 3


class Squares(Dataset):
    """Numbers and their squares."""

    def __init__(self, start, count):
        self.start = start
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        number = (self.start + index) / 100
        return torch.tensor([number]), torch.tensor([number**2])


def train_with_sampler(model, optimizer):
    """Every rank has its own part, and every epoch the same order."""
    squares = Squares(0, 256)
    sampler = DistributedSampler(squares)
    loader = DataLoader(squares, batch_size=16, sampler=sampler)
    for epoch in range(EPOCHS):
        for numbers, wanted in loader:
            loss = nn.functional.mse_loss(model(numbers), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"rank {dist.get_rank()}, epoch {epoch}: loss {loss.item():.3f}")


def train_without_sampler(model, optimizer):
    """Every rank trains on the same samples."""
    loader = DataLoader(Squares(256, 256), batch_size=16, shuffle=True)
    for epoch in range(EPOCHS):
        for numbers, wanted in loader:
            loss = nn.functional.mse_loss(model(numbers), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"rank {dist.get_rank()}, epoch {epoch}: loss {loss.item():.3f}")


def main():
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29511")
    os.environ.setdefault("RANK", "0")
    os.environ.setdefault("WORLD_SIZE", "1")
    dist.init_process_group("gloo")
    model = DistributedDataParallel(nn.Linear(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    train_with_sampler(model, optimizer)
    train_without_sampler(model, optimizer)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
