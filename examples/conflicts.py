"""Loaders that cannot be built or read; prints what PyTorch says about each."""

import os

import torch
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset

numbers = TensorDataset(torch.arange(32))


def shuffled_sampler():
    return DataLoader(numbers, sampler=SequentialSampler(numbers), shuffle=True)


def workers_that_stay():
    return DataLoader(numbers, batch_size=8, persistent_workers=True)


def misspelt():
    return DataLoader(numbers, batch_size=8, num_worker=2)


def half_the_cores():
    return DataLoader(numbers, batch_size=8, num_workers=os.cpu_count() / 2)


def ready_batches():
    batches = [[0, 1, 2], [3, 4], [5]]
    return DataLoader(numbers, batch_sampler=batches, batch_size=8)


def prefetched():
    return DataLoader(numbers, batch_size=8, prefetch_factor=4)


def main():
    loaders = [
        shuffled_sampler,
        workers_that_stay,
        misspelt,
        half_the_cores,
        ready_batches,
        prefetched,
    ]
    for build in loaders:
        try:
            print(f"{build.__name__}: {len(list(build()))} batches")
        except (TypeError, ValueError) as problem:
            print(f"{build.__name__}: {type(problem).__name__}: {problem}")


if __name__ == "__main__":
    main()
