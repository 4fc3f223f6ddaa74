"""What bounds a loader's throughput, and what any number of workers will therefore give.

Operational analysis: with n workers, batches that take S seconds to make (alone, less the
wait for a core), D seconds of CPU with all that moving them costs, and m seconds of the
main process, on C cores: rate <= min(n / S, C / D, 1 / m). Near the knee it is less, since
at times more workers want a core than there are, and at others fewer: a queue with n customers
that think for S - D and are served for D (Kleinrock, Queueing Systems I, 1975, section 3.8).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

N_SIMULATED = 240  # batches
UNKNOWN_EPOCH = 1000  # batches, where a loader does not know how many it has


@dataclass(frozen=True)
class Job:
    """What the loader is for: epochs of batches, each followed by a step of the consumer.

    Without a consumer (`step_s` 0) batches are only taken. `step_cpu_s` is the CPU that
    a step takes away from the workers.
    """

    epochs: int
    batches: int | None
    step_s: float = 0.0
    step_cpu_s: float = 0.0

    def seconds(
        self,
        n_workers: int,
        rate: float,
        start_s: float,
        main_s: float = 0.0,
        persistent: bool = True,
    ) -> float:
        """The whole job with workers that are started once, or in every epoch anew.

        `start_s` is from iter() to the first batch.
        """
        n = self.batches or UNKNOWN_EPOCH
        if not n_workers:
            return self.epochs * n * (1 / rate + self.step_s)
        # every epoch fills the pipeline anew: it takes whole cycles
        made = math.ceil(n / n_workers) * n_workers / rate
        taken = n * (self.step_s + main_s) + min(n, n_workers) / rate if self.step_s else 0.0
        starts = 1 if persistent else self.epochs
        return self.epochs * max(made, taken) + starts * max(0.0, start_s - 1 / rate)


@dataclass(frozen=True)
class Law:
    """The bounds of one loader, in seconds a batch. `cpu_s` is None where it is unknown.

    `trace` holds times of single batches, of any scale: how they vary decides how many
    are held up by a slow one, as torch delivers in order.
    """

    service_s: float
    cpu_s: float | None
    main_s: float
    cores: float
    trace: tuple[float, ...] = ()

    def rate(self, n_workers: int, prefetch_factor: int = 2) -> float:
        """The batches per second that so many workers will give, at least one."""
        most = self.most(n_workers, prefetch_factor)
        waiting_s = self._made_s(n_workers, prefetch_factor) - (self.cpu_s or 0.0)
        if not self.cpu_s or waiting_s <= 0:
            return most
        return min(most, busy_cores(n_workers, self.cpu_s / waiting_s, self.cores) / self.cpu_s)

    def most(self, n_workers: int, prefetch_factor: int = 2) -> float:
        """Those that they can give where batches are all alike: the least of the bounds."""
        made_s = self._made_s(n_workers, prefetch_factor)
        return min(n_workers / made_s, self.cpu_rate, 1 / max(self.main_s, 1e-9))

    def _made_s(self, n_workers: int, prefetch_factor: int) -> float:
        """What a worker needs for a batch, with its waiting for those before it."""
        return self.service_s * held_up(self.trace, n_workers, prefetch_factor)

    @property
    def cpu_rate(self) -> float:
        """The batches per second that the cores can make, whatever the workers."""
        return math.inf if not self.cpu_s else self.cores / self.cpu_s

    def beside(self, job: Job) -> Law:
        """The law while a consumer uses the cores as well."""
        if self.cpu_s is None:
            return self
        return replace(self, cpu_s=self.cpu_s + job.step_cpu_s)


def busy_cores(n_workers: int, demand: float, cores: float) -> float:
    """The cores that so many workers keep busy, which use one `demand` times as long as they wait.

    The mean over all numbers of workers that may want a core at the same time.
    """
    share, total, busy = 1.0, 1.0, 0.0
    for wanting in range(1, n_workers + 1):
        share *= (n_workers - wanting + 1) * demand / min(wanting, cores)
        total += share
        busy += share * min(wanting, cores)
    return busy / total


@lru_cache(maxsize=512)
def held_up(trace: tuple[float, ...], n_workers: int, prefetch_factor: int) -> float:
    """How much longer batches take because some are slow and order is kept; at least 1."""
    if len(trace) < 8 or n_workers < 2:
        return 1.0
    drawn = random.Random(0).choices(trace, k=N_SIMULATED)
    ideal = sum(drawn) / n_workers
    return max(1.0, makespan(drawn, n_workers, prefetch_factor) / ideal)


def makespan(times_s: Sequence[float], n_workers: int, prefetch_factor: int) -> float:
    """When the last batch is delivered, dispatched as torch does.

    Batch k goes to worker k mod n, not before batch k - n * prefetch_factor was
    delivered, and is delivered after batch k - 1 (_MultiProcessingDataLoaderIter,
    torch/utils/data/dataloader.py, torch 2.13).
    """
    ahead = n_workers * prefetch_factor
    free = [0.0] * n_workers
    delivered = [0.0] * len(times_s)
    for k, time_s in enumerate(times_s):
        dispatched = delivered[k - ahead] if k >= ahead else 0.0
        worker = k % n_workers
        free[worker] = max(free[worker], dispatched) + time_s
        delivered[k] = max(free[worker], delivered[k - 1] if k else 0.0)
    return delivered[-1]
