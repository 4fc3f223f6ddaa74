"""How many workers a machine can hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from dladvise.probe.inside.machine import core_share, group_memory_left, usable_cores
from dladvise.probe.instrument import Plan, Started, Window
from dladvise.probe.limits import Limit, limit, most_by_cores

from .test_search import LOADER

GB = 10**9
WINDOW = Window(
    n_batches=100,
    elapsed_s=1.0,
    cycle=1,
    cycles_s=(),
    batches_s=(),
    main_cpu_s=0.0,
    cpu_s=0.01,
    queued_s=0.0,
    asked_bytes=0.0,
    disk_bytes=0.0,
    others_busy=0.0,
    idle=0.0,
    stolen=0.0,
    samples_per_batch=8.0,
    memory_mb=100.0,
    worker_mb=1000.0,
    settled=True,
    epoch_batches=None,
)
STARTED = Started(
    first_batch_s=0.1, batch_bytes=1000, batch_tensors=2, fresh_memory_s=0.0, repeats=False
)


def found(
    started: Started = STARTED,
    memory: int = 100 * GB,
    shm: int | None = 10 * GB,
    ranks: int = 1,
    descriptors: int | None = 100_000,
    prefetch: int | None = None,
) -> Limit:
    loader = LOADER._replace(descriptors=descriptors)
    return limit(Limit(64, "cores"), loader, Plan(1, prefetch), started, WINDOW, ranks, memory, shm)


def test_cores() -> None:
    assert most_by_cores(2.0) == Limit(16, "cores")  # workers that wait need no core
    assert most_by_cores(8.0) == Limit(32, "cores")
    assert most_by_cores(256.0) == Limit(64, "cores")
    assert found() == Limit(49, "memory")  # of 1 GB each, in half of 100 GB


def test_memory_is_shared_by_the_ranks() -> None:
    assert found(memory=32 * GB) == Limit(15, "memory")
    assert found(memory=32 * GB, ranks=4) == Limit(3, "memory")
    assert found(memory=GB) == Limit(0, "memory")


def test_batches_in_flight_lie_in_shared_memory() -> None:
    large = STARTED._replace(batch_bytes=100_000_000)
    assert found(large, shm=3 * GB) == Limit(5, "/dev/shm")  # three batches a worker
    assert found(large, shm=3 * GB, prefetch=4) == Limit(3, "/dev/shm")
    assert found(large, shm=None).by == "memory"
    docker = 64 * 1024 * 1024  # what a container has unless told otherwise
    assert found(large, shm=docker) == Limit(0, "/dev/shm")


def test_tensors_in_flight_are_descriptors() -> None:
    many = STARTED._replace(batch_tensors=40)
    assert found(many, descriptors=1024) == Limit(3, "descriptors")
    assert found(many, descriptors=None).by == "memory"


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = {
    "proc/self/cgroup": "0::/job\n",
    "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}


@pytest.mark.parametrize(("quota", "share"), [("50000 100000", 0.5), ("max 100000", None)])
def test_a_quota_is_not_rounded_for_the_law(tmp_path: Path, quota: str, share: float) -> None:
    root = machine(tmp_path, {**V2, "sys/fs/cgroup/job/cpu.max": quota})
    cores = usable_cores(Path("/"), {}).usable
    assert core_share(root, {}) == (share or cores)
    assert core_share(root, {"LOCAL_WORLD_SIZE": "4"}) == (share or cores) / 4


def test_memory_that_a_control_group_still_allows(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/job/memory"
    root = machine(
        tmp_path,
        {
            **V2,
            f"{group}.max": str(8 * GB),
            f"{group}.current": str(5 * GB),
            f"{group}.stat": f"anon {2 * GB}\ninactive_file {GB}\nactive_file 0\n",
        },
    )
    assert group_memory_left(root) == 4 * GB  # cached files make way
    (root / f"{group}.max").write_text("max")
    assert group_memory_left(root) is None


def test_memory_of_version_1(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/memory/job/memory"
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/job\n",
            "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup memory\n",
            f"{group}.limit_in_bytes": str(8 * GB),
            f"{group}.usage_in_bytes": str(5 * GB),
            f"{group}.stat": f"total_inactive_file {2 * GB}\n",
        },
    )
    assert group_memory_left(root) == 5 * GB
