"""How many workers this machine can hold, whatever they would gain."""

from __future__ import annotations

from typing import NamedTuple

from .instrument import Loader, Plan, Started, Window

SHARE = 0.5  # of what is free: the training needs the rest
FILES_OF_A_WORKER = 6  # pipes and the like
FILES_OF_OTHERS = 64


class Limit(NamedTuple):
    """The most workers, and what runs out with more."""

    workers: int
    by: str  # cores, memory, /dev/shm, descriptors, the command line


def most_by_cores(cores: float) -> Limit:
    """Workers that wait for data may be many more than cores, but not without end."""
    return Limit(int(min(max(16, 4 * cores), 64)), "cores")


def limit(
    by_cores: Limit,
    loader: Loader,
    plan: Plan,
    started: Started,
    window: Window,
    ranks: int,
    memory_free: int,
    shm_free: int | None,
) -> Limit:
    """The strictest limit, judged by a candidate with at least one worker; bytes.

    The ranks of a machine share its memory.
    """
    in_flight = (plan.prefetch_factor or 2) + 1
    worker = window.worker_mb * 1e6 + in_flight * started.batch_bytes
    found = [by_cores, Limit(_share(memory_free, worker, ranks), "memory")]
    if shm_free is not None and started.batch_bytes:
        found.append(Limit(_share(shm_free, in_flight * started.batch_bytes, ranks), "/dev/shm"))
    if loader.descriptors is not None:
        # each tensor in flight is a descriptor of the main process (file_descriptor strategy)
        files = in_flight * started.batch_tensors + FILES_OF_A_WORKER
        left = int(SHARE * (loader.descriptors - FILES_OF_OTHERS))
        found.append(Limit(max(0, left // files), "descriptors"))
    return min(found)


def _share(free: float, each: float, ranks: int) -> int:
    return int(SHARE * free / max(1.0, each) / ranks)
