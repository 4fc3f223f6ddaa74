"""DL202: batches are pinned in the training loop, which waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from ..edits import editable, set_argument
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import Copy, LoaderCall, Loop, Module
from ..text import Edit
from ..values import Known


@rule("DL202", Severity.INFO)
def pinning_misplaced(module: Module) -> Iterator[Hit]:
    """Reports batches that the loop pins itself right before it copies them."""
    if module.source.tells("Stream("):
        return  # another stream may be busy meanwhile
    told: set[Copy] = set()
    for loop in module.loops:
        call = loop.loader
        if call.handed_to or call.framework_hook or not _leaves_it(call):
            continue
        if not call.workers.surely_some:
            continue  # without workers the loader would pin in this very thread
        for copy in loop.copies:
            if copy.pinning is None or copy in told or copy.device in ("cpu", "other"):
                continue
            told.add(copy)
            yield Hit(
                copy.span,
                "the training loop waits while this pins the batch, which the loader can do in a "
                "thread of its own",
                _fix(module, loop),
                (Related(call.callee, "this loader does not pin"),),
            )


def _leaves_it(call: LoaderCall) -> bool:
    scenarios = call.scenarios("pin_memory")
    return bool(scenarios) and all(
        s["pin_memory"].what == Known(False) and s["pin_memory"].origin is None for s in scenarios
    )


def _fix(module: Module, loop: Loop) -> Fix | None:
    call = loop.loader
    argument = call.arguments.get("pin_memory")
    if not editable(call) or (argument is not None and argument.splatted):
        return None
    if any(other is not loop and other.loader is call for other in module.loops):
        return None  # one fix for one loop, or the loader would pin for the others as well
    edits = [Edit(copy.pinning, "") for copy in loop.copies if copy.pinning is not None]
    edits += set_argument(module.source, call, "pin_memory", "True")
    return Fix("Pin in the loader", tuple(sorted(edits)), Safety.UNSAFE)
