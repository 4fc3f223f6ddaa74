"""A StopIteration from a sample is taken for the end of the loader."""

from torch.utils.data import DataLoader, Dataset

QUANTITY = "samples that two epochs over 4 lines give"
GOOD = "more"
TIMES = 2.0
SHOWN = "The end of an iterator ends the epoch, and nothing is said; a list has none."


class Lines(Dataset):
    def __init__(self):
        self.lines = ["first", "second", "third", "fourth"]

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.lines[index]


class ReadOn(Lines):
    def __init__(self):
        self.lines = iter(["first", "second", "third", "fourth"])

    def __getitem__(self, index):
        return next(self.lines)


def samples(lines):
    loader = DataLoader(lines, batch_size=2)
    return sum(len(batch) for epoch in range(2) for batch in loader)


def bad():
    return samples(ReadOn())


def good():
    return samples(Lines())
