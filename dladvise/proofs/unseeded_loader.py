"""A shuffling loader takes its seed from the generator that the model takes weights from."""

import torch
from torch.utils.data import DataLoader

QUANTITY = "orders of the samples in two runs with one seed, the second with one layer more"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "With a generator of its own the loader keeps its order."


def orders(make):
    found = set()
    for n_layers in (1, 2):
        torch.manual_seed(7)
        for _ in range(n_layers):
            torch.nn.Linear(2, 2)
        found.add(tuple(int(batch) for batch in make()))
    return len(found)


def bad():
    return orders(lambda: DataLoader(range(64), shuffle=True))


def good():
    return orders(
        lambda: DataLoader(range(64), shuffle=True, generator=torch.Generator().manual_seed(7))
    )
