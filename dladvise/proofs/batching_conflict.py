"""torch refuses a batch size beside a batch sampler."""

from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

RAISES = ("ValueError",)
BATCHES = BatchSampler(SequentialSampler([1, 2, 3]), batch_size=2, drop_last=False)


def bad():
    DataLoader([1, 2, 3], batch_sampler=BATCHES, batch_size=2)


def good():
    DataLoader([1, 2, 3], batch_sampler=BATCHES)
