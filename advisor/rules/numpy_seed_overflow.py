"""DL014: a worker gives numpy torch's seed of 64 bits, and numpy takes 32."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Severity, rule
from ..model import Module, OverflowingSeed
from ..text import Edit, Span


@rule("DL014", Severity.ERROR)
def numpy_seed_overflow(module: Module) -> Iterator[Hit]:
    """Reports seeds in a worker_init_fn that numpy refuses."""
    for seed in module.overflowing_seeds:
        yield Hit(
            seed.span,
            "numpy takes seeds below 2**32 and torch's seed of a worker has 63 bits: "
            "the worker raises ValueError before its first batch",
            Fix("Take its lower 32 bits", _edits(seed)),
        )


def _edits(seed: OverflowingSeed) -> tuple[Edit, ...]:
    start, end = seed.argument.start, seed.argument.end
    if not seed.needs_parentheses:
        return (Edit(Span(end, end), " % 2**32"),)
    return Edit(Span(start, start), "("), Edit(Span(end, end), ") % 2**32")
