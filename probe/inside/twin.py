"""The user's loader with other workers, and everything else as it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple


class Plan(NamedTuple):
    """One setting to measure. `skip` batches of the first epoch are left to other plans."""

    num_workers: int
    prefetch_factor: int | None = None  # None is torch's default, 2 where there are workers
    skip: int = 0

    @property
    def backlog(self) -> int:
        """The batches that may have been made, or begun, before anybody asked for one."""
        return self.num_workers * (self.prefetch_factor or 2) + self.num_workers


class Endless:
    """A sampler, or batch sampler, that starts over; counts the indices it hands out.

    `recent` has the last batches by number, so that a failure can be traced to its samples.
    """

    KEPT = 4096

    def __init__(self, sampler: Any, skip: int) -> None:
        self.sampler = sampler
        self.skip = skip
        self.n_batches = 0
        self.n_samples = 0
        self.recent: dict[int, Any] = {}

    def __iter__(self) -> Iterator[Any]:
        skip = self.skip
        while True:
            empty = True
            for index in islice(self.sampler, skip, None):
                empty = False
                self.recent[self.n_batches] = index
                self.recent.pop(self.n_batches - self.KEPT, None)
                self.n_batches += 1
                self.n_samples += len(index) if isinstance(index, (list, tuple)) else 1
                yield index
            if empty and not skip:
                return
            skip = 0


def twin(loader: Any, plan: Plan, pin: bool) -> Any:
    """A loader of the same class and attributes, made without calling its constructor.

    What the constructor forbids to change later lies in the instance's dictionary all
    the same (torch/utils/data/dataloader.py, DataLoader.__setattr__, torch 2.13).
    Map-style loaders never end, iterable ones end as they did.
    """
    made = object.__new__(type(loader))
    attributes = made.__dict__
    attributes.update(loader.__dict__)
    attributes.update(
        num_workers=plan.num_workers,
        prefetch_factor=(plan.prefetch_factor or 2) if plan.num_workers else None,
        # a stream that ends is read again by the same workers
        persistent_workers=plan.num_workers > 0,
        pin_memory=pin,
        _iterator=None,
    )
    if not plan.num_workers:
        attributes.update(timeout=0, _DataLoader__multiprocessing_context=None)
    sampler = index_sampler(loader)
    if sampler is not None:
        name = "sampler" if loader.batch_sampler is None else "batch_sampler"
        attributes[name] = Endless(sampler, plan.skip)
    return made


def endless(made: Any) -> Endless | None:
    """The endless sampler of a twin; None where it reads a stream."""
    sampler = index_sampler(made)
    return sampler if isinstance(sampler, Endless) else None


def index_sampler(loader: Any) -> Any:
    """What hands out the indices; None where the dataset is a stream."""
    from torch.utils.data import IterableDataset

    if isinstance(loader.dataset, IterableDataset):
        return None
    return loader.sampler if loader.batch_sampler is None else loader.batch_sampler


def n_batches(loader: Any) -> int | None:
    """The batches of an epoch; None where the loader cannot say."""
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None
