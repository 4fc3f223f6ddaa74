"""A DistributedSampler that is not told the epoch gives the same order in every one."""

from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

QUANTITY = "different orders of the samples in 4 epochs"
GOOD = "more"
TIMES = 2.0
SHOWN = "With set_epoch every epoch has an order of its own."


def orders(tell):
    data = list(range(64))
    sampler = DistributedSampler(data, num_replicas=2, rank=0)
    loader = DataLoader(data, batch_size=None, sampler=sampler)
    seen = set()
    for epoch in range(4):
        tell(sampler, epoch)
        seen.add(tuple(loader))
    return len(seen)


def bad():
    return orders(lambda sampler, epoch: None)


def good():
    return orders(lambda sampler, epoch: sampler.set_epoch(epoch))
