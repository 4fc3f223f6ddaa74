"""What the rule documents say that torch does, measured: one line for each claim.

    python benchmarks/claims.py [CODES ...] [--list]

Runs under the torch of the running interpreter, where workers can be forked. What is compared is
measured in one run and in turns, and of its times the shortest counts: others use the machine too.
"""

from __future__ import annotations

import argparse
import csv
import gc
import gzip
import multiprocessing
import os
import platform
import queue
import random
import socket
import sqlite3
import sys
import tarfile
import tempfile
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    SequentialSampler,
    TensorDataset,
    random_split,
)


def main() -> int:
    parser = argparse.ArgumentParser(description="What the rule documents claim, measured.")
    parser.add_argument("codes", nargs="*", metavar="CODE", help="the rules; all without any")
    parser.add_argument("--list", action="store_true", help="say what is measured, and stop")
    arguments = parser.parse_args()
    unknown = sorted({*arguments.codes} - CLAIMS.keys())
    if unknown:
        parser.error(f"no claim of {', '.join(unknown)} is measured; see --list")
    if "fork" not in multiprocessing.get_all_start_methods():
        parser.error("this system cannot fork workers, and most claims are about those")

    warnings.simplefilter("ignore")  # more workers than cores are asked for on purpose
    for code in arguments.codes or CLAIMS:
        claim = CLAIMS[code]
        if arguments.list:
            print(f"{code}  {claim.__doc__}")
        else:
            print(f"{code}  {claim()} | {machine()}", flush=True)
    return 0


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, Python {platform.python_version()}, torch {torch.__version__}"


def loader(dataset: Any, workers: int = 0, method: str = "fork", **options: Any) -> DataLoader[Any]:
    """A loader that starts its workers by `method`, whatever this Python's default is."""
    context = method if workers else None
    return DataLoader(dataset, num_workers=workers, multiprocessing_context=context, **options)


def shortest_s(work: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """The seconds of each piece of work: they take turns, and the shortest time counts."""
    taken: list[list[float]] = [[] for _ in work]
    for _ in range(turns):
        for number, each in enumerate(work):
            gc.collect()
            start = time.perf_counter()
            each()
            taken[number].append(time.perf_counter() - start)
    return [min(times) for times in taken]


def read(batches: DataLoader[Any]) -> None:
    """One epoch."""
    for _ in batches:
        pass


def what_happens(batches: DataLoader[Any]) -> str:
    """The name of the exception in place of the first batch, or "a batch"."""
    with silenced():
        try:
            next(iter(batches))
        except Exception as error:
            return type(error).__name__
        return "a batch"


@contextmanager
def silenced() -> Iterator[None]:
    """Dying workers write tracebacks to the standard error that they inherit."""
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


class Answers(Dataset[Any]):
    """A dataset of which every sample is what `answer` gives when the sample is read."""

    def __init__(self, length: int, answer: Callable[[], Any]) -> None:
        self.length = length
        self.answer = answer

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.answer()


def copied_generators() -> str:
    """Draws of two workers from one copied generator: how many differ, and the next epoch."""
    randoms, numpy_generator, numpy_state = (
        random.Random(0),
        np.random.default_rng(0),
        np.random.RandomState(0),
    )
    from_bits = np.random.Generator(np.random.PCG64(0))
    of_torch = torch.Generator().manual_seed(0)
    draws: dict[str, Callable[[], float]] = {
        "random.Random": randoms.random,
        "default_rng": numpy_generator.random,
        "RandomState": numpy_state.random,
        "Generator": from_bits.random,
        "torch.Generator": lambda: torch.rand((), generator=of_torch).item(),
    }
    shown = []
    for name, draw in draws.items():
        batches = loader(Answers(8, draw), 2, batch_size=None)
        first, second = list(batches), list(batches)
        again = "the same" if first == second else "others"
        shown.append(f"{name} {len({*first})} of 8, then {again}")
    return f"different draws with 2 workers, and in the next epoch: {'; '.join(shown)}"


SEEDS_USED: list[int] = []  # in each worker, the seed that the recipe gave it


def seed_by_recipe(worker: int) -> None:
    state: Any = np.random.get_state()
    SEEDS_USED.append(int(state[1][0]) + worker)


def old_recipe() -> str:
    """The seeds that np.random.get_state()[1][0] + worker_id gives, over epochs and seeds."""
    seeds: dict[int, set[int]] = {0: set(), 1: set()}
    for seed in (1, 2, 3):
        torch.manual_seed(seed)
        np.random.seed(seed)
        dataset = Answers(2, lambda: SEEDS_USED[0])
        batches = loader(dataset, 2, batch_size=None, worker_init_fn=seed_by_recipe)
        for _ in range(2):
            for worker, used in enumerate(batches):
                seeds[worker].add(used)
    shown = (f"worker {worker} {sorted(used)}" for worker, used in seeds.items())
    return f"seeds in 2 epochs of 3 runs with seeds of their own: {', '.join(shown)}"


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(6))


def undivided_stream() -> str:
    """The items of a stream that two workers read."""
    items = [batch.tolist() for batch in loader(Stream(), 2, batch_size=2)]
    return f"a stream of 0 to 5 in batches of 2, with 2 workers: {items}"


def set_epoch() -> str:
    """The orders of a DistributedSampler in three epochs, with set_epoch and without."""
    orders: dict[str, set[tuple[int, ...]]] = {"without set_epoch": set(), "with it": set()}
    for how, seen in orders.items():
        sampler: DistributedSampler[int] = DistributedSampler(range(100), num_replicas=2, rank=0)  # type: ignore[arg-type]
        for epoch in range(3):
            if how == "with it":
                sampler.set_epoch(epoch)
            seen.add(tuple(sampler))
    return "orders in 3 epochs: " + ", ".join(f"{len(seen)} {how}" for how, seen in orders.items())


class Epochs(Dataset[int]):
    epoch = 0

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        return self.epoch


def stale_state() -> str:
    """What workers see of an attribute that is assigned before each of three epochs."""
    shown = []
    for kept in (True, False):
        dataset = Epochs()
        batches = loader(dataset, 1, batch_size=None, persistent_workers=kept)
        seen = []
        for epoch in range(3):
            dataset.epoch = epoch
            seen += list(batches)
        shown.append(f"{'kept' if kept else 'new'} workers saw {seen}")
    return f"0, 1 and 2 were assigned: {', '.join(shown)}"


class Transformed(Dataset[str]):
    transform = "augmented"

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> str:
        return self.transform


def shared_split() -> str:
    """The samples of one part of a split after the other part was given a transform."""
    train, val = random_split(Transformed(), [8, 2])
    before = train[0]
    val.dataset.transform = "plain"  # type: ignore[attr-defined]
    return f"training samples were {before}, and {train[0]} after val.dataset.transform = 'plain'"


def fail(*_: object) -> int:
    return 1 // 0


def ignored_hook() -> str:
    """What a worker_init_fn that raises does, without workers and with one."""
    without, with_one = (
        what_happens(loader(range(2), workers, worker_init_fn=fail)) for workers in (0, 1)
    )
    return f"a worker_init_fn that divides by zero: {without} without workers, {with_one} with one"


def restarted_pool() -> str:
    """An epoch with new workers, by fork and by spawn, against one with kept workers."""
    dataset = TensorDataset(torch.zeros(64, 8))
    kept = loader(dataset, 2, batch_size=8, persistent_workers=True)
    read(kept)  # its workers are there from here on
    forked = loader(dataset, 2, batch_size=8)
    fork_s, kept_s = shortest_s([partial(read, forked), partial(read, kept)], 5)
    (spawn_s,) = shortest_s([partial(read, loader(dataset, 2, "spawn", batch_size=8))], 1)
    shown = [compared("fork", fork_s, kept_s, "with kept ones"), f"spawn {spawn_s:.3f} s"]
    shown.append(f"{spawn_s / kept_s:.0f} times")
    return f"an epoch of 8 small batches with 2 new workers: {', '.join(shown)}"


def compared(what: str, mine_s: float, other_s: float, other: str) -> str:
    return f"{what} {mine_s:.3f} s, {mine_s / other_s:.0f} times the {other_s:.3f} s {other}"


def next_iter() -> str:
    """Eight batches by next(iter(loader)) against one loop."""
    batches = loader(TensorDataset(torch.zeros(64, 8)), 2, batch_size=8)

    def one_by_one() -> None:
        for _ in range(8):
            next(iter(batches))

    anew_s, loop_s = shortest_s([one_by_one, partial(read, batches)], 3)
    what = "8 batches with 2 workers by next(iter(loader)):"
    return compared(what, anew_s, loop_s, "in one loop")


def in_memory() -> str:
    """An epoch over 10,000 rows in memory with 1, 2 and 4 kept workers, none, and in bulk."""
    rows = TensorDataset(torch.randn(10_000, 16), torch.zeros(10_000))
    in_bulk = BatchSampler(SequentialSampler(rows), 32, drop_last=False)
    others = {"in bulk": loader(rows, batch_size=None, sampler=in_bulk)}
    for workers in (1, 2, 4):
        kept = loader(rows, workers, batch_size=32, persistent_workers=True)
        read(kept)  # its workers are there from here on
        others[f"with {workers}"] = kept
    alone = loader(rows, batch_size=32)
    alone_s, *others_s = shortest_s([partial(read, each) for each in (alone, *others.values())], 3)
    shown = [f"{s / alone_s:.1f} {name}" for name, s in zip(others, others_s, strict=True)]
    return f"an epoch as a multiple of the {alone_s:.3f} s without workers: {', '.join(shown)}"


def first_batch() -> str:
    """The first batch with workers against the first without."""
    rows = TensorDataset(torch.zeros(640, 8))
    counts = (0, 1, 2, 4)

    def first(workers: int) -> None:
        next(iter(loader(rows, workers, batch_size=32)))

    alone_s, *with_s = shortest_s([partial(first, workers) for workers in counts], 5)
    shown = [f"{workers}: {s / alone_s:.0f}" for workers, s in zip(counts[1:], with_s, strict=True)]
    return (
        f"the first batch by number of workers, as a multiple of the {alone_s * 1000:.1f} ms "
        f"without: {', '.join(shown)}"
    )


def unpicklable_callbacks() -> str:
    """What a lambda and a function inside a function do as collate_fn, by start method."""

    def inner(samples: list[int]) -> list[int]:
        return samples

    shown = []
    for method in multiprocessing.get_all_start_methods():
        outcomes = [
            what_happens(loader(range(2), 1, method, collate_fn=function))
            for function in (lambda samples: samples, inner)
        ]
        shown.append(f"{method} {' and '.join(outcomes)}")
    return f"a lambda and an inner function as collate_fn: {', '.join(shown)}"


class Keeping(Dataset[int]):
    def __init__(self, kept: object) -> None:
        self.kept = kept

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        return index


def unpicklable_attributes() -> str:
    """How many kinds of attributes keep a dataset from its workers, by start method."""

    def inner() -> int:
        return 0

    def iter_rows() -> Iterator[int]:
        yield 0

    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "empty"
        kept: list[Any] = [
            open(__file__),  # noqa: SIM115
            gzip.open(__file__),  # noqa: SIM115
            zipfile.ZipFile(archive, "w"),
            tarfile.open(archive, "w"),  # noqa: SIM115
            sqlite3.connect(":memory:"),
            csv.reader(()),
            socket.socket(),
            threading.Lock(),
            threading.Event(),
            threading.Thread(),
            threading.local(),
            queue.Queue(),
            ThreadPoolExecutor(),
            ThreadPool(1),
            lambda: 0,
            inner,
            iter_rows(),
            torch.Generator(),
        ]
        shown = []
        for method in multiprocessing.get_all_start_methods():
            outcomes = [what_happens(loader(Keeping(each), 1, method)) for each in kept]
            n_raised = len(kept) - outcomes.count("a batch")
            sent = [
                type(each).__name__
                for each, outcome in zip(kept, outcomes, strict=True)
                if outcome == "a batch"
            ]
            but = f" (all but {', '.join(sent)})" if n_raised and sent else ""
            shown.append(f"{n_raised} by {method}{but}")
    return f"of {len(kept)} kinds of attributes raise in place of a batch: {', '.join(shown)}"


RECORD = 64
N_RECORDS = 20_000


def record(index: int) -> bytes:
    return index.to_bytes(8, "little") * (RECORD // 8)


class Records(Dataset[bool]):
    """Whether each record is right that was read from one file opened here."""

    def __init__(self, path: Path, buffering: int) -> None:
        self.path = path
        self.buffering = buffering
        self.file = self.open()

    def open(self) -> Any:
        return open(self.path, "rb", self.buffering)

    def __len__(self) -> int:
        return N_RECORDS

    def __getitem__(self, index: int) -> bool:
        file = self.reached()
        file.seek(index * RECORD)
        return bool(file.read(RECORD) == record(index))

    def reached(self) -> Any:
        return self.file


class OpenedOnFirstUse(Records):
    def __init__(self, path: Path, buffering: int) -> None:
        super().__init__(path, buffering)
        self.file = None

    def reached(self) -> Any:
        if self.file is None:
            self.file = self.open()
        return self.file


class OpenedByEachProcess(Records):
    opened_by: int | None = None

    def reached(self) -> Any:
        if self.opened_by != os.getpid():
            self.file, self.opened_by = self.open(), os.getpid()
        return self.file


class InArchive(Dataset[bool]):
    """Whether each member of a zip archive that was opened here is read right."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for index in range(2_000):
                archive.writestr(str(index), record(index))
        self.archive = zipfile.ZipFile(path)

    def __len__(self) -> int:
        return 2_000

    def __getitem__(self, index: int) -> bool:
        try:
            return self.archive.read(str(index)) == record(index)
        except Exception:  # of many kinds, as what stands at a wrong place may be anything
            return False


class InHdf5(Dataset[bool]):
    """Whether each record is right that was read from an HDF5 file opened here."""

    def __init__(self, path: Path) -> None:
        h5py: Any = import_module("h5py")
        rows = np.frombuffer(b"".join(map(record, range(N_RECORDS))), np.uint8)
        with h5py.File(path, "w") as written:
            written["rows"] = rows.reshape(N_RECORDS, RECORD)
        self.rows = h5py.File(path, "r")["rows"]

    def __len__(self) -> int:
        return N_RECORDS

    def __getitem__(self, index: int) -> bool:
        return bool(self.rows[index].tobytes() == record(index))


def shared_file() -> str:
    """Wrong records where four workers read shuffled from a file, by how it was opened."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "records"
        path.write_bytes(b"".join(map(record, range(N_RECORDS))))
        touched = OpenedOnFirstUse(path, -1)
        each = OpenedByEachProcess(path, -1)
        for dataset in (touched, each):
            next(iter(loader(dataset)))  # in the main process, as somebody does who shows a sample
        datasets: dict[str, Any] = {
            "shared": Records(path, -1),
            "shared without a buffer": Records(path, 0),
            "opened on first use, by the main process": touched,
            "opened by each process": each,
            "zip": InArchive(Path(name) / "zip"),
        }
        if find_spec("h5py"):
            datasets["h5py"] = InHdf5(Path(name) / "hdf5")
        wrong: dict[str, list[int]] = {how: [] for how in datasets}
        for _ in range(5):
            for how, dataset in datasets.items():
                batches = loader(dataset, 4, batch_size=50, shuffle=True, collate_fn=list)
                wrong[how].append(sum(not right for batch in batches for right in batch))
    shown = [
        f"{how} {min(counts)} to {max(counts)} of {len(datasets[how])}"
        for how, counts in wrong.items()
    ]
    return f"wrong records in each of 5 epochs: {', '.join(shown)}"


def caught_errors() -> str:
    """What the for statement raises where the dataset fails, with and without workers."""
    shown = []
    for workers in (0, 2):
        n_bodies = 0
        raised = "nothing"
        try:
            for _ in loader(Answers(4, fail), workers):
                n_bodies += 1
        except Exception as error:
            raised = type(error).__name__
        shown.append(f"{raised} after {n_bodies} bodies with {workers} workers")
    return f"from a for statement whose dataset divides by zero: {', '.join(shown)}"


N_ROWS = 1_000_000


class Rows(Dataset[Any]):
    """Rows of which only `key` is looked at."""

    def __init__(self, rows: Any, key: str | None = None) -> None:
        self.rows = rows
        self.key = key

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index] if self.key is None else self.rows[index][self.key]


def paths() -> Iterator[str]:
    return (f"images/{number:08}.png" for number in range(N_ROWS))


def copied_on_read() -> str:
    """Memory of a worker's own before and after a shuffled epoch over a million rows."""
    dicts = Rows([{"path": path} for path in paths()], "path")
    spans = {"dicts": own_memory(dicts)}
    gc.collect()
    gc.freeze()
    spans["dicts after gc.freeze()"] = own_memory(dicts)
    gc.unfreeze()
    del dicts
    spans["strings"] = own_memory(Rows(list(paths())))
    spans["numpy"] = own_memory(Rows(np.arange(N_ROWS)))
    shown = [f"{what} {before:.0f} to {after:.0f}" for what, (before, after) in spans.items()]
    return f"MiB of one worker's own, {N_ROWS:,} rows: {', '.join(shown)}"


def own_memory(rows: Rows) -> tuple[float, float]:
    """The MiB that a worker shares with nobody, after its first and before its last batch."""
    others = {*multiprocessing.active_children()}
    batches = iter(loader(rows, 1, batch_size=1_000, shuffle=True, collate_fn=len))
    next(batches)
    (worker,) = {*multiprocessing.active_children()} - others
    process = psutil.Process(worker.pid)
    before = process.memory_full_info().uss
    for _ in islice(batches, N_ROWS // 1_000 - 2):
        pass
    after = process.memory_full_info().uss
    return before / 2**20, after / 2**20


CLAIMS: dict[str, Callable[[], str]] = {
    "DL101": copied_generators,
    "DL103": old_recipe,
    "DL104": undivided_stream,
    "DL105": set_epoch,
    "DL108": stale_state,
    "DL112": shared_split,
    "DL117": ignored_hook,
    "DL302": restarted_pool,
    "DL303": next_iter,
    "DL304": in_memory,
    "DL307": first_batch,
    "DL402": unpicklable_callbacks,
    "DL403": unpicklable_attributes,
    "DL404": shared_file,
    "DL410": caught_errors,
    "DL501": copied_on_read,
}


if __name__ == "__main__":
    sys.exit(main())
