"""Every kind of loader is measured as it is: the same samples, only by other workers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
    get_worker_info,
)

from dladvise.probe.inside.steady import Empty, Steady
from dladvise.probe.inside.twin import Plan, twin


class Numbers(Dataset[Any]):
    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: Any) -> Any:
        return torch.tensor(index)


class AtOnce(Numbers):
    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [torch.tensor(index) for index in indices]


class Counted(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        yield from map(torch.tensor, range(first, 24, step))


class Renamed(DataLoader[Any]):
    """A subclass whose constructor takes something else altogether."""

    def __init__(self, folder: str) -> None:
        super().__init__(Numbers(), batch_size=4, collate_fn=listed)
        self.folder = folder


class Served(DataLoader[Any]):
    """A subclass that changes what an iteration yields."""

    def __iter__(self) -> Any:
        for batch in super().__iter__():
            yield "cuda", batch


def listed(samples: list[Any]) -> list[int]:
    return [int(sample) for sample in samples]


def settled(worker_id: int) -> None:
    torch.set_num_threads(1)


KINDS: dict[str, Callable[[], DataLoader[Any]]] = {
    "plain": lambda: DataLoader(Numbers(), batch_size=4),
    "last batch smaller": lambda: DataLoader(Numbers(), batch_size=5),
    "last batch dropped": lambda: DataLoader(Numbers(), batch_size=5, drop_last=True),
    "shuffled": lambda: DataLoader(Numbers(), batch_size=4, shuffle=True),
    "own generator": lambda: DataLoader(
        Numbers(), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(1)
    ),
    "batch sampler": lambda: DataLoader(
        Numbers(), batch_sampler=BatchSampler(SequentialSampler(Numbers()), 3, False)
    ),
    "bulk sampler": lambda: DataLoader(
        Numbers(), sampler=BatchSampler(RandomSampler(Numbers()), 4, False), batch_size=None
    ),
    "without batches": lambda: DataLoader(Numbers(), batch_size=None),
    "distributed": lambda: DataLoader(
        Numbers(), batch_size=4, sampler=DistributedSampler(Numbers(), 2, 1)
    ),
    "weighted": lambda: DataLoader(
        Numbers(), batch_size=4, sampler=WeightedRandomSampler([1.0] * 24, 24, False)
    ),
    "subset": lambda: DataLoader(Subset(Numbers(), list(range(3, 15))), batch_size=4),
    "batches at once": lambda: DataLoader(AtOnce(), batch_size=4),
    "collate and worker init": lambda: DataLoader(
        Numbers(), batch_size=4, collate_fn=listed, worker_init_fn=settled
    ),
    "other constructor": lambda: Renamed("images"),
    "other iteration": lambda: Served(Numbers(), batch_size=4),
    "two workers already": lambda: DataLoader(
        Numbers(), batch_size=4, num_workers=2, prefetch_factor=3, persistent_workers=True
    ),
    "a timeout": lambda: DataLoader(Numbers(), batch_size=4, num_workers=1, timeout=30),
    "spawned": lambda: DataLoader(
        Numbers(), batch_size=4, num_workers=1, multiprocessing_context="spawn"
    ),
    "stream": lambda: DataLoader(Counted(), batch_size=4),
    "stream without batches": lambda: DataLoader(Counted(), batch_size=None),
}


def numbers(batch: Any) -> list[int]:
    if isinstance(batch, tuple):
        batch = batch[1]
    return [int(one) for one in (batch if getattr(batch, "ndim", 1) else [batch])]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_of_the_twin_is_one_of_the_loader(kind: str, workers: int) -> None:
    if kind == "spawned" and workers:
        workers = 1  # each takes an interpreter
    loader = KINDS[kind]()
    before = pickle.dumps(sorted(loader.__dict__, key=str)), loader.num_workers
    expected = [sorted(numbers(batch)) for batch in DataLoader.__iter__(KINDS[kind]())]
    made = twin(loader, Plan(workers), pin=False)
    assert type(made) is type(loader)
    found = [sorted(numbers(batch)) for batch in islice(DataLoader.__iter__(made), len(expected))]
    if kind in ("plain", "last batch smaller", "last batch dropped", "batch sampler"):
        assert found == expected
    assert sorted(map(len, found)) == sorted(map(len, expected))
    if "weighted" not in kind:
        assert sorted(chain(*found)) == sorted(chain(*expected))
    assert (pickle.dumps(sorted(loader.__dict__, key=str)), loader.num_workers) == before


@pytest.mark.parametrize("kind", ["plain", "without batches", "bulk sampler", "stream"])
@pytest.mark.parametrize("workers", [0, 2])
def test_it_goes_on_after_an_epoch(kind: str, workers: int) -> None:
    steady = Steady(twin(KINDS[kind](), Plan(workers), pin=False), Plan(workers))
    try:
        assert steady.start().first_batch_s > 0
        window = steady.window(1.5, least_cycles=2, pace_s=0, pace_cpu_s=0)
    finally:
        steady.stop()
    assert window.n_batches > 30  # more than an epoch
    assert window.n_batches % max(1, workers) == 0
    if kind == "stream":
        assert window.epoch_batches == 6


def test_an_empty_loader_says_so() -> None:
    short = DataLoader(Numbers(), batch_size=30, drop_last=True)
    steady = Steady(twin(short, Plan(0), pin=False), Plan(0))
    with pytest.raises(Empty):
        steady.start()


@pytest.mark.parametrize("n_bytes", [1024, 40 * 1024 * 1024])
def test_memory_that_malloc_always_keeps_or_never_is_no_chance(n_bytes: int) -> None:
    rows: Any = [torch.zeros(n_bytes, dtype=torch.uint8)]
    loader = DataLoader(rows, batch_size=None)
    steady = Steady(twin(loader, Plan(0), pin=False), Plan(0))
    start = steady.start()
    steady.stop()
    assert start.batch_bytes == n_bytes
    assert start.fresh_memory_s == 0
