"""Every worker reads the whole stream, unless the stream divides itself."""

from torch.utils.data import DataLoader, IterableDataset, get_worker_info

QUANTITY = "samples that an epoch over a stream of 100 delivers, with 4 workers"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "A stream that divides itself delivers each sample once, not {times} times."


class Whole(IterableDataset):
    def __iter__(self):
        return iter(range(100))


class Divided(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 100, info.num_workers))


def delivered(dataset):
    return sum(len(batch) for batch in DataLoader(dataset, 10, num_workers=4))


def bad():
    return delivered(Whole())


def good():
    return delivered(Divided())
