"""DL204: pin_memory is on, and the batches are objects that it does not look into."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Related, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known, Made


@rule("DL204", Severity.INFO)
def pin_memory_skips_custom_batch(module: Module) -> Iterator[Hit]:
    """Reports loaders that pin, and whose batches are of a class without pin_memory()."""
    for call in module.loaders:
        batch = call.batch_class
        if batch is None or batch.pins or not _pins(call):
            continue
        yield Hit(
            call.arguments["pin_memory"].span,
            f"nothing is pinned: the batches are objects of {batch.name}, which has no "
            "pin_memory() method",
            related=(Related(batch.span, "the class of the batches"),),
        )


def _pins(call: LoaderCall) -> bool:
    """Reports whether batches are to be pinned wherever there is a GPU."""
    scenarios = call.scenarios("pin_memory")
    whats = [s["pin_memory"].what for s in scenarios]
    return bool(whats) and all(
        what == Known(True) or (isinstance(what, Made) and what.name.endswith("is_available"))
        for what in whats
    )
