"""DL011: an iterable dataset cannot be iterated, or a map-style one only iterates."""

from __future__ import annotations

from collections.abc import Iterator

from ..classes_model import DatasetClass, Method
from ..findings import Fix, Hit, Severity, rule
from ..model import Module
from ..text import Edit, Span
from ..usage import concrete, loaders_of
from ..values import Group, Known, Made, What


@rule("DL011", Severity.ERROR)
def iterable_dataset_protocol(module: Module) -> Iterator[Hit]:
    """Reports datasets whose iterator torch cannot get or cannot use."""
    told: set[Span] = set()
    for dataset in concrete(module):
        hit = _hit(module, dataset)
        if hit is not None and hit.span not in told:
            told.add(hit.span)
            yield hit


def _hit(module: Module, dataset: DatasetClass) -> Hit | None:
    used = bool(loaders_of(module, dataset))
    if dataset.kind == "map":
        return _only_iterates(dataset) if used else None
    method = dataset.methods.get("__iter__")
    if method is not None:
        return _no_iterator(module, dataset, method)
    if dataset.has("__iter__") or not (used or dataset.instantiated):
        return None
    instead = " but __getitem__, which is for Dataset" if "__getitem__" in dataset.bound else ""
    when = (
        "torch raises TypeError when it is made"
        if module.target.torch_at_least(2, 4)
        else "torch raises NotImplementedError at the first batch"
    )
    return Hit(dataset.span, f"class {dataset.name} has no __iter__{instead}: {when}")


def _only_iterates(dataset: DatasetClass) -> Hit | None:
    if dataset.has("__getitem__", "__getitems__") or "__iter__" not in dataset.bound:
        return None
    if dataset.subclassed and not dataset.instantiated:
        return None  # the classes that derive from it have the items, also where it loads itself
    return Hit(
        dataset.span,
        f"class {dataset.name} has __iter__ and no __getitem__, but derives from Dataset: "
        "torch asks it for single items and raises; IterableDataset is what torch iterates",
    )


def _no_iterator(module: Module, dataset: DatasetClass, method: Method) -> Hit | None:
    if method.is_generator or method.decorated or method.is_abstract or not method.returns:
        return None
    if all(what == Known(None) for what in method.returns):
        words = f"__iter__ of {dataset.name} gives None and no iterator: torch raises TypeError"
        return Hit(method.span, words)
    if not all(map(_no_iterator_itself, method.returns)):
        return None
    edits = [
        edit
        for span in method.return_spans
        for edit in (Edit(_at(span.start), "iter("), Edit(_at(span.end), ")"))
    ]
    kind = _kind(method.returns[0])
    return Hit(
        method.span,
        f"__iter__ of {dataset.name} gives a {kind} and no iterator: torch raises TypeError",
        Fix("Return an iterator over it", tuple(edits)),
    )


def _at(offset: int) -> Span:
    return Span(offset, offset)


def _kind(what: What) -> str:
    if isinstance(what, Group):
        return what.kind
    return "range" if isinstance(what, Made) and what.name == "builtins.range" else "list"


def _no_iterator_itself(what: What) -> bool:
    """Reports whether a value can be iterated over and is no iterator."""
    if isinstance(what, Group):
        return what.kind in ("list", "tuple", "set", "dict")
    return isinstance(what, Made) and what.name in CONTAINERS and not what.part


CONTAINERS = frozenset({"builtins.range", "builtins.list", "builtins.tuple", "builtins.sorted"})
