"""What this machine offers a loader: the one place that finds out the core count.

Runs in any interpreter since 3.9 with the standard library alone, and changes
nothing there: torch is not imported, the start method is not fixed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

# version 1 says "no limit" with the largest multiple of the page size
NO_LIMIT_BYTES = 1 << 60


class Cores(NamedTuple):
    """How many cores one process may use, and the words for where that number comes from."""

    usable: int
    source: str
    why: str


class Machine(NamedTuple):
    """The machine in the terms of a loader; None where a thing is absent or unknown."""

    usable_cores: int
    cores_from: str
    memory_mb: int | None
    shm_mb: int | None
    start_method: str
    torch: str | None
    python: str
    gpu: bool


def machine(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> Machine:
    """The facts of this machine; `root` is where its /proc, /sys and /dev are."""
    cores = usable_cores(root, environ)
    return Machine(
        usable_cores=cores.usable,
        cores_from=cores.source,
        memory_mb=_megabytes(memory_bytes(root)),
        shm_mb=_megabytes(shm_bytes(root)),
        start_method=start_method(),
        torch=torch_version(),
        python=platform.python_version(),
        gpu=has_gpu(root, environ),
    )


def usable_cores(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> Cores:
    """The cores that this process may use: affinity, cgroup quota, ranks on this machine."""
    usable, source = _allowed_cores()
    why = f"{source} allows {usable}"
    quota = cpu_quota(root)
    if quota is not None and quota < usable:
        usable, source = max(1, int(quota)), "cgroup quota"
        why += f", the cgroup quota {quota:g}"
    ranks = _ranks(environ)
    if ranks > 1:
        usable = max(1, usable // ranks)
        source += f" / LOCAL_WORLD_SIZE={ranks}"
        why += f", shared by {ranks} ranks (LOCAL_WORLD_SIZE)"
    return Cores(usable, source, why)


def core_share(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> float:
    """The cores that one rank may keep busy: like the usable ones, but not in whole numbers."""
    cores, _ = _allowed_cores()
    quota = cpu_quota(root)
    return min(cores, cores if quota is None else quota) / _ranks(environ)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The cores that the strictest control group around this process pays for."""
    quotas = []
    for version, folder in _groups(root, "cpu"):
        if version == 2:
            words = _read(folder / "cpu.max").split()
            numbers = words if len(words) == 2 else []
        else:
            numbers = [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")]
        if len(numbers) == 2 and all(number.isdigit() for number in numbers) and int(numbers[1]):
            quotas.append(int(numbers[0]) / int(numbers[1]))
    return min((quota for quota in quotas if quota > 0), default=None)


def memory_bytes(root: Path = Path("/")) -> int | None:
    """The memory of the machine, or less where a control group limits it."""
    limits = [limit for limit in (_physical_bytes(),) if limit is not None]
    for version, folder in _groups(root, "memory"):
        limit = _read(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        if limit.isdigit() and int(limit) < NO_LIMIT_BYTES:
            limits.append(int(limit))
    return min(limits, default=None)


def group_memory_left(root: Path = Path("/")) -> int | None:
    """What the strictest control group still lets its processes take; None without a limit."""
    left = []
    for version, folder in _groups(root, "memory"):
        names = ("memory.max", "memory.current", "inactive_file")
        if version == 1:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        limit, usage = _read(folder / names[0]), _read(folder / names[1])
        if not (limit.isdigit() and usage.isdigit()) or int(limit) >= NO_LIMIT_BYTES:
            continue
        reclaimable = 0  # file pages count as used, and go when they are needed
        for line in _read(folder / "memory.stat").splitlines():
            name, _, count = line.partition(" ")
            if name == names[2] and count.isdigit():
                reclaimable = int(count)
        left.append(max(0, int(limit) - int(usage) + reclaimable))
    return min(left, default=None)


def shm_bytes(root: Path = Path("/")) -> int | None:
    """The size of /dev/shm, through which workers hand over tensors; None where there is none."""
    shm = _shm(root)
    return None if shm is None else shm.f_blocks * shm.f_frsize


def shm_free_bytes(root: Path = Path("/")) -> int | None:
    """The free part of /dev/shm; None where there is none."""
    shm = _shm(root)
    return None if shm is None else shm.f_bavail * shm.f_frsize


def _shm(root: Path) -> os.statvfs_result | None:
    try:
        return os.statvfs(root / "dev" / "shm")
    except (OSError, AttributeError):
        return None


def start_method() -> str:
    """How this interpreter starts worker processes unless the program says otherwise."""
    import multiprocessing

    fixed: str | None = multiprocessing.get_start_method(allow_none=True)
    return fixed or multiprocessing.get_all_start_methods()[0]


def torch_version() -> str | None:
    """The version of the torch that `import torch` would find, without importing it."""
    from importlib import metadata

    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def has_gpu(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> bool:
    """Reports whether an accelerator that torch can use seems to be there."""
    if environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return Path(environ.get("SystemRoot", "C:\\Windows"), "System32", "nvcuda.dll").exists()
    device = root / "dev"
    nvidia = any(path.name[6:].isdigit() for path in device.glob("nvidia*"))
    return nvidia or (root / "proc/driver/nvidia/gpus").is_dir() or (device / "kfd").exists()


def _allowed_cores() -> tuple[int, str]:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0)), "affinity"
    count = getattr(os, "process_cpu_count", os.cpu_count)()  # the former since 3.13
    return count or 1, "cpu count"


def _ranks(environ: Mapping[str, str]) -> int:
    ranks = environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(ranks)) if ranks.isdigit() else 1


def _groups(root: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """The control groups around this process, the innermost first, with their version."""
    memberships: dict[str, str] = {}
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = ([*line.split(":", 2), "", ""])[:3]
        memberships[controllers] = path
    for line in _read(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        places, kind = left.split(), right.split()
        if len(places) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            version, path = 2, memberships.get("", "")
        elif kind[0] == "cgroup" and controller in kind[2].split(","):
            version = 1
            path = next((p for c, p in memberships.items() if controller in c.split(",")), "")
        else:
            continue
        if not path:
            continue
        mounted_at = root / places[4].lstrip("/")
        yield from ((version, folder) for folder in _upwards(mounted_at, places[3], path))


def _upwards(mounted_at: Path, mounted: str, path: str) -> Iterator[Path]:
    """The folders from the group at `path` up to the mount, whose root is the group `mounted`."""
    inner = path.strip("/").split("/")
    outer = [name for name in mounted.strip("/").split("/") if name]
    # a container sees its own group as the root of the mount
    steps = inner[len(outer) :] if inner[: len(outer)] == outer else []
    steps = [step for step in steps if step not in ("", "..")]
    for n_steps in range(len(steps), -1, -1):
        yield mounted_at.joinpath(*steps[:n_steps])


def _physical_bytes() -> int | None:
    if sys.platform == "win32":
        return _windows_memory_bytes()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _windows_memory_bytes() -> int | None:
    if sys.platform != "win32":  # tells type checkers where ctypes.windll exists
        return None
    import ctypes

    total_kilobytes = ctypes.c_ulonglong()
    if not ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(total_kilobytes)):
        return None
    return total_kilobytes.value * 1024


def _megabytes(n_bytes: int | None) -> int | None:
    return None if n_bytes is None else n_bytes // (1 << 20)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
