"""Which number of workers is fastest? A first attempt at measuring it."""

import time

import torch
from torch.utils.data import DataLoader, TensorDataset

points = torch.randn(10_000, 16)
classes = torch.randint(0, 10, (10_000,))
dataset = TensorDataset(points, classes)

loaders = [
    DataLoader(dataset, batch_size=64, shuffle=True),
    DataLoader(dataset, batch_size=64, shuffle=True, num_workers=4),
    DataLoader(dataset, batch_size=64, shuffle=True, num_workers=8),
    DataLoader(dataset, batch_size=64, shuffle=True, num_workers=16),
]

for loader in loaders:
    started = time.time()
    for batch in loader:
        pass
    print(f"{loader.num_workers:>2} workers: {time.time() - started:.2f} s an epoch")
