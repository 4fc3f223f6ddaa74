"""Writes what a measurement recommends: its words to the arguments that the advisor writes."""

from __future__ import annotations

from dladvise.advisor import Source, Span
from dladvise.advisor.applying import Workers, Written, writing
from dladvise.probe import Recommendation, Settings


def recommended(source: Source, callee: Span, found: Recommendation) -> Written:
    """The edits for the construction that was measured; CannotWrite says why there are none."""
    return writing(source, callee, _workers(found.recommended), _workers(found.current))


def _workers(settings: Settings) -> Workers:
    return Workers(settings.num_workers, settings.prefetch_factor, settings.persistent_workers)
