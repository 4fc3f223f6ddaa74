"""An option of workers is refused where the worker count keeps its default of 0."""

from torch.utils.data import DataLoader

RAISES = ("ValueError",)


def bad(workers=0):
    DataLoader([1, 2, 3], num_workers=workers, persistent_workers=True)


def good(workers=0):
    DataLoader([1, 2, 3], num_workers=workers, persistent_workers=workers > 0)
