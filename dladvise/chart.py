"""The measured settings as a picture: throughput, memory and the first batch, by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from dladvise.probe import Point, Recommendation, Settings

from .axes import places, scale, tick
from .render_probe import COLUMNS

STYLE = """\
.chart {
  font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, "DejaVu Sans",
    "Liberation Sans", "Noto Sans", sans-serif;
}
.chart text { fill: var(--muted); }
.chart .title, .chart .mark, .chart .heading { fill: var(--ink); font-weight: 600; }
.chart .heading { font-size: 15px; }
.chart .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.chart .sheet { fill: var(--paper); }
.chart .grid { stroke: var(--line); }
.chart .axis { stroke: var(--muted); }
.chart .guide { stroke: var(--muted); stroke-dasharray: 2 3; }
.chart .loop { stroke: var(--ink); stroke-dasharray: 6 4; }
.chart .curve { fill: none; stroke-width: 2px; stroke-linejoin: round; }
.chart .band { stroke: none; opacity: 0.16; }
.chart .ring { fill: none; stroke: var(--ink); stroke-width: 1.5px; }
.chart .ring.chosen { stroke: var(--chosen); stroke-width: 2.5px; }
.chart .first { stroke: var(--first); fill: var(--first); }
.chart .second { stroke: var(--second); fill: var(--second); }
.chart .third { stroke: var(--third); fill: var(--third); }
.chart .fourth { stroke: var(--fourth); fill: var(--fourth); }
.chart path.curve { fill: none; }
"""

NAMES = ("first", "second", "third", "fourth")
SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M0-5.5L5.5 0 0 5.5-5.5 0z",
    "M0-5L5 4-5 4z",
    "M-4-4H4V4H-4z",
)
LEFT, RIGHT = 52, 14  # of a plot: room for the labels of its axis, and for half a last one
INSET = 14  # from a plot's edges to its outermost points
ROW, ABOVE = 18, 10  # one line of text, and what is above a plot for its highest point
LETTER, BOLD = 7.3, 8.4  # the width of one, in most fonts less
DODGE = 7  # between points of one number of workers
TALLER, LOWER = 200, 64  # the plot of the throughput, and the two below it


class Drawing(NamedTuple):
    """The elements of a picture, and the room that they take."""

    elements: str
    width: int
    height: int

    def svg(self, found: Recommendation) -> str:
        """As an element of a page that has STYLE and the variables in it."""
        ident = f"chart-{self.width}"
        return (
            f'<svg class="chart" id="{ident}" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" {described(found, ident)}\n'
            f"{self.elements}\n</svg>"
        )


def described(found: Recommendation, ident: str) -> str:
    """The end of an svg tag and the elements behind it that say what is to be seen."""
    rows = "; ".join(words_of(point) for point in found.curve)
    title = f"Throughput by num_workers of {found.target.shown}"
    return (
        f'role="img" aria-labelledby="{ident}-title" aria-describedby="{ident}-desc">\n'
        f'<title id="{ident}-title">{escape(title)}</title>\n'
        f'<desc id="{ident}-desc">{escape(f"Measured: {rows}. {found.reason}")}</desc>'
    )


def drawing(found: Recommendation, width: int) -> Drawing:
    """The picture, so wide."""
    return _Chart(found, width).drawing()


class _Panel(NamedTuple):
    """One plot: what it shows of a point, and how high it is."""

    title: str
    value: Callable[[Point], float | None]
    height: int
    n_steps: int


class _Drawn(NamedTuple):
    """A point with its series, and where its number of workers is."""

    point: Point
    series: int
    x: float
    settings: Settings


class _Chart:
    def __init__(self, found: Recommendation, width: int) -> None:
        self.found = found
        self.width = width
        self.factors = _factors(found.curve)
        workers = [point.num_workers for point in found.curve]
        self.places = places(workers, LEFT + INSET, width - RIGHT - INSET)
        self.points = list(self._dodged())

    def drawing(self) -> Drawing:
        parts: list[str] = []
        y = 0.0
        for index, panel in enumerate(self._panels()):
            y += ROW
            parts.append(text(0, y - 5, panel.title, "title"))
            if not index:
                legend, y = self._legend(y)
                parts += legend
                marks, y = self._marks(y)
                parts += marks
            y += ABOVE
            parts += self._plot(panel, y, is_first=not index)
            y += panel.height + ROW
            parts += self._workers(y)
            y += 14
        name = "num_workers"
        if self.places.spacing != "linear":
            name += f" ({self.places.spacing})"
        parts.append(text((LEFT + self.width - RIGHT) / 2, y + 4, name, "", "middle"))
        return Drawing("\n".join(parts), self.width, round(y + 12))

    # What is in it

    def _dodged(self) -> Iterator[_Drawn]:
        """Points of one number of workers stand side by side."""
        taken: dict[int, int] = {}
        for point in sorted(self.found.curve, key=self._series):
            n = point.num_workers
            nth = taken[n] = taken.get(n, -1) + 1
            aside = (nth + 1) // 2 * DODGE * (1 if nth % 2 else -1)
            yield _Drawn(
                point,
                self._series(point),
                self.places.of[n] + aside,
                Settings(n, point.prefetch_factor),
            )

    def _series(self, point: Point) -> int:
        return self.factors.index(point.prefetch_factor or 2) if point.num_workers else 0

    def _panels(self) -> Iterator[_Panel]:
        curve = self.found.curve
        yield _Panel(
            "Throughput, batches per second", lambda point: point.batches_per_s.value, TALLER, 5
        )
        most = max((point.memory_mb or 0 for point in curve), default=0)
        if any(point.memory_mb is not None for point in curve):
            unit, size = ("GB", 1024) if most >= 10_240 else ("MB", 1)
            yield _Panel(
                f"Memory, {unit}",
                lambda point: None if point.memory_mb is None else point.memory_mb / size,
                LOWER,
                3,
            )
        slowest = max((point.first_batch_s for point in curve), default=0)
        unit, part = next(
            (unit, part)
            for unit, part in (("min", 60), ("s", 1), ("ms", 1e-3), ("µs", 1e-6))
            if slowest >= part * (2 if unit == "min" else 1) or unit == "µs"
        )
        yield _Panel(
            f"Time to the first batch, {unit}", lambda point: point.first_batch_s / part, LOWER, 3
        )

    # What is above the first plot

    def _legend(self, y: float) -> tuple[list[str], float]:
        """Which shape is which prefetch factor, where there are several."""
        if len(self.factors) < 2:
            return [], y
        parts = []
        x, y = 6.0, y + ROW
        for index, factor in enumerate(self.factors):
            words = f"prefetch_factor={factor}"
            taken = 26 + len(words) * LETTER
            if x > 6 and x + taken > self.width:
                x, y = 6.0, y + ROW
            parts.append(_marker(x, y - 9, index))
            parts.append(text(x + 11, y - 5, words))
            x += taken
        return parts, y

    def _marks(self, y: float) -> tuple[list[str], float]:
        """The labels of the present and the recommended setting, and lines down from them.

        They stand on the outer sides of their lines; one that has no room there stands a
        line higher, so that none is crossed or covered by the other.
        """
        marked: dict[float, str] = {}
        for words, settings in (
            ("now", self.found.current),
            ("recommended", self.found.recommended),
        ):
            for drawn in self.points:
                if is_of(drawn.point, settings):
                    before = marked.get(drawn.x)
                    marked[drawn.x] = f"{before} and {words}" if before else words
                    break
        ordered = sorted(marked.items())
        placed = []
        for index, (x, words) in enumerate(ordered):
            taken = len(words) * BOLD + 4
            begin = x - taken if index == 0 < len(ordered) - 1 else x + 4
            if len(ordered) == 1:
                begin = x - taken / 2
            inside = min(max(begin, 0), self.width - taken)
            placed.append((x, words, inside, inside != begin and len(ordered) > 1))
        rows = 0 if not placed else 2 if any(raised for *_, raised in placed) else 1
        y += rows * ROW
        parts = []
        for x, words, begin, raised in placed:
            base = y - 4 - (ROW if raised else 0)
            taken = len(words) * BOLD
            parts.append(_line("guide", x, base + 5, x, y + ABOVE + TALLER))
            parts.append(text(begin + taken / 2, base, words, "mark", "middle"))
        return parts, y

    # A plot

    def _plot(self, panel: _Panel, y: float, is_first: bool) -> Iterator[str]:
        values = [value for one in self.points if (value := panel.value(one.point)) is not None]
        most = max(values, default=0.0)
        if is_first:
            # an interval that is known badly may leave the plot
            most = min(most * 1.5, max((p.batches_per_s.high for p in self.found.curve), default=0))
            loop = self._loop_takes()
            if loop is not None and most < loop <= 1.5 * most:
                most = loop
        axis = scale(most, panel.n_steps)

        def at(value: float) -> float:
            return y + panel.height * (1 - min(max(value / axis.top, 0.0), 1.0))

        right = self.width - RIGHT
        for value in axis.ticks:
            yield _line("grid" if value else "axis", LEFT, at(value), right, at(value))
            yield text(LEFT - 8, at(value) + 4, tick(value, axis.top), "", "end")
        if is_first:
            yield from self._bands(at)
        for series in range(len(self.factors)):
            drawn = [
                (one, value)
                for one in sorted(self.points, key=lambda one: one.x)
                if one.series == series and (value := panel.value(one.point)) is not None
            ]
            if len(drawn) > 1:
                path = "L".join(f"{one.x:.1f} {at(value):.1f}" for one, value in drawn)
                yield f'<path class="curve {NAMES[series % 4]}" d="M{path}"/>'
            for one, value in drawn:
                yield from self._point(one, at(value), series)
        if is_first:
            yield from self._loop(at, axis.top)

    def _bands(self, at: Callable[[float], float]) -> Iterator[str]:
        """The 95 % intervals: a band along the first curve, a bar at every point."""
        along = sorted((one for one in self.points if not one.series), key=lambda one: one.x)
        if len(along) > 1:
            there = [f"{one.x:.1f} {at(one.point.batches_per_s.high):.1f}" for one in along]
            back = [f"{one.x:.1f} {at(one.point.batches_per_s.low):.1f}" for one in along[::-1]]
            yield f'<path class="band {NAMES[0]}" d="M{"L".join(there + back)}z"/>'
        for one in self.points:
            high, low = at(one.point.batches_per_s.high), at(one.point.batches_per_s.low)
            name = NAMES[one.series % 4]
            yield _line(name, one.x, high, one.x, low)
            for end in (high, low):
                yield _line(name, one.x - 3, end, one.x + 3, end)

    def _point(self, one: _Drawn, y: float, series: int) -> Iterator[str]:
        yield f"<g><title>{escape(words_of(one.point))}</title>"
        yield _marker(one.x, y, series)
        for settings, name in ((self.found.current, ""), (self.found.recommended, " chosen")):
            if is_of(one.point, settings):
                radius = 8 if name else 11 if is_of(one.point, self.found.recommended) else 8
                yield f'<circle class="ring{name}" cx="{one.x:.1f}" cy="{y:.1f}" r="{radius}"/>'
        yield "</g>"

    def _loop_takes(self) -> float | None:
        """The batches that the training loop takes in a second, when it waits for none."""
        consumer = self.found.consumer
        return None if consumer is None or consumer.step_s <= 0 else 1 / consumer.step_s

    def _loop(self, at: Callable[[float], float], top: float) -> Iterator[str]:
        """A line for what the training loop takes, with its words where no point is near."""
        loop = self._loop_takes()
        if loop is None or loop > top:
            return
        y, right = at(loop), self.width - RIGHT
        yield _line("loop", LEFT, y, right, y)
        words = f"your loop takes at most {tick(float(f'{loop:.3g}'), loop)}"
        if self._distance(0, loop) > self._distance(-1, loop):
            yield text(LEFT + 6, y - 6, words, "halo")
        else:
            yield text(right, y - 6, words, "halo", "end")

    def _distance(self, index: int, rate: float) -> float:
        """From the first point, or the last, to a rate."""
        ordered = sorted(self.points, key=lambda one: one.x)
        return abs(ordered[index].point.batches_per_s.value - rate)

    def _workers(self, y: float) -> Iterator[str]:
        """The measured numbers of workers; those that matter first, where room is short."""
        wanted = (self.found.recommended.num_workers, self.found.current.num_workers)
        ordered = sorted(self.places.of, key=lambda n: (n not in wanted, n))
        ends: list[tuple[float, float]] = []
        for n in ordered:
            half = len(str(n)) * LETTER / 2 + 2
            begin, end = self.places.of[n] - half, self.places.of[n] + half
            if all(end <= other or begin >= rest for other, rest in ends):
                ends.append((begin, end))
                yield text(self.places.of[n], y, str(n), "", "middle")


def _factors(curve: Sequence[Point]) -> list[int]:
    """The prefetch factors, the one that most settings have first."""
    found = [point.prefetch_factor or 2 for point in curve if point.num_workers]
    return sorted(set(found), key=lambda factor: (-found.count(factor), factor)) or [2]


def is_of(point: Point, settings: Settings) -> bool:
    """Reports whether the point was measured with these workers and their prefetching."""
    measured = Settings(point.num_workers, point.prefetch_factor)
    return measured.effective[:2] == settings.effective[:2]


def words_of(point: Point) -> str:
    """A point in one line, as the table has it."""
    return ", ".join(f"{one.title} {cell}" for one in COLUMNS if (cell := one.cell(point)))


def _marker(x: float, y: float, series: int) -> str:
    name, shape = NAMES[series % 4], SHAPES[series % 4]
    return f'<path class="{name}" transform="translate({x:.1f} {y:.1f})" d="{shape}"/>'


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{name}" {ends}/>'


def text(x: float, y: float, words: str, name: str = "", anchor: str = "start") -> str:
    classes = f' class="{name}"' if name else ""
    anchored = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{classes}{anchored}>{escape(words)}</text>'
