"""Workers that are spawned cannot be given a lambda."""

from torch.utils.data import DataLoader

RAISES = ("AttributeError", "PicklingError", "TypeError")


def first(batch):
    return batch[0]


def bad():
    loader = DataLoader(
        [1, 2], num_workers=1, multiprocessing_context="spawn", collate_fn=lambda batch: batch[0]
    )
    return list(loader)


def good():
    loader = DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn", collate_fn=first)
    return list(loader)
