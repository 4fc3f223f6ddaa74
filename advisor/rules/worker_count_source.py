import re
from collections.abc import Iterator

from ..edits import editable
from ..findings import Fix, Hit, Safety, Severity, pointed, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit
from ..values import Known, Number, Origin


@rule("DL305", Severity.INFO)
def worker_count_source(module: Module) -> Iterator[Hit]:
    for call in (*module.loaders, *module.handed):
        workers = call.arguments.get("num_workers")
        if workers is None or not call.workers.cases:
            continue
        counting = _counts_all_cores(call)
        if counting is not None:
            count, origin = counting
            source = f"{count}, {origin.words}," if origin is not None else count
            yield Hit(
                workers.whole,
                f"{source} counts the machine's cores, also those that this process may not use",
                _usable(call, workers),
                related=pointed(origin, _default_of(module, count, origin)),
            )
        elif _per_rank(module) and call.handed_to != "ignite" and (each := _many(call)):
            yield Hit(workers.whole, f"every rank starts {each} workers of its own")


def _default_of(module: Module, count: str, origin: Origin | None) -> str:
    """What the place of a default has to do with the count."""
    span = origin.span if origin is not None else None
    tail = count.rpartition(".")[2].removesuffix("()")
    written = span is not None and tail in module.source.code(span)
    return f"{count} here" if written else "where this is not given"


def _counts_all_cores(call: LoaderCall) -> tuple[str, Origin | None] | None:
    """The call that counts cores, where nothing bounds or divides what it gives, and its default.

    Beside a default that does, another one may be a constant.
    """
    found: dict[str, Origin | None] = {}
    for case in call.workers.cases:
        if isinstance(case.what, Known) and case.origin is not None:
            continue
        if case.origin is not None and case.origin.is_told_where_given:
            continue
        source = case.what.source if isinstance(case.what, Number) else ""
        count = next((count for count in COUNTS if count in source), None)
        if count is None or BOUNDED.search(source):
            return None
        found[count] = case.origin
    return next(iter(found.items()), None)


COUNTS = (
    "torch.multiprocessing.cpu_count()",
    "multiprocessing.cpu_count()",
    "psutil.cpu_count()",
    "os.cpu_count()",
)
BOUNDED = re.compile(r"min\(|/|%|>>|\* 0?\.|\b0?\.\d+ \*")
MANY = 8  # above this, a node of eight ranks would start more than most have cores


def _per_rank(module: Module) -> bool:
    return module.distributed is not None or module.reads_rank


def _many(call: LoaderCall) -> int | None:
    case = call.arguments["num_workers"].only
    if case is None or case.origin is not None or not isinstance(case.what, Known):
        return None
    count = call.workers.exact
    return count if count is not None and count > MANY else None


def _usable(call: LoaderCall, workers: Argument) -> Fix | None:
    if workers.splatted or not editable(call) or workers.code != "os.cpu_count()":
        return None
    code = "len(os.sched_getaffinity(0))"
    return Fix("Count the usable cores", (Edit(workers.span, code),), Safety.UNSAFE)
