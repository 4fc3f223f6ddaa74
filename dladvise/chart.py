"""The measured settings as a picture: throughput, memory and the first batch, by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from dladvise.probe import Point, Recommendation, Settings

from .axes import Scale, places, scale, tick
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
.chart .grid { stroke: var(--muted); opacity: 0.25; }
.chart .axis { stroke: var(--muted); }
.chart .guide { stroke: var(--muted); stroke-dasharray: 2 3; }
.chart .loop { stroke: var(--ink); stroke-dasharray: 6 4; }
.chart .band { stroke: none; opacity: 0.22; }
.chart .ring { fill: none; stroke: var(--ink); stroke-width: 1.5px; }
.chart .ring.chosen { stroke: var(--chosen); stroke-width: 2.5px; }
.chart .first { stroke: var(--first); fill: var(--first); }
.chart .second { stroke: var(--second); fill: var(--second); }
.chart .third { stroke: var(--third); fill: var(--third); }
.chart .fourth { stroke: var(--fourth); fill: var(--fourth); }
.chart path.curve { fill: none; stroke-width: 2px; stroke-linejoin: round; }
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
TIMES = (("min", 60.0, 120.0), ("s", 1.0, 1.0), ("ms", 1e-3, 1e-3), ("µs", 1e-6, 0.0))
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


class _Plot(NamedTuple):
    """What is shown of a point, against which axis, and where."""

    title: str
    value: Callable[[Point], float | None]
    axis: Scale
    height: int
    y: float = 0.0  # of its upper edge

    def at(self, value: float) -> float:
        """Where a value is; one beyond the axis is at its end."""
        return self.y + self.height * (1 - min(max(value / self.axis.top, 0.0), 1.0))


class _Drawn(NamedTuple):
    """A point with its series, and where its number of workers is."""

    point: Point
    series: int
    x: float


class _Chart:
    def __init__(self, found: Recommendation, width: int) -> None:
        self.found = found
        self.width = width
        self.factors = _factors(found.curve)
        workers = [point.num_workers for point in found.curve]
        self.places = places(workers, LEFT + INSET, width - RIGHT - INSET)
        self.points = sorted(self._dodged(), key=lambda one: one.x)

    def drawing(self) -> Drawing:
        parts, y = self._upper()
        for plot in self._lower_plots():
            more, y = self._lower(plot, y)
            parts += more
        name = "num_workers"
        if self.places.spacing != "linear":
            name += f" ({self.places.spacing})"
        parts.append(text((LEFT + self.width - RIGHT) / 2, y + 4, name, "", "middle"))
        return Drawing("\n".join(parts), self.width, round(y + 12))

    def _upper(self) -> tuple[list[str], float]:
        """The throughput, with everything that is told of it."""
        legend, y = self._legend(ROW)
        marks, y = self._marks(y)
        axis = scale(self._most_throughput(), 5)
        plot = _Plot(
            "Throughput, batches per second", lambda one: one.batches_per_s.value, axis, TALLER
        )._replace(y=y + ABOVE)
        parts = [
            text(0, ROW - 5, plot.title, "title"),
            *legend,
            *marks,
            *self._axes(plot),
            *self._bands(plot),
            *self._curves(plot),
            *self._loop(plot),
        ]
        return parts, _below(plot)

    def _lower(self, plot: _Plot, y: float) -> tuple[list[str], float]:
        placed = plot._replace(y=y + ROW + ABOVE)
        title = text(0, y + ROW - 5, plot.title, "title")
        return [title, *self._axes(placed), *self._curves(placed)], _below(placed)

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
            )

    def _series(self, point: Point) -> int:
        return self.factors.index(point.prefetch_factor or 2) if point.num_workers else 0

    def _lower_plots(self) -> Iterator[_Plot]:
        curve = self.found.curve
        memory = [point.memory_mb for point in curve if point.memory_mb is not None]
        if memory:
            unit, size = ("GB", 1024) if max(memory) >= 4096 else ("MB", 1)

            def used(point: Point) -> float | None:
                return None if point.memory_mb is None else point.memory_mb / size

            yield _Plot(f"Memory, {unit}", used, scale(max(memory) / size, 3), LOWER)
        slowest_s = max((point.first_batch_s for point in curve), default=0.0)
        name, unit_s = next((name, s) for name, s, least_s in TIMES if slowest_s >= least_s)
        axis = scale(slowest_s / unit_s, 3)
        title = f"Time to the first batch, {name}"
        yield _Plot(title, lambda point: point.first_batch_s / unit_s, axis, LOWER)

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

    def _most_throughput(self) -> float:
        """What the axis has to reach: an interval that is known badly may leave the plot."""
        rates = [point.batches_per_s for point in self.found.curve]
        most = max((rate.value for rate in rates), default=0.0)
        most = min(1.5 * most, max((rate.high for rate in rates), default=0.0))
        loop = self._loop_takes()
        return loop if loop is not None and most < loop <= 1.5 * most else most

    def _axes(self, plot: _Plot) -> Iterator[str]:
        right = self.width - RIGHT
        for value in plot.axis.ticks:
            y = plot.at(value)
            yield _line("grid" if value else "axis", LEFT, y, right, y)
            yield text(LEFT - 8, y + 4, tick(value, plot.axis.top), "", "end")
        yield from self._workers(plot.y + plot.height + ROW)

    def _curves(self, plot: _Plot) -> Iterator[str]:
        for series in range(len(self.factors)):
            drawn = [
                (one, plot.at(value))
                for one in self.points
                if one.series == series and (value := plot.value(one.point)) is not None
            ]
            if len(drawn) > 1:
                path = "L".join(f"{one.x:.1f} {y:.1f}" for one, y in drawn)
                yield f'<path class="curve {NAMES[series % 4]}" d="M{path}"/>'
            for one, y in drawn:
                yield from self._point(one, y)

    def _bands(self, plot: _Plot) -> Iterator[str]:
        """The 95 % intervals: a band along the first curve, a bar at every point."""
        ends = {
            one: (plot.at(one.point.batches_per_s.high), plot.at(one.point.batches_per_s.low))
            for one in self.points
        }
        along = [one for one in self.points if not one.series]
        if len(along) > 1:
            there = [f"{one.x:.1f} {ends[one][0]:.1f}" for one in along]
            back = [f"{one.x:.1f} {ends[one][1]:.1f}" for one in reversed(along)]
            yield f'<path class="band {NAMES[0]}" d="M{"L".join(there + back)}z"/>'
        for one, (high, low) in ends.items():
            name = NAMES[one.series % 4]
            yield _line(name, one.x, high, one.x, low)
            for end in (high, low):
                yield _line(name, one.x - 3, end, one.x + 3, end)

    def _point(self, one: _Drawn, y: float) -> Iterator[str]:
        yield f"<g><title>{escape(words_of(one.point))}</title>"
        yield _marker(one.x, y, one.series)
        radius = 8
        for name, settings in (("chosen", self.found.recommended), ("", self.found.current)):
            if is_of(one.point, settings):
                circle = f'cx="{one.x:.1f}" cy="{y:.1f}" r="{radius}"'
                yield f'<circle class="{f"ring {name}".strip()}" {circle}/>'
                radius = 11
        yield "</g>"

    def _loop_takes(self) -> float | None:
        """The batches that the training loop takes in a second, when it waits for none."""
        consumer = self.found.consumer
        return None if consumer is None or consumer.step_s <= 0 else 1 / consumer.step_s

    def _loop(self, plot: _Plot) -> Iterator[str]:
        """A line for what the training loop takes, with its words where no point is near."""
        loop = self._loop_takes()
        if loop is None or loop > plot.axis.top:
            return
        y, right = plot.at(loop), self.width - RIGHT
        yield _line("loop", LEFT, y, right, y)
        words = f"your loop takes at most {tick(float(f'{loop:.3g}'), loop)}"
        first, last = (
            abs(self.points[index].point.batches_per_s.value - loop) for index in (0, -1)
        )
        if first > last:
            yield text(LEFT + 6, y - 6, words, "halo")
        else:
            yield text(right, y - 6, words, "halo", "end")

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


def _below(plot: _Plot) -> float:
    """Where the next plot begins, under the numbers of workers."""
    return plot.y + plot.height + ROW + 14


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
