"""Without replacement, as many draws as there are weights draw each sample once."""

from torch.utils.data import WeightedRandomSampler

QUANTITY = "samples of the rare class in an epoch of 100, of which the dataset has 10"
GOOD = "more"
TIMES = 3.0
SHOWN = "With replacement the rare class is drawn {times} times as often."
WEIGHTS = [1.0] * 90 + [100.0] * 10


def bad():
    return sum(one >= 90 for one in WeightedRandomSampler(WEIGHTS, 100, replacement=False))


def good():
    return sum(one >= 90 for one in WeightedRandomSampler(WEIGHTS, 100, replacement=True))
