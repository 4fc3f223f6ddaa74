"""The files that a measurement is written to: a report as a page, a plot as a picture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from dladvise.probe import Recommendation

from . import chart
from .colours import literal
from .files import FileError, replace_contents

REPORT_SUFFIXES = (".html", ".htm")
PLOT_SUFFIXES = (".svg", ".png")
WIDTH, MARGIN, HEADING = 760, 20, 52  # of a plot, and what stands above it
HEADING_LETTERS = 78  # that a line above it has room for
ZOOM = 2  # pixels of a PNG for one of the plot: most screens have as many
NO_RENDERER = (
    "a PNG needs resvg-py: pip install 'dladvise[plot]', or write the plot as an .svg file"
)
ONE_LETTER = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    f"<style>{literal(chart.STYLE, 'light')}</style>"
    '<g class="chart"><text y="15">M</text></g></svg>'
)
NO_FONT = (
    "a PNG needs a font such as DejaVu Sans, and there is none: write the plot as an .svg file"
)


class ReportFiles(NamedTuple):
    """Where the report and the plot go; None where nobody wants one."""

    report: str | None
    plot: str | None

    def refuse(self) -> None:
        """FileError, before anything is measured, where they could not be written after it."""
        for path, suffixes in ((self.report, REPORT_SUFFIXES), (self.plot, PLOT_SUFFIXES)):
            if path is not None:
                _refuse(path, suffixes)
        if self.plot is not None and _is_png(self.plot):
            try:
                has_font = _png(ONE_LETTER) != _png(ONE_LETTER.replace(">M<", "><"))
            except ImportError:
                raise FileError(self.plot, NO_RENDERER) from None
            if not has_font:
                raise FileError(self.plot, NO_FONT)

    def write(self, found: Recommendation) -> Iterator[str]:
        """Write them, each in one step; the path of each is told."""
        if self.report is not None:
            from .report import page  # most measurements need no page

            replace_contents(self.report, page(found).encode())
            yield self.report
        if self.plot is not None:
            svg = plot(found)
            replace_contents(self.plot, _png(svg) if _is_png(self.plot) else svg.encode())
            yield self.plot


def _refuse(path: str, suffixes: tuple[str, ...]) -> None:
    if os.path.splitext(path)[1].lower() not in suffixes:
        first, second = suffixes
        raise FileError(path, f"the name must end in {first} or {second}")
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise FileError(path, "is a folder")
    if not os.path.isdir(folder):
        raise FileError(path, f"there is no folder {folder}")
    for place in (folder, path):
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise FileError(path, "cannot be written: permission denied")


def plot(found: Recommendation) -> str:
    """The chart as an SVG file, under what was measured and recommended.

    It is light or dark as its reader likes it, by rules without variables: not every program
    that shows an SVG knows them.
    """
    drawn = chart.drawing(found, WIDTH)
    width, height = drawn.width + 2 * MARGIN, drawn.height + 2 * MARGIN + HEADING
    light, dark, forced = (literal(chart.STYLE, one) for one in ("light", "dark", "forced"))
    answer = found.reason.partition(": ")[0]
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width}" height="{height}" \
viewBox="{-MARGIN} {-MARGIN - HEADING} {width} {height}" {chart.described(found, "chart")}
<style>
{light}@media (prefers-color-scheme: dark) {{
{dark}}}
@media (forced-colors: active) {{
{forced}}}
</style>
<rect class="sheet" x="{-MARGIN}" y="{-MARGIN - HEADING}" width="{width}" height="{height}"/>
{chart.text(0, 12 - HEADING, _end_of(answer), "heading")}
{chart.text(0, 32 - HEADING, _end_of(found.target.shown))}
{drawn.elements}
</svg>
"""


def _end_of(words: str) -> str:
    """The words, or as much of their end as there is room for."""
    return words if len(words) <= HEADING_LETTERS else "…" + words[1 - HEADING_LETTERS :]


def _is_png(path: str) -> bool:
    return path.lower().endswith(".png")


def _png(svg: str) -> bytes:
    import resvg_py  # an extra

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=ZOOM))
