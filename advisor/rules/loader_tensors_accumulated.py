"""DL409: batches that came through shared memory are kept, each with its open file."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit, Span
from ..values import Known


@rule("DL409", Severity.INFO)
def loader_tensors_accumulated(module: Module) -> Iterator[Hit]:
    """Reports tensors of workers that a list keeps without a copy."""
    if "linux" not in module.target.platforms or module.source.tells("set_sharing_strategy"):
        return
    told: set[Span] = set()
    for loop in module.every_loop:
        if loop.breaks or not _shares_memory(loop.loader):
            continue
        for kept in loop.kept_tensors:
            if kept.span in told:
                continue
            told.add(kept.span)
            copied = ".copy()" if kept.is_array else ".clone()"
            edit = Edit(Span(kept.span.end, kept.span.end), copied)
            yield Hit(
                kept.span,
                f"{kept.container} keeps the shared memory of every batch: each tensor holds a "
                "file open, and a process may have 1024 of them",
                Fix("Keep a copy", (edit,), Safety.UNSAFE),
            )


def _shares_memory(call: LoaderCall) -> bool:
    """Reports whether batches come from workers, and are not copied to be pinned."""
    if call.handed_to or call.framework_hook or call.subclass or call.may_use_threads:
        return False
    if not call.workers.surely_some:
        return False
    scenarios = call.scenarios("pin_memory")
    return bool(scenarios) and all(s["pin_memory"].what == Known(False) for s in scenarios)
