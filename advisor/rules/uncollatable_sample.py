"""DL013: a dataset gives samples that torch cannot put into a batch."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Related, Severity, rule
from ..model import Module
from ..text import Span


@rule("DL013", Severity.WARNING)
def uncollatable_sample(module: Module) -> Iterator[Hit]:
    """Reports samples that need a collate_fn, of datasets whose loader has none."""
    told: set[Span] = set()
    for fault in module.torch_data.uncollatable:
        if fault.span in told:
            continue
        told.add(fault.span)
        sample = "the sample is" if fault.is_whole else "a part of the sample is"
        related = (Related(fault.loader.callee, "this loader has no collate_fn"),)
        there = f" ({fault.loader.stands})" if fault.loader.stands else ""
        yield Hit(
            fault.span,
            f"{sample} {fault.words} here, which torch cannot put into a batch: the loop over the "
            f"loader{there} raises",
            related=() if there else related,
        )
