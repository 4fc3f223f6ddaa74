"""DL111: a loader that keeps its workers is iterated over twice at once."""

from __future__ import annotations

from collections.abc import Iterator

from ..edits import editable, removable, remove_argument
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known


@rule("DL111", Severity.ERROR)
def persistent_loader_reentered(module: Module) -> Iterator[Hit]:
    """Reports two iterations at once over a loader that has one iterator for all."""
    for loop in module.loops:
        if loop.reentered is None or loop.loader.handed_to or not _has_one_iterator(loop.loader):
            continue
        yield Hit(
            loop.span,
            "both iterations take their batches from one iterator, since the workers are kept: "
            "each gets only a part of them",
            _fix(module, loop.loader),
            (Related(loop.reentered, "the same loader is iterated over here"),),
        )


def _has_one_iterator(call: LoaderCall) -> bool:
    if call.may_use_threads:
        return False  # MONAI turns persistent_workers off then
    scenarios = call.scenarios("persistent_workers", "num_workers")
    return (
        bool(scenarios)
        and call.workers.surely_some
        and all(s["persistent_workers"].what == Known(True) for s in scenarios)
    )


def _fix(module: Module, call: LoaderCall) -> Fix | None:
    argument = call.arguments["persistent_workers"]
    if not editable(call) or not removable(call, argument):
        return None
    edits = remove_argument(module.source, call, argument)
    return Fix("Start workers for each iteration", edits, Safety.UNSAFE)
