"""What processes used of the machine: CPU, the queue for it, reads, memory.

Linux tells all of it; None elsewhere, where only the clock is left.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple


class Usage(NamedTuple):
    """Totals of some processes since they started.

    `cpu_s` and `queued_s` (runnable, but waiting for a core) are seconds over all
    threads; `asked_bytes` were read by system calls, `disk_bytes` came from storage.
    """

    cpu_s: float
    queued_s: float
    asked_bytes: int
    disk_bytes: int

    def since(self, before: Usage) -> Usage:
        """What was used between the two readings."""
        return Usage(
            self.cpu_s - before.cpu_s,
            self.queued_s - before.queued_s,
            self.asked_bytes - before.asked_bytes,
            self.disk_bytes - before.disk_bytes,
        )


class CoreTime(NamedTuple):
    """What all cores of the machine have done since it started, in seconds.

    `stolen_s` is what the host of a virtual machine gave to others meanwhile.
    """

    busy_s: float
    idle_s: float
    stolen_s: float

    def since(self, before: CoreTime) -> CoreTime:
        """What they did between the two readings."""
        return CoreTime(*(now - then for now, then in zip(self, before)))


def usage(pids: Iterable[int]) -> Usage | None:
    """The totals of the processes that still exist; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    cpu = queued = 0.0
    asked = disk = 0
    for pid in pids:
        try:
            cpu += time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) makes of a pid
            queued += sum(_queued_s(pid, task) for task in os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue  # it has ended
        counts = _fields(f"/proc/{pid}/io")
        asked += counts.get("rchar", 0)
        disk += counts.get("read_bytes", 0)
    return Usage(cpu, queued, asked, disk)


def core_time() -> CoreTime | None:
    """The times of all cores; None where the system does not tell."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = ticks
    tick_s = 1 / float(os.sysconf("SC_CLK_TCK"))
    busy = user + nice + system + irq + softirq
    return CoreTime(busy * tick_s, (idle + iowait) * tick_s, steal * tick_s)


def private_bytes(pid: int) -> int:
    """The memory that would be free again if the process ended; 0 where it is not known."""
    counts = _fields(f"/proc/{pid}/smaps_rollup")
    return (counts.get("Private_Clean", 0) + counts.get("Private_Dirty", 0)) * 1024


def _queued_s(pid: int, task: str) -> float:
    try:
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _fields(path: str) -> dict[str, int]:
    """The numbers of a file of `name: number` lines."""
    found = {}
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                name, colon, rest = line.partition(":")
                words = rest.split()
                if colon and words and words[0].isdigit():
                    found[name] = int(words[0])
    except OSError:
        return {}
    return found
