"""DL114: a next() in a dataset raises StopIteration, which ends the epoch."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import Module


@rule("DL114", Severity.WARNING)
def stop_iteration_in_getitem(module: Module) -> Iterator[Hit]:
    """Reports the end of an iterator that a loader takes for its own."""
    for stop in module.torch_data.stray_stops:
        yield Hit(
            stop.span,
            f"once {stop.iterator} is at its end, the StopIteration from here ends the epoch, "
            "without an error",
        )
