"""The order of an epoch is drawn when the loop over its batches begins."""

from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

QUANTITY = "different orders of the samples in 4 epochs"
GOOD = "more"
TIMES = 1.3
SHOWN = "Called before the loop, set_epoch gives every epoch an order of its own."
PHOTOS = list(range(64))


def bad():
    sampler = DistributedSampler(PHOTOS, num_replicas=2, rank=0)
    loader = DataLoader(PHOTOS, batch_size=None, sampler=sampler)
    orders = set()
    for epoch in range(4):
        order = []
        for photo in loader:
            sampler.set_epoch(epoch)
            order.append(photo)
        orders.add(tuple(order))
    return len(orders)


def good():
    sampler = DistributedSampler(PHOTOS, num_replicas=2, rank=0)
    loader = DataLoader(PHOTOS, batch_size=None, sampler=sampler)
    orders = set()
    for epoch in range(4):
        sampler.set_epoch(epoch)
        order = []
        for photo in loader:
            order.append(photo)
        orders.add(tuple(order))
    return len(orders)
