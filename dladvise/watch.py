"""Checking again whenever a file changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

SHORTEST_PAUSE_S = 0.3
PAUSE_PER_LOOK = 10  # looking takes a tenth of the time at most


def again_on_change(check: Callable[[], None], look: Callable[[], Iterable[str]]) -> None:
    """Run `check` now and after every change of the files that `look` returns.

    Looking at the times of some thousand files takes a few milliseconds, on every
    system and network disk; it ends with KeyboardInterrupt.
    """
    while True:
        seen = _times(look())  # before the check, which may read a file before it changes
        check()
        while True:
            begun = time.monotonic()
            if _times(look()) != seen:
                break
            time.sleep(max(SHORTEST_PAUSE_S, PAUSE_PER_LOOK * (time.monotonic() - begun)))


def _times(paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    times = {}
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError:
            continue
        times[path] = (stat.st_mtime_ns, stat.st_size)
    return times
