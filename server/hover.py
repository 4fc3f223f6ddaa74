"""What is shown where the mouse rests: on a construction, and on the code of a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from dladvise.advisor import Memory, Source, Span, analyze, document
from dladvise.advisor.ignores import directives
from dladvise.advisor.model import LoaderCall
from dladvise.advisor.setting_values import find_rule
from dladvise.known import MAIN, arguments
from dladvise.probe import Point

from .analysis import Analysis, Loader
from .documents import Unit
from .measurements import Measurement
from .neighbours import Neighbours

if TYPE_CHECKING:
    from .language_server import Server

BAR = 20  # characters


async def hover(server: Server, unit: Unit, params: lsp.HoverParams) -> lsp.Hover | None:
    """The document of the rule, or the construction with what was measured."""
    if not server.folders.effective(unit.path).options.hover:
        return None
    at = unit.span(params.text_document.uri, lsp.Range(params.position, params.position)).start
    analysis = await server.analysed(unit)
    named = _rule_at(unit.source, at)
    if named is not None:
        words, span = named
        return _shown(server, unit, words, span)
    known = server.measurements.of(unit.path)
    for loader in analysis.loaders:
        if loader.callee.start <= at <= loader.callee.end:
            lines = await server.in_analyst(
                _construction, analysis, loader, server.memory(unit.uri), server.neighbours
            )
            if (measurement := known.get(loader.key)) is not None:
                lines += ["", *_measured(measurement, analysis.source.text)]
            return _shown(server, unit, "\n".join(lines), loader.callee)
    return None


def _shown(server: Server, unit: Unit, markdown: str, span: Span) -> lsp.Hover:
    kind = lsp.MarkupKind.Markdown if server.client.markdown else lsp.MarkupKind.PlainText
    if not server.client.markdown:
        markdown = re.sub(r"\*\*|`", "", markdown)
    return lsp.Hover(lsp.MarkupContent(kind, markdown), unit.place(span).range)


def _rule_at(source: Source, at: int) -> tuple[str, Span] | None:
    """The document of the rule whose code in a suppression is there."""
    line = source.line(source.line_at(at))
    if "dladvise:" not in line and "noqa" not in line.lower():
        return None
    for directive in directives(source):
        for span in directive.codes or ():
            if span.start <= at <= span.end:
                try:
                    return document(find_rule(source.text[span.start : span.end])), span
                except ValueError:
                    return None
    return None


def _construction(
    analysis: Analysis, loader: Loader, memory: Memory, neighbours: Neighbours
) -> list[str]:
    """What it is, with each of its arguments; while the text is broken, what it is alone."""
    effective = analysis.effective
    calls: Sequence[LoaderCall] = ()
    if not analysis.broken:
        project = neighbours.project()
        calls = analyze(analysis.source, effective.target, (), memory, project).loaders
    call = next((one for one in calls if one.callee == loader.callee), None)
    text = analysis.source.text[loader.callee.start : loader.callee.end]
    if call is None:
        return [f"**{text}**"]
    where = ".".join(filter(None, (call.in_class, call.function)))
    lines = [f"**{call.class_name}**" + (f" in `{where}`" if where else ""), ""]
    told = arguments(call, MAIN, "`")
    return [*lines, *(f"- `{name}` = {' or '.join(words)}" for name, words in told)]


def _measured(measurement: Measurement, text: str) -> Iterator[str]:
    """The sentence, how sure it is, and the curve."""
    from dladvise.render_probe import number  # only where something was measured

    found = measurement.recommendation
    if not measurement.is_fresh(text):
        yield "*Measured before the code was changed; measure again.*"
        yield ""
    yield f"**Measured**: {found.reason}"
    yield ""
    yield f"Confidence {found.confidence}, bound by {found.bound_by}."
    yield ""
    yield "| workers | batches/s | |"
    yield "| ---: | ---: | :--- |"
    most = max((point.batches_per_s.value for point in found.curve), default=1.0)
    for point in found.curve:
        yield f"| {_setting(point)} | {number(point.batches_per_s.value)} | `{_bar(point, most)}` |"


def _setting(point: Point) -> str:
    ahead = point.prefetch_factor
    beside = f" (prefetch {ahead})" if ahead not in (None, 2) else ""
    return f"{point.num_workers}{beside}"


def _bar(point: Point, most: float) -> str:
    return "█" * max(1, round(BAR * point.batches_per_s.value / most))
