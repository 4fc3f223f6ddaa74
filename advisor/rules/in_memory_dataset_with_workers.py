from collections.abc import Iterator

from ..edits import editable, removable, remove_arguments
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit


@rule("DL304", Severity.INFO)
def in_memory_dataset_with_workers(module: Module) -> Iterator[Hit]:
    for call in module.loaders:
        count = call.needless_workers
        if count == 0:
            continue
        number = "1 worker sends" if count == 1 else f"{count} workers send"
        yield Hit(
            call.arguments["num_workers"].whole,
            f"the dataset is in memory already, and {number} every batch through another process",
            _without_workers(module, call),
        )


# What torch refuses, or never looks at, without workers.
WITH_WORKERS_ONLY = (
    "persistent_workers",
    "prefetch_factor",
    "timeout",
    "worker_init_fn",
    "multiprocessing_context",
    "in_order",
)


def _without_workers(module: Module, call: LoaderCall) -> Fix | None:
    if not editable(call):
        return None
    doomed = [call.arguments[name] for name in WITH_WORKERS_ONLY if name in call.arguments]
    workers = call.arguments["num_workers"]
    edits: tuple[Edit, ...] = ()
    if removable(call, workers):
        doomed.append(workers)
    elif workers.splatted:
        return None
    else:
        edits = (Edit(workers.span, "0"),)
    if not all(removable(call, one) for one in doomed):
        return None
    edits += remove_arguments(module.source, call, doomed)
    return Fix("Load in the main process", edits, Safety.UNSAFE)
