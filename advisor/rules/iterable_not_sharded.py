"""DL104: every worker yields the whole of an iterable dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..classes_model import DatasetClass, Method
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit, Span
from ..usage import concrete, loaders_of
from ..values import Known

# Words in names by which a stream is shared among workers, or is taken from a common source.
SHARING = ("worker", "shard", "partitions", "partition_id", "split_by", "process_id")
EXCLUSIVE = ("queue", "kafka", "consumer", "socket", "subscribe", "pubsub", "redis", "stdin",
             "recv", "stream_client", "replay")  # fmt: skip


@rule("DL104", Severity.WARNING)
def iterable_not_sharded(module: Module) -> Iterator[Hit]:
    """Reports iterable datasets whose items come once from each worker."""
    told: set[Span] = set()
    for dataset in concrete(module):
        method = dataset.methods.get("__iter__")
        if method is None or method.is_abstract or not _yields_everything(dataset):
            continue
        trainers = [call for call in module.trainers if call.dataset_class is dataset]
        calls = [call for call in (*loaders_of(module, dataset), *trainers) if _plain(call)]
        certain = [call for call in calls if _surely_several(call)]
        possible = certain or [call for call in calls if _possibly_several(call)]
        undivided = [call for call in calls if _on_every_rank(module, dataset, call)]
        if not (possible or undivided) or method.span in told:
            continue
        if certain and not _may_share_elsewhere(dataset):
            told.add(method.span)
            yield Hit(
                method.span,
                f"each of the {_count(certain[0])}workers yields the whole of {dataset.name}: "
                f"every item comes {_times(certain[0])}",
                _divided(module, dataset, method),
                related=(Related(certain[0].callee, _whose(certain[0])),),
            )
        elif undivided:
            told.add(method.span)
            yield Hit(
                method.span,
                f"every rank yields the whole of {dataset.name}: nothing here asks for the rank",
                related=(Related(undivided[0].callee, "the loader that each rank has"),),
            )
        elif possible:
            told.add(method.span)
            yield Hit(
                method.span,
                f"with more than one worker, each yields the whole of {dataset.name} "
                "unless something else divides it",
                related=(Related(possible[0].callee, "the loader that may have them"),),
                severity=Severity.HINT,
            )


def _whose(call: LoaderCall) -> str:
    return "the arguments with these workers" if call.prefix else "the loader with these workers"


def _divided(module: Module, dataset: DatasetClass, method: Method) -> Fix | None:
    """Each worker takes every n-th item of what `__iter__` gives today."""
    text = module.source.whole
    start = text.rfind("\n", 0, method.span.start) + 1
    indent, definition, _ = text[start : method.span.start].partition("def ")
    taken = "_every_item" in text or "\r" in text
    if method.decorated or not definition or indent.strip() or taken:
        return None
    first_import = IMPORT.search(text)
    if "__iter__" not in dataset.own_methods or first_import is None:
        return None
    if any(word in name.lower() for name in dataset.mentions for word in DRAWING):
        return None  # each worker draws an order of its own: every n-th item divides nothing
    lines = (
        "def __iter__(self):",
        "    worker = get_worker_info()",
        "    first, step = (worker.id, worker.num_workers) if worker else (0, 1)",
        "    return islice(self._every_item(), first, None, step)",
    )
    divided = "".join(f"{indent}{line}\n" for line in lines) + "\n"
    edits = [
        Edit(Span(start, start), divided),
        Edit(method.span, "_every_item"),
    ]
    at = Span(first_import.start(), first_import.start())
    imports = [
        line
        for line in ("from itertools import islice", "from torch.utils.data import get_worker_info")
        if line.rpartition(" ")[2] not in text
    ]
    if imports:
        edits.append(Edit(at, "".join(f"{line}\n" for line in imports)))
    return Fix("Divide the items among the workers", tuple(edits), Safety.UNSAFE)


DRAWING = ("rand", "shuffle", "sample", "choice", "perm")
# The first import at the left margin that others may stand before.
IMPORT = re.compile(
    r"^(?!from __future__)(?:from\s+[\w.]+\s+import\b|import\s+\w[\w.]*[ \t]*(?:,|as\b|#|$))",
    re.MULTILINE,
)


def _yields_everything(dataset: DatasetClass) -> bool:
    """Reports whether nothing seen divides the items among workers, or makes them endless."""
    if dataset.kind != "iterable" or not dataset.bases_known or dataset.stream is None:
        return False
    if dataset.stream.endless or dataset.stream.divided:
        return False
    return not any(
        word in name.lower() for name in dataset.mentions for word in (*SHARING, *EXCLUSIVE)
    )


def _on_every_rank(module: Module, dataset: DatasetClass, call: LoaderCall) -> bool:
    """Reports whether several ranks train on the loader, and nothing tells them apart."""
    if module.distributed is None or module.reads_rank or module.frameworks:
        return False
    if call.handed_to is not None or _may_share_elsewhere(dataset):
        return False
    if any(word in name.lower() for name in dataset.mentions for word in ("rank", "world")):
        return False
    return any(loop.kind == "for" and not loop.breaks for loop in module.loops_over(call))


def _may_share_elsewhere(dataset: DatasetClass) -> bool:
    """The items come from an iterable that is handed in, or the end is not plain to see."""
    return dataset.stream is None or bool(dataset.stream.handed) or dataset.stream.may_stop


def _plain(call: LoaderCall) -> bool:
    """Reports whether no function of the user runs in each worker first."""
    if call.family not in ("torch", "stateful", "monai", "trainer"):
        return False
    return not call.hidden and all(
        case.what == Known(None) for case in call.cases("worker_init_fn")
    )


def _surely_several(call: LoaderCall) -> bool:
    return call.workers.surely_several and not call.workers.by_default


def _possibly_several(call: LoaderCall) -> bool:
    workers = call.workers
    return not workers.surely_zero and workers.exact not in (0, 1)


def _count(call: LoaderCall) -> str:
    return "" if call.workers.exact is None else f"{call.workers.exact} "


def _times(call: LoaderCall) -> str:
    count = call.workers.exact
    if count is None:
        return "once from each"
    return "twice" if count == 2 else f"{count} times"
