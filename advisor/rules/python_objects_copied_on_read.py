"""DL501: reading a long list of Python objects makes each worker's memory grow."""

from __future__ import annotations

from collections.abc import Iterator

from ..classes_model import DatasetClass
from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..text import Span
from ..usage import concrete, feeding, surely_pickles
from ..values import Group, Known


@rule("DL501", Severity.INFO)
def python_objects_copied_on_read(module: Module) -> Iterator[Hit]:
    """Reports lists read from files that workers pick their items from."""
    told: set[Span] = set()
    for dataset in concrete(module):
        workers = [call for call in feeding(module, dataset) if _forks_workers(module, call)]
        if not workers:
            continue
        for kept in dataset.kept:
            if kept.records is None or kept.span in told or kept.holder != "object":
                continue
            if kept.attribute in dataset.indexed_in_worker and _stays(dataset, kept.attribute):
                told.add(kept.span)
                yield Hit(
                    kept.span,
                    f"{kept.shown} is {kept.records.words}: reading a Python object changes its "
                    f"reference count, so that {_each(workers[0])} comes to hold a copy",
                    severity=Severity.HINT if kept.records.paths else None,
                )


def _forks_workers(module: Module, call: LoaderCall) -> bool:
    """Reports whether the loader is meant to have workers, and they share the memory at first."""
    workers = call.workers
    several = workers.surely_some or (workers.unknown and "num_workers" in call.arguments)
    if not several or call.may_use_threads or surely_pickles(module, call):
        return False
    return "linux" in module.target.platforms


def _stays(dataset: DatasetClass, attribute: str) -> bool:
    """Reports whether the attribute is never made an array, in any way the object can be made."""
    return all(
        kept.records is not None
        or all(what == Known(None) or isinstance(what, Group) for what in kept.what)
        for kept in dataset.kept
        if kept.attribute == attribute
    )


def _each(call: LoaderCall) -> str:
    count = call.workers.exact
    return "each worker" if count is None or count < 2 else f"each of the {count} workers"
