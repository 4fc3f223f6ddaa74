"""Counts the records of a stream that is read by four workers: far too many arrive."""

import torch
from torch.utils.data import DataLoader, IterableDataset

N_RECORDS = 1_000


class Records(IterableDataset):
    """A log that is read from its first record to its last."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        for number in range(self.count):
            yield torch.tensor([number, number % 7])


def main():
    loader = DataLoader(Records(N_RECORDS), batch_size=50, num_workers=4)
    seen = sum(len(batch) for batch in loader)
    print(f"{seen} records read, {N_RECORDS} in the log")


if __name__ == "__main__":
    main()
