"""What a dataset is: its kind, its form, whether it is in memory, and who else is given it."""

from __future__ import annotations

import libcst as cst

from .classes import Classes
from .dictionaries import entries_of_value
from .model import DatasetUse
from .nodes import keyword_argument
from .pieces import elements
from .resolve import Resolver
from .scopes import Call, Scope
from .torch_api import ITERABLE_DATASETS, MAP_DATASETS
from .trials import error_expected
from .values import Case, Group, Known, Made, Symbol, Value, What

# The parameter that takes the dataset, by the class or function of torch.utils.data.
DATASET_TAKERS = {
    "RandomSampler": "data_source",
    "DistributedSampler": "dataset",
    "random_split": "dataset",
    "Subset": "dataset",
    "ConcatDataset": "datasets",
}
TENSOR_MAKERS = frozenset(
    f"torch.{name}"
    for name in ("arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn",
                 "tensor", "zeros", "from_numpy")
)  # fmt: skip
ARRAY_MAKERS = frozenset(
    f"numpy.{name}"
    for name in ("arange", "array", "asarray", "empty", "full", "linspace", "load", "loadtxt",
                 "ones", "zeros")
)  # fmt: skip
DEEPEST = 4  # subsets of subsets


def dataset_kind(classes: Classes, value: Value) -> str | None:
    """map or iterable, where every case agrees."""
    kinds = {_one_kind(classes, case) for case in value}
    return kinds.pop() if len(kinds) == 1 else None


def _one_kind(classes: Classes, case: Case) -> str | None:
    fact = classes.of((case,))
    if fact is not None:
        return fact.kind
    if not isinstance(case.what, Made):
        return None
    name = case.what.name
    if name in MAP_DATASETS or name == "torch.utils.data.random_split":
        return "map"
    if name in ITERABLE_DATASETS:
        return "iterable"
    if name == "datasets.load_dataset" and case.what.where is not None:
        streaming = keyword_argument(case.what.where[0], "streaming")
        surely = isinstance(streaming, cst.Name) and streaming.value == "True"
        return "iterable" if surely else None
    return "map" if name.startswith("torchvision.datasets.") else None


def dataset_form(resolver: Resolver, value: Value) -> str | None:
    """columns, mapping, endless (of a generator), or None for what is none of these."""
    forms = {_one_form(resolver, case) for case in value}
    return forms.pop() if len(forms) == 1 else None


def _one_form(resolver: Resolver, case: Case) -> str | None:
    match case.what:
        case Group("generator", (_, _, Scope() as function)):
            return "endless" if any(loop.endless for loop in function.loops) else None
        case Group("tuple", (cst.Tuple(elements=elements), place)) if len(elements) > 1:
            parts = [resolver.value(element.value, place) for element in elements]
            if all(_is_array(one.what) for part in parts for one in part):
                return "columns"
        case Group("dict", (cst.Dict(elements=elements), place)):
            entries = entries_of_value(resolver, (case,))
            keys = [
                resolver.value(one.key, place)
                for one in elements
                if isinstance(one, cst.DictElement)
            ]
            is_whole = entries is not None and not entries.open
            if is_whole and keys and all(_is_text(one.what) for key in keys for one in key):
                return "mapping"
    return None


def _is_array(what: What) -> bool:
    return (
        isinstance(what, Made)
        and not what.part
        and (what.name in TENSOR_MAKERS or what.name in ARRAY_MAKERS)
    )


def _is_text(what: What) -> bool:
    return isinstance(what, Known) and isinstance(what.value, str)


def in_memory(resolver: Resolver, value: Value, depth: int = 0) -> bool:
    """Reports whether the dataset hands out rows of tensors that are in memory."""
    if depth > DEEPEST or not value:
        return False
    return all(_one_in_memory(resolver, case, depth) for case in value)


def _one_in_memory(resolver: Resolver, case: Case, depth: int) -> bool:
    what = case.what
    if not isinstance(what, Made) or what.where is None or what.within is not None:
        return False
    call, place = what.where[:2]
    if what.name == "torch.utils.data.TensorDataset":
        return not any(arg.star for arg in call.args)
    if what.name in ("torch.utils.data.Subset", "torch.utils.data.random_split") and call.args:
        return in_memory(resolver, resolver.value(call.args[0].value, place), depth + 1)
    return what.name in TENSOR_MAKERS and not what.part


def dataset_uses(resolver: Resolver, classes: Classes) -> list[DatasetUse]:
    """Every dataset handed to one of DATASET_TAKERS."""
    found = []
    for taker in DATASET_TAKERS:
        for call in resolver.program.calls_named(taker):
            value = resolver.value(call.node.func, call.place)
            if [case.what for case in value] != [Symbol(f"torch.utils.data.{taker}")]:
                continue
            use = None if error_expected(call.place) else _use(resolver, classes, call, taker)
            if use is not None:
                found.append(use)
    return found


def _use(resolver: Resolver, classes: Classes, call: Call, taker: str) -> DatasetUse | None:
    for arg in call.node.args:
        if arg.star or (arg.keyword and arg.keyword.value != DATASET_TAKERS[taker]):
            continue
        given = resolver.value(arg.value, call.place)
        if taker == "ConcatDataset":
            given = elements(resolver, given)
        find_span = resolver.program.finding(arg.value, call.place.scope)
        return DatasetUse(taker, find_span, classes.of(given), dataset_kind(classes, given))
    return None
