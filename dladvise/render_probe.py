"""What came out of a measurement, for people."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from dladvise.probe import Point, Recommendation
from dladvise.probe.durations import duration

from .render_text import Paint, Style, printable, width

EIGHTHS = " ▏▎▍▌▋▊▉"
WIDEST_BAR, NARROWEST_BAR = 24, 6
WIDEST_TEXT = 100
NO_TERMINAL = 120  # columns, where nobody says how many there are
GAP = "  "
LABEL = 12  # columns, of the words before what they are about


def report(found: Recommendation, paint: Paint, stream: TextIO, hint: str = "") -> Iterator[str]:
    """The curve, the sentence, how sure it is, and what to write; `hint` says how."""
    room = min(_room_of(stream), WIDEST_TEXT)

    def labelled(label: str, style: Style, text: str) -> Iterator[str]:
        first, *others = textwrap.wrap(printable(text), max(20, room - LABEL)) or [""]
        yield f"{paint(label, style)}{' ' * (LABEL - len(label))}{first}"
        for line in others:
            yield f"{' ' * LABEL}{line}"

    yield paint(printable(found.target.shown), Style.STRONG)
    yield ""
    yield from table(found.curve, found, paint, stream)
    yield ""
    for line in textwrap.wrap(printable(found.reason), room):
        yield paint(line, Style.STRONG)
    yield ""
    sure = f"{found.confidence}, after {found.elapsed_s:.0f} s"
    yield from labelled("confidence", Style.FRAME, sure)
    yield from labelled("bound by", Style.FRAME, found.bound_by)
    if found.consumer is not None:
        loop = (
            f"a step takes {duration(found.consumer.step_s)}, and "
            f"{found.consumer.wait_share:.0%} of the loop's time is waiting for data"
        )
        yield from labelled("your loop", Style.FRAME, loop)
    for warning in found.warnings:
        yield from labelled("warning", Style.WARNING, warning)
    yield ""
    if not found.changes:
        yield from labelled("write", Style.HELP, "nothing, leave it as it is")
        return
    # not wrapped: it is there to be copied
    yield f"{paint('write', Style.HELP)}{' ' * (LABEL - len('write'))}{found.arguments}"
    if hint:
        yield f"{' ' * LABEL}{hint}"


# The table


def table(
    points: Sequence[Point], found: Recommendation | None, paint: Paint, stream: TextIO
) -> Iterator[str]:
    """A row for every setting that was measured, with a bar for its rate.

    Columns are left out, the least important first, where the terminal is narrow.
    """
    if not points:
        return
    room = _room_of(stream)
    marks = [_mark(point, found) for point in points]
    mark_width = max(map(len, marks))
    marked = mark_width + len(GAP) if mark_width else 0
    widths = {
        one: max(len(one.title), *(len(one.cell(point)) for point in points))
        for one in COLUMNS
        if any(one.cell(point) for point in points)
    }
    columns = fitting(widths, room - marked - NARROWEST_BAR)
    longest = min(WIDEST_BAR, room - marked - _taken(columns))
    most = max(point.batches_per_s.value for point in points)
    blocks = can_write(stream, EIGHTHS + "█")
    head = GAP.join(one.title.rjust(taken) for one, taken in columns.items())
    yield paint(head, Style.FRAME)
    for point, mark in zip(points, marks, strict=True):
        row = GAP.join(one.cell(point).rjust(taken) for one, taken in columns.items())
        if longest >= NARROWEST_BAR:
            bar = _bar(point.batches_per_s.value / most, longest, blocks)
            row += GAP + bar.ljust(longest)
        if mark:
            row += GAP + mark
        is_choice = "recommended" in mark
        yield paint(row.rstrip(), Style.HELP) if is_choice else row.rstrip()


@dataclass(frozen=True)
class Column:
    """A column of the table; the most `dispensable` is left out first, 0 never."""

    title: str
    cell: Callable[[Point], str]
    dispensable: int
    live: bool = True
    least: int = 0  # its width in rows that are printed one by one


def _prefetch(point: Point) -> str:
    """What is prefetched, where that is not torch's own 2."""
    return "" if point.prefetch_factor in (None, 2) else str(point.prefetch_factor)


def _samples(point: Point) -> str:
    return "" if point.samples_per_s is None else number(point.samples_per_s)


def _interval(point: Point) -> str:
    rate = point.batches_per_s
    return f"{number(rate.low, rate.value)} to {number(rate.high, rate.value)}"


def _memory(point: Point) -> str:
    return "" if point.memory_mb is None else f"{point.memory_mb:,.0f} MB"


def _epoch(point: Point) -> str:
    return "" if point.epoch_s is None else duration(point.epoch_s)


COLUMNS = (
    Column("workers", lambda point: str(point.num_workers), 0),
    Column("prefetch", _prefetch, 1),
    Column("batches/s", lambda point: number(point.batches_per_s.value), 0, least=9),
    Column("95 % interval", _interval, 2, least=16),
    Column("samples/s", _samples, 4, least=10),
    Column("first batch", lambda point: duration(point.first_batch_s), 5, least=11),
    Column("memory", _memory, 6, least=9),
    Column("epoch", _epoch, 3, live=False),
)


def _mark(point: Point, found: Recommendation | None) -> str:
    if found is None:
        return ""
    here = (point.num_workers, point.prefetch_factor or 2)
    marks = [
        word
        for word, settings in (("now", found.current), ("recommended", found.recommended))
        if (settings.num_workers, settings.prefetch_factor or 2) == here
        or (settings.num_workers == 0 == point.num_workers)
    ]
    return ", ".join(marks)


def _bar(share: float, longest: int, blocks: bool) -> str:
    if not blocks:
        return "#" * max(1, round(share * longest))
    eighths = max(1, round(share * longest * 8))
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def fitting(widths: Mapping[Column, int], room: int) -> Mapping[Column, int]:
    """As many of the columns as there is room for, and those nobody can do without."""
    left = dict(widths)
    while _taken(left) > room:
        column = max(left, key=lambda one: one.dispensable)
        if not column.dispensable:
            break
        del left[column]
    return left


def _taken(columns: Mapping[Column, int]) -> int:
    """What the columns take, with the gap behind each."""
    return sum(taken + len(GAP) for taken in columns.values())


# Numbers and room


def number(value: float, like: float | None = None) -> str:
    """Three digits, or as many as `like` is shown with behind the point."""
    size = abs(value if like is None else like)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def terminal_width() -> int:
    return shutil.get_terminal_size((NO_TERMINAL, 24)).columns


def _room_of(stream: TextIO) -> int:
    """The columns there are."""
    if stream.isatty() or os.environ.get("COLUMNS"):
        return terminal_width()
    return NO_TERMINAL


def cut(text: str, room: int) -> str:
    while width(text) > max(1, room):
        text = text[:-1]
    return text


def can_write(stream: TextIO, characters: Iterable[str]) -> bool:
    """Reports whether the stream's encoding has all of these."""
    try:
        "".join(characters).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
