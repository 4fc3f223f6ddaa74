"""A progress bar on standard error, for checks that take longer than a moment."""

from __future__ import annotations

import sys
import time

PATIENCE_S = 1.0  # what is over sooner needs no bar
EVERY_S = 0.1
WIDTH = 30


class Progress:
    """Draws a bar when told how far it is, but only on a terminal, and takes it away."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if total == 0:
            return
        if not self._is_terminal or now - self._begun < PATIENCE_S or now - self._drawn < EVERY_S:
            return
        self._drawn = now
        filled = WIDTH * done // max(1, total)
        bar = "#" * filled + "-" * (WIDTH - filled)
        print(f"\r[{bar}] {done}/{total} files", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._drawn:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._drawn = 0.0
