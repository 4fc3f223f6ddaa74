from collections.abc import Iterator

from ..edits import add_argument, editable
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Loop, Module
from ..values import shown


@rule("DL302", Severity.INFO)
def pool_restarts_every_epoch(module: Module) -> Iterator[Hit]:
    """Reports loaders whose workers are stopped and started again for every epoch."""
    changed = {id(change.loader) for change in module.changes}
    for call in module.loaders:
        if call.subclass or call.handed_to or call.in_memory or id(call) in changed:
            continue
        if not call.workers.surely_some or not call.lacks("persistent_workers"):
            continue
        loop = _repeated(module, call)
        if loop is None or loop.epochs is None:
            continue
        reason = module.pickling_reason(call)
        start = "started again" if reason is None else f"started again, as {reason}, from nothing"
        argument = call.arguments.get("num_workers")
        fix = None
        if editable(call):
            edits = add_argument(module.source, call, "persistent_workers", "True")
            fix = Fix("Keep the workers", edits, Safety.UNSAFE)
        yield Hit(
            argument.span if argument is not None else call.callee,
            f"the workers ({_count(call)}) are stopped and {start} for every epoch",
            fix,
            (Related(loop.epochs.span, "the loader is read again in each round of this loop"),),
            Severity.INFO if reason is None else Severity.WARNING,
        )


def _repeated(module: Module, call: LoaderCall) -> Loop | None:
    """A loop over all of the loader's batches that runs once an epoch."""
    loops = list(module.loops_over(call))
    if any(loop.kind == "next" for loop in loops):
        return None
    whole = ("for", "comprehension")
    return next(
        (
            loop
            for loop in loops
            if loop.kind in whole and not loop.rebuilt and not loop.breaks
            if loop.epochs is not None and loop.epochs.over_epochs
        ),
        None,
    )


def _count(call: LoaderCall) -> str:
    case = call.workers.cases[0]
    words = shown(case.what)
    return words if case.origin is None else f"{words}, {case.origin.words}"
