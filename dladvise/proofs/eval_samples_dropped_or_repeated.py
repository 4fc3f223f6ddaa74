"""drop_last leaves out the samples that do not fill the last batch."""

from torch.utils.data import DataLoader

QUANTITY = "samples of 1000 that the evaluation leaves out"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "Without drop_last the evaluation is over the whole set."


def left_out(loader):
    return 1000 - sum(len(batch) for batch in loader)


def bad():
    return left_out(DataLoader(range(1000), batch_size=64, drop_last=True))


def good():
    return left_out(DataLoader(range(1000), batch_size=64))
