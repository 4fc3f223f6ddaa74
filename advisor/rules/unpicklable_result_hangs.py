"""DL406: a collate_fn gives what a worker cannot send, and the main process waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module, UnsentResult
from ..text import Edit, Span
from ..values import Known


@rule("DL406", Severity.ERROR)
def unpicklable_result_hangs(module: Module) -> Iterator[Hit]:
    """Reports generators, lambdas and the like in batches that come from workers."""
    told: set[Span] = set()
    for result in sorted(module.unsent_results, key=lambda one: not _is_certain(one.loader)):
        call = result.loader
        if "num_workers" not in call.arguments or call.may_use_threads:
            continue
        if call.family in ("pyg", "graph"):
            continue  # their collate_fn is their own
        if result.span not in told:
            told.add(result.span)
            yield Hit(
                result.span,
                f"{result.words} cannot be pickled, so that no worker can send the batch: the "
                f"training loop waits {_how_long(call)}",
                _as_list(result),
                severity=None if _is_certain(call) else Severity.WARNING,
            )


def _is_certain(call: LoaderCall) -> bool:
    return call.workers.surely_some and not call.workers.by_default


def _how_long(call: LoaderCall) -> str:
    is_endless = all(case.what == Known(0) for case in call.cases("timeout"))
    return "for ever" if is_endless else "until its timeout"


def _as_list(result: UnsentResult) -> Fix | None:
    if not result.in_parentheses:
        return None
    first, last = result.span.start, result.span.end - 1
    edits = (Edit(Span(first, first + 1), "["), Edit(Span(last, last + 1), "]"))
    safety = Safety.SAFE if _is_certain(result.loader) else Safety.UNSAFE
    return Fix("Return a list", edits, safety)
