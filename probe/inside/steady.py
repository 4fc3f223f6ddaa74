"""Times the batches of one loader in its steady state."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import counters
from .twin import Plan, endless

WARM_UP_S = 0.1
LONGEST_TRACE = 2000  # batch times kept from a window
# Bytes of a tensor whose memory glibc keeps or gives back as it happens to lie; what is smaller it
# keeps, and what is larger always comes anew (DEFAULT_MMAP_THRESHOLD_MAX, mallopt(3)).
LEAST_MAPPED, MOST_KEPT = 128 * 1024, 32 * 1024 * 1024


class Empty(Exception):
    """An epoch without a batch."""


class Start(NamedTuple):
    """How a loader came to life; `first_batch_s` is from the call of iter().

    `fresh_memory_s` is how long the memory of a batch takes to come from the system, as far as
    malloc may keep it instead.
    """

    first_batch_s: float
    batch_bytes: int
    batch_tensors: int
    fresh_memory_s: float
    workers: list[int]  # process ids
    repeats: bool  # every worker of a stream delivers the same batches


class Window(NamedTuple):
    """What was counted over whole cycles, in which every worker delivers one batch.

    `cycles_s` are their durations, `batches_s` those of single batches without workers;
    `main_cpu_s` is what the main process used, `used` what all did (None where unknown).
    `others_busy` are the cores that other programs kept busy, `idle` those that had nothing
    to do, `stolen` those that the host of a virtual machine kept for others. `epoch_batches`
    is the length of a stream that ended.
    """

    n_batches: int
    elapsed_s: float
    cycle: int
    cycles_s: list[float]
    batches_s: list[float]
    main_cpu_s: float
    used: counters.Usage | None
    others_busy: float | None
    idle: float | None
    stolen: float | None
    samples_per_batch: float | None
    private_mb: list[float]  # of the main process, then of each worker
    settled: bool
    epoch_batches: int | None


class Steady:
    """A loader that is being measured; the constructor starts its workers."""

    def __init__(self, loader: Any, plan: Plan) -> None:
        from torch.utils.data import DataLoader

        self.loader = loader
        self.plan = plan
        self.epoch_batches: int | None = None
        self._iterate = DataLoader.__iter__
        self._epoch_so_far = 0
        self._begun = time.perf_counter()
        self._iterator = self._iterate(loader)
        self.workers = [worker.pid for worker in getattr(self._iterator, "_workers", [])]

    def start(self) -> Start:
        """Take the first batch, and of a stream one from every worker."""
        batch = self._next()
        first_batch_s = time.perf_counter() - self._begun
        sizes = list(tensor_bytes(batch))
        return Start(
            first_batch_s=first_batch_s,
            batch_bytes=sum(sizes),
            batch_tensors=len(sizes),
            fresh_memory_s=fresh_memory_s(
                sum(size for size in sizes if LEAST_MAPPED <= size <= MOST_KEPT)
            ),
            workers=self.workers,
            repeats=self._repeats(batch),
        )

    def window(self, seconds: float, least_cycles: int, pace_s: float, pace_cpu_s: float) -> Window:
        """Measure for about `seconds`, with a consumer that takes `pace_s` a batch.

        It keeps a processor busy for `pace_cpu_s` of them.
        """
        settled = self._drain(seconds, pace_s, pace_cpu_s)
        cycle = max(1, self.plan.num_workers)
        pids = [os.getpid(), *self.workers]
        cycles: list[float] = []
        batches: list[float] = []
        n_batches = 0
        elapsed = 0.0
        disturbed = 0
        cores_before, before = counters.core_time(), counters.usage(pids)
        main_before, wall_before = time.process_time(), time.perf_counter()
        while True:
            begun = time.perf_counter()
            epoch = self.epoch_batches, self._epoch_so_far
            for _ in range(cycle):
                consume(pace_s, pace_cpu_s)
                asked = time.perf_counter()
                self._next()
                got = time.perf_counter()
                if cycle == 1 and len(batches) < LONGEST_TRACE:
                    batches.append(got - asked)
            took = time.perf_counter() - begun
            n_batches += cycle
            elapsed += took
            if self._epoch_so_far < epoch[1] and self.plan.num_workers:
                disturbed += 1  # the stream began anew: part of its life, not of the steady state
            cycles.append(took)
            enough = elapsed >= seconds and len(cycles) >= least_cycles
            if enough or elapsed >= 4 * seconds:
                break
        wall = time.perf_counter() - wall_before
        main_cpu_s = time.process_time() - main_before
        after, cores_after = counters.usage(pids), counters.core_time()
        used = after.since(before) if before is not None and after is not None else None
        others = idle = stolen = None
        if used is not None and cores_before is not None and cores_after is not None:
            cores = cores_after.since(cores_before)
            others = max(0.0, cores.busy_s - used.cpu_s) / wall
            idle, stolen = cores.idle_s / wall, cores.stolen_s / wall
        source = endless(self.loader)
        samples: float | None = self.loader.batch_size
        if source is not None:
            samples = source.n_samples / max(1, source.n_batches)
        return Window(
            n_batches=n_batches,
            elapsed_s=elapsed,
            cycle=cycle,
            cycles_s=cycles[-LONGEST_TRACE:],
            batches_s=batches,
            main_cpu_s=main_cpu_s,
            used=used,
            others_busy=others,
            idle=idle,
            stolen=stolen,
            samples_per_batch=samples,
            private_mb=[round(counters.private_bytes(pid) / 1e6, 1) for pid in pids],
            settled=settled and disturbed * 4 <= len(cycles),
            epoch_batches=self.epoch_batches,
        )

    def stop(self) -> None:
        """End the workers in good order, as far as they obey."""
        shutdown = getattr(self._iterator, "_shutdown_workers", None)
        if shutdown is not None:
            shutdown()

    def _next(self) -> Any:
        try:
            batch = next(self._iterator)
        except StopIteration:
            if not self._epoch_so_far:
                raise Empty from None
            self.epoch_batches, self._epoch_so_far = self._epoch_so_far, 0
            self._iterator = self._iterate(self.loader)
            batch = next(self._iterator, None)
            if batch is None:
                raise Empty from None
        self._epoch_so_far += 1
        return batch

    def _drain(self, seconds: float, pace_s: float, pace_cpu_s: float) -> bool:
        """Throw away what was made while nobody measured; reports whether all of it went."""
        plan = self.plan
        begun = time.perf_counter()
        # caches and the allocator settle in the first moments, more so for large batches
        while not plan.num_workers and time.perf_counter() - begun < WARM_UP_S:
            self._next()
        for n_taken in range(plan.backlog):
            if n_taken >= plan.num_workers and time.perf_counter() - begun > max(1.0, 2 * seconds):
                return False
            self._next()
        if pace_s:
            for _ in range(plan.num_workers):
                consume(pace_s, pace_cpu_s)
                self._next()
        return True

    def _repeats(self, first: Any) -> bool:
        """Reports whether the workers of a stream all deliver what the first one does."""
        n_workers = self.plan.num_workers
        if endless(self.loader) is not None or n_workers < 2:
            return False
        try:
            digests = [_digest(first)] + [_digest(self._next()) for _ in range(n_workers)]
        except Exception:
            return False  # it cannot be compared, or has failed: the next batch says so
        # what always looks the same says nothing
        return len(set(digests[:n_workers])) == 1 and digests[n_workers] != digests[0]


def consume(seconds: float, cpu_s: float) -> None:
    """Do what a training step does: work for a while, and wait for the rest."""
    if not seconds:
        return
    begun, end = time.perf_counter(), time.thread_time() + cpu_s
    while cpu_s and time.thread_time() < end:
        pass
    time.sleep(max(0.0, begun + seconds - time.perf_counter()))


def fresh_memory_s(n_bytes: int) -> float:
    """How much longer it takes to fill that much memory where the system hands it out meanwhile.

    0 elsewhere than on Linux.
    """
    if not n_bytes or sys.platform != "linux":
        return 0.0
    import torch

    with mmap.mmap(-1, n_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        tensor = torch.frombuffer(memory, dtype=torch.uint8)
        times = [time.perf_counter()]
        for _ in range(2):
            tensor.zero_()
            times.append(time.perf_counter())
        del tensor  # the memory can only be given back without it
    begun, fresh, again = times
    return max(0.0, fresh - begun - (again - fresh))


def tensor_bytes(value: Any) -> Iterator[int]:
    """The bytes of every tensor and array in a batch."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value.numel() * value.element_size()
    elif isinstance(value, dict):
        for one in value.values():
            yield from tensor_bytes(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from tensor_bytes(one)
    elif isinstance(getattr(value, "nbytes", None), int):
        yield value.nbytes


def _digest(batch: Any) -> bytes:
    """Tells batches of different content apart."""
    found = hashlib.blake2b(digest_size=16)
    _add(found, batch)
    return found.digest()


def _add(found: Any, value: Any) -> None:
    import torch

    if isinstance(value, torch.Tensor):
        held = value.detach().cpu().contiguous()
        found.update(ctypes.string_at(held.data_ptr(), held.numel() * held.element_size()))
    elif isinstance(value, dict):
        for key, one in value.items():
            found.update(repr(key).encode())
            _add(found, one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            _add(found, one)
    else:
        found.update(repr(value).encode())
