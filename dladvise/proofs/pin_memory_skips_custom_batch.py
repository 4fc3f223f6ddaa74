"""The loader pins what it knows, and calls pin_memory() of what it does not."""

import torch
from torch.utils.data import DataLoader

QUANTITY = "batches of 8 that are pinned"
GOOD = "more"
TIMES = 2.0
SHOWN = "Objects of a class of one's own are pinned by a method of theirs, or not at all."
NEEDS = ("gpu",)


class Plain:
    def __init__(self, samples):
        self.images = torch.stack(samples)


class Pinnable(Plain):
    def pin_memory(self):
        self.images = self.images.pin_memory()
        return self


def pinned(collate):
    loader = DataLoader(torch.zeros(16, 4), 2, collate_fn=collate, pin_memory=True)
    return sum(batch.images.is_pinned() for batch in loader)


def bad():
    return pinned(Plain)


def good():
    return pinned(Pinnable)
