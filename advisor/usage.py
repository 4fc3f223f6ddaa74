"""Which loaders of a module use a dataset class, and whether workers may run its code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .classes_model import DatasetClass, Kept
from .model import LoaderCall, Module
from .values import Known, Made, What

_LOADERS = re.compile(r"loaders?$")


def loaders_of(module: Module, dataset: DatasetClass) -> tuple[LoaderCall, ...]:
    """The loaders in this file whose dataset is an object of that class, and that shall work."""
    return tuple(call for call in module.meant_to_work if call.dataset_class is dataset)


def feeding(module: Module, dataset: DatasetClass) -> tuple[LoaderCall, ...]:
    """The loaders here whose workers run the code of that class, be it inside a Subset."""
    return tuple(
        call
        for call in module.loaders
        if call.dataset_class is dataset or any(one is dataset for one in call.inner_classes)
    )


def feeding_anywhere(module: Module, dataset: DatasetClass) -> tuple[LoaderCall, ...]:
    """The same; where this file has none, those of the modules that make its objects."""
    return feeding(module, dataset) or dataset.loaders_elsewhere


def concrete(module: Module) -> Iterator[DatasetClass]:
    """The classes that objects are made of: bases are left to the classes that derive from them."""
    for dataset in module.datasets:
        if dataset.instantiated or not dataset.subclassed or feeding(module, dataset):
            yield dataset


def kept_for_sure(module: Module, dataset: DatasetClass) -> Iterator[Kept]:
    """What its objects keep; what a caller hands in only where it hands them to a loader here."""
    used = bool(feeding(module, dataset))
    return (kept for kept in dataset.kept if used or not kept.handed_in)


def made_by(kept: Iterable[Kept], names: Iterable[str]) -> Iterator[Kept]:
    """Those that one of these calls made, and nothing else but None."""
    wanted = frozenset(names)
    for one in kept:
        made = [what for what in one.what if what != Known(None)]
        if made and all(isinstance(what, Made) and what.name in wanted for what in made):
            yield one


def may_run_in_workers(module: Module, dataset: DatasetClass) -> bool:
    """False where its loaders are known and none of them starts processes.

    Or where it reads loaders itself: a worker cannot have workers of its own.
    """
    loaders = feeding_anywhere(module, dataset)
    if not loaders:
        return not any(map(_LOADERS.search, dataset.worker_reads))
    return any(call.may_start_processes for call in loaders)


def pickling_reason(module: Module, call: LoaderCall | None) -> str | None:
    """Why a loader's workers get pickled copies, in words; None where they are forked.

    Without a loader it is the file and the target that decide.
    """
    if call is not None and (call.may_use_threads or _contexts(call) == {Known("fork")}):
        return None
    return module.pickling_reason(call)


def surely_pickles(module: Module, call: LoaderCall) -> bool:
    """Reports whether the code asks for pickled copies, and for workers, whatever the target."""
    workers = call.workers
    if not workers.surely_some or workers.by_default or call.may_use_threads:
        return False
    if _contexts(call) == {Known("fork")}:
        return False
    return module.pickles_here or _contexts(call) <= {Known("spawn"), Known("forkserver")}


def _contexts(call: LoaderCall) -> set[What]:
    return {case.what for case in call.cases("multiprocessing_context")}
