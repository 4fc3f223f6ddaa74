"""Without a DistributedSampler every rank trains on all of the data."""

from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

QUANTITY = "samples that 4 ranks read in an epoch of 64"
GOOD = "fewer"
TIMES = 2.0
SHOWN = "With the sampler the ranks share the data, and none is read {times} times."
DATA = list(range(64))


def bad():
    return sum(len(list(DataLoader(DATA, None, shuffle=True))) for rank in range(4))


def good():
    samplers = [DistributedSampler(DATA, num_replicas=4, rank=rank) for rank in range(4)]
    return sum(len(list(DataLoader(DATA, None, sampler=sampler))) for sampler in samplers)
