from collections.abc import Iterator

from ..edits import editable
from ..findings import Fix, Hit, Safety, Severity, pointed, rule
from ..model import LoaderCall, Module
from ..text import Edit
from ..values import Known


@rule("DL300", Severity.WARNING)
def workers_exceed_cores(module: Module) -> Iterator[Hit]:
    cores = module.target.cores
    if cores is None:
        return
    for call in (*module.loaders, *module.handed):
        workers = call.arguments.get("num_workers")
        most = call.workers.most
        if workers is None or most is None or most[0] <= cores:
            continue
        if _gives_one_batch(call):
            continue
        count, origin = most
        if origin is not None and origin.is_told_where_given:
            continue
        why = f" by {origin.words}" if origin else ""
        one = "1 core is" if cores == 1 else f"{cores} cores are"
        yield Hit(
            workers.whole,
            f"{count} workers{why}, and {one} usable ({module.target.cores_from}): they take turns",
            _lowered(call, cores),
            related=pointed(origin, f"{count} here"),
        )


def _gives_one_batch(call: LoaderCall) -> bool:
    """Reports whether a batch has as many samples as something has: only one worker works."""
    size = call.arguments.get("batch_size")
    return size is not None and size.code.startswith("len(")


def _lowered(call: LoaderCall, cores: int) -> Fix | None:
    workers = call.arguments["num_workers"]
    case = workers.only
    written = case is not None and isinstance(case.what, Known) and workers.code.isdecimal()
    if workers.splatted or not written or not editable(call):
        return None
    fix = (Edit(workers.span, str(cores)),)
    return Fix(f"Start {cores} worker{'s' * (cores != 1)}", fix, Safety.UNSAFE)
