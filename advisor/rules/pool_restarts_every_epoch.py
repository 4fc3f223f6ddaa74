from collections.abc import Iterator

from ..edits import REPEATABLE, add_argument, editable
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import Argument, LoaderCall, Loop, Module
from ..values import shown


@rule("DL302", Severity.INFO)
def pool_restarts_every_epoch(module: Module) -> Iterator[Hit]:
    """Reports loaders whose workers are stopped and started again for every epoch."""
    changed = {id(change.loader) for change in module.changes}
    for call in module.loaders:
        if id(call) in changed or not _restarts(call):
            continue
        loop = _repeated(list(module.loops_over(call)))
        if loop is None or loop.epochs is None:
            continue
        reason = module.pickling_reason(call)
        start = "started again" if reason is None else f"started again, as {reason}, from nothing"
        costs_more = reason is not None and not module.start_method_conditional
        argument = call.arguments.get("num_workers")
        yield Hit(
            argument.span if argument is not None else call.callee,
            f"the workers ({_count(call)}) are stopped and {start} for every epoch",
            _kept(module, call, argument),
            (Related(loop.epochs.span, "the loader is read again in each round of this loop"),),
            Severity.WARNING if costs_more else Severity.INFO,
        )
    yield from _of_other_modules(module)


def _kept(module: Module, call: LoaderCall, workers: Argument | None) -> Fix | None:
    """Keep the workers where there are any: torch refuses to keep none."""
    if not editable(call):
        return None
    code = "True"
    if workers is not None and (call.workers.by_default or not call.workers.surely_some):
        if workers.splatted or not REPEATABLE.fullmatch(workers.code):
            return None
        code = f"{workers.code} > 0"
    edits = add_argument(module.source, call, "persistent_workers", code)
    return Fix("Keep the workers", edits, Safety.UNSAFE)


def _of_other_modules(module: Module) -> Iterator[Hit]:
    by_loader: dict[LoaderCall, list[Loop]] = {}
    for loop in module.outside_loops:
        by_loader.setdefault(loop.loader, []).append(loop)
    for call, loops in by_loader.items():
        repeated = _repeated(loops) if _restarts(call) else None
        if repeated is not None and repeated.epochs is not None:
            yield Hit(
                repeated.span,
                f"the workers of this loader ({_count(call)}; {call.stands}) are stopped and "
                "started again for every epoch",
                related=(
                    Related(repeated.epochs.span, "it is read again in each round of this loop"),
                ),
            )


def _restarts(call: LoaderCall) -> bool:
    """Reports whether each iteration starts workers anew."""
    if call.subclass or call.needless_workers or call.may_use_threads:
        return False
    return call.workers.some is not None and call.lacks("persistent_workers")


def _repeated(loops: list[Loop]) -> Loop | None:
    """A loop over all of one loader's batches that runs once an epoch."""
    if any(loop.kind == "next" and not _looks_once(loop) for loop in loops):
        return None
    whole = ("for", "comprehension")
    return next(
        (
            loop
            for loop in loops
            if loop.kind in whole and not loop.rebuilt and not loop.breaks
            if loop.epochs is not None and loop.epochs.over_epochs and not loop.epochs.reseeds
        ),
        None,
    )


def _looks_once(loop: Loop) -> bool:
    """Reports whether a batch is looked at where the loader is made, before any loop."""
    return loop.epochs is None and not loop.rebuilt and loop.in_function == loop.loader.function


def _count(call: LoaderCall) -> str:
    case = call.workers.some
    assert case is not None
    words = shown(case.what)
    return words if case.origin is None else f"{words}, {case.origin.words}"
