"""itertools.cycle keeps the batches of the first epoch, and repeats them."""

from itertools import cycle, islice

from torch.utils.data import DataLoader

QUANTITY = "different orders of the samples in 4 epochs"
GOOD = "more"
TIMES = 2.0
SHOWN = "A loader that is begun anew shuffles anew; cycle() repeats the first epoch."


def forever(loader):
    while True:
        yield from loader


def orders(repeat):
    loader = DataLoader(range(64), batch_size=None, shuffle=True)
    samples = list(islice(repeat(loader), 4 * 64))
    return len({tuple(samples[start : start + 64]) for start in range(0, 4 * 64, 64)})


def bad():
    return orders(cycle)


def good():
    return orders(forever)
