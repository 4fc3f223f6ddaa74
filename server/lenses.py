"""Code lenses above constructions, and inlay hints behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from dladvise.advisor import Span

from .actions import probe_command
from .analysis import Analysis
from .documents import Text, Unit

if TYPE_CHECKING:
    from .language_server import Server


async def code_lenses(server: Server, unit: Unit) -> list[lsp.CodeLens]:
    """To measure each loader; what was measured, where it was; what goes on, where it does."""
    options = server.folders.effective(unit.path).options
    if not _can_be_run(unit) or not options.code_lens or not options.trusted:
        return []
    return list(_lenses(server, unit, await server.analysed(unit)))


def _lenses(server: Server, unit: Unit, analysis: Analysis) -> Iterator[lsp.CodeLens]:
    known = server.measurements.of(unit.path)
    for loader in analysis.loaders:
        place = unit.place(loader.callee)
        start = place.range.start
        at = {"line": start.line, "character": start.character}

        def lens(command: lsp.Command, where: lsp.Range = place.range) -> lsp.CodeLens:
            return lsp.CodeLens(where, command)

        if server.probes.running(unit.uri, loader.key) is not None:
            yield lens(
                lsp.Command("measuring … cancel", "dladvise.cancelProbe", arguments=[place.uri])
            )
        elif (measurement := known.get(loader.key)) is None:
            yield lens(probe_command(server, "Probe num_workers", place.uri, start))
        else:
            late = "" if measurement.is_fresh(analysis.source.text) else " (code changed since)"
            title = f"measured {measurement.summary}{late}"
            yield lens(lsp.Command(title, "dladvise.showReport", arguments=[place.uri, at]))
            yield lens(probe_command(server, "probe again", place.uri, start))


async def inlay_hints(
    server: Server, unit: Unit, params: lsp.InlayHintParams
) -> list[lsp.InlayHint]:
    """The measured number of workers, behind the one that is written or behind the call."""
    options = server.folders.effective(unit.path).options
    if not _can_be_run(unit) or not options.inlay_hints:
        return []
    analysis = await server.analysed(unit)
    wanted = unit.span(params.text_document.uri, params.range)
    found = []
    known = server.measurements.of(unit.path)
    for loader in analysis.loaders:
        measurement = known.get(loader.key)
        if measurement is None or not measurement.is_news(analysis.source.text):
            continue
        at = loader.span.end if loader.behind_workers is None else loader.behind_workers
        if not wanted.start <= at <= wanted.end:
            continue
        n = measurement.recommendation.recommended.num_workers
        found.append(
            lsp.InlayHint(
                unit.place(Span(at, at)).range.start,
                f"measured: {n}",
                tooltip=measurement.recommendation.reason,
                padding_left=True,
            )
        )
    return found


def _can_be_run(unit: Unit) -> bool:
    """Reports whether the unit is a file that an interpreter can run."""
    return isinstance(unit, Text) and unit.path is not None
