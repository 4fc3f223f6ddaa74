from collections.abc import Iterator

from ..edits import editable, removable, remove_argument
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known


@rule("DL108", Severity.WARNING)
def persistent_worker_stale_state(module: Module) -> Iterator[Hit]:
    """Reports changes of a dataset between epochs that persistent workers never see."""
    for change in module.changes:
        call = change.loader
        if call.handed_to or call.may_use_threads or not _keeps_workers(call):
            continue
        argument = call.arguments["persistent_workers"]
        yield Hit(
            change.span,
            f"the workers never see this: they keep the dataset as it was at their start, so "
            f"{change.what} acts on the main process alone",
            related=(Related(argument.span, "the workers are kept for all epochs"),),
            alternatives=_start_anew(module, call),
        )


def _keeps_workers(call: LoaderCall) -> bool:
    scenarios = call.scenarios("persistent_workers", "num_workers")
    return bool(scenarios) and all(
        s["persistent_workers"].what == Known(True) and s["num_workers"].what != Known(0)
        for s in scenarios
    )


def _start_anew(module: Module, call: LoaderCall) -> tuple[Fix, ...]:
    argument = call.arguments["persistent_workers"]
    if not editable(call) or not removable(call, argument):
        return ()
    edits = remove_argument(module.source, call, argument)
    return (Fix("Start the workers anew for every epoch", edits, Safety.UNSAFE),)
