"""A measurement on a terminal while it runs: what is being done, and a row for every setting."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from dladvise.probe import Point, Stage

from .render_probe import COLUMNS, GAP, Column, can_write, cut, fitting, terminal_width
from .render_text import Paint, Style, printable

EVERY_S = 0.1  # between two looks of the status line
SPINNER, ASCII_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


class Live:
    """Draws on a terminal what a measurement tells: a status line, and a row for every setting.

    Rows are appended and stay; the status line below them is drawn anew, and gone at the
    end. On anything but a terminal nothing is drawn. `points` are the settings told so far.
    """

    def __init__(
        self, stream: TextIO, paint: Paint, longest_s: float, environ: Mapping[str, str]
    ) -> None:
        self._stream = stream
        self._paint = paint
        self._longest_s = longest_s
        self._told: dict[tuple[int, int], Point] = {}
        self._draws = stream.isatty() and environ.get("TERM") != "dumb"
        self._spinner = SPINNER if can_write(stream, SPINNER) else ASCII_SPINNER
        self._columns: Mapping[Column, int] = {}
        self._begun = time.monotonic()
        self._words = "starting"
        self._status = False  # there is a status line on the screen
        self._headed = False
        self._unfinished = b""  # the script's last line, while it has no end
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def __enter__(self) -> Live:
        if self._draws:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._ended.set()
        with self._lock:
            self._clear()
            if self._unfinished:
                self._write_raw(self._unfinished + b"\n")
                self._unfinished = b""

    @property
    def points(self) -> list[Point]:
        """The settings measured so far, as they were told last, by workers."""
        return [point for _, point in sorted(self._told.items())]

    def tell(self, event: Stage | Point) -> None:
        """Show what is being done, or what was measured."""
        with self._lock:
            if isinstance(event, Point):
                self._told[event.num_workers, event.prefetch_factor or 2] = event
                if self._draws:
                    self._clear()
                    self._row(event)
            else:
                self._words = event.words
            if self._draws:
                self._draw()

    def output(self, data: bytes) -> None:
        """Let through what the script prints, in whole lines."""
        with self._lock:
            lines, newline, rest = (self._unfinished + data).rpartition(b"\n")
            self._unfinished = rest
            if newline:
                self._clear()
                self._write_raw(lines + newline)

    def _spin(self) -> None:
        while not self._ended.wait(EVERY_S):
            with self._lock:
                if not self._ended.is_set():
                    self._draw()

    def _row(self, point: Point) -> None:
        if not self._headed:
            self._headed = True
            fixed = {one: max(one.least, len(one.title)) for one in COLUMNS if one.live}
            self._columns = fitting(fixed, terminal_width() - 1)
            self._line(GAP.join(one.title.rjust(self._columns[one]) for one in self._columns))
        cells = (one.cell(point).rjust(taken) for one, taken in self._columns.items())
        self._line(GAP.join(cells))

    def _line(self, text: str) -> None:
        self._stream.write(text.rstrip() + "\n")

    def _draw(self) -> None:
        elapsed = time.monotonic() - self._begun
        turn = self._spinner[int(elapsed / EVERY_S) % len(self._spinner)]
        budget = f"  {elapsed:.0f} of at most {self._longest_s:.0f} s"
        words = cut(printable(self._words), terminal_width() - len(budget) - 3)
        self._stream.write(
            f"\r\033[K{self._paint(turn, Style.INFO)} {words}{self._paint(budget, Style.FRAME)}"
        )
        self._stream.flush()
        self._status = True

    def _clear(self) -> None:
        if self._status:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._status = False

    def _write_raw(self, data: bytes) -> None:
        self._stream.flush()
        buffer = getattr(self._stream, "buffer", None)
        if buffer is None:
            self._stream.write(data.decode(errors="replace"))
        else:
            buffer.write(data)
            buffer.flush()
