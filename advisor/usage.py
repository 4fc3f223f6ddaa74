"""Which loaders of a module use a dataset class, and whether workers may run its code."""

from __future__ import annotations

from collections.abc import Iterator

from .classes_model import DatasetClass
from .model import LoaderCall, Module


def loaders_of(module: Module, dataset: DatasetClass) -> tuple[LoaderCall, ...]:
    """The loaders in this file whose dataset is an object of that class."""
    return tuple(call for call in module.loaders if call.dataset_class is dataset)


def concrete(module: Module) -> Iterator[DatasetClass]:
    """The classes that objects are made of: bases are left to the classes that derive from them."""
    for dataset in module.datasets:
        if dataset.instantiated or not dataset.subclassed or loaders_of(module, dataset):
            yield dataset


def may_run_in_workers(module: Module, dataset: DatasetClass) -> bool:
    """False where its loaders are in this file and none of them has workers."""
    loaders = loaders_of(module, dataset)
    return not loaders or any(not call.workers.surely_zero for call in loaders)
