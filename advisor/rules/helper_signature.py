"""DL017: a sampler or a combination of datasets is given what it does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit, Span
from ..torch_data_model import DataCall
from ..values import Case, Group, Known, Made, Value, interval, is_none, number_kind


@rule("DL017", Severity.ERROR)
def helper_signature(module: Module) -> Iterator[Hit]:
    """Reports calls of torch's samplers and datasets that raise, there or when they are read."""
    for call in module.torch_data.calls:
        check = CHECKS.get(call.name)
        if check is not None:
            yield from check(call)
    for loader in module.meant_to_work:
        if loader.family in ("torch", "stateful") and not loader.subclass:
            yield from _in_loader(loader)


# Samplers


def _random_sampler(call: DataCall) -> Iterator[Hit]:
    replacement = call.arguments.get("replacement")
    if replacement is not None and _all(replacement.value, _is_count):
        at = Span(replacement.span.start, replacement.span.start)
        named = Fix("Give it as num_samples", (Edit(at, "num_samples="),), Safety.UNSAFE)
        movable = replacement.positional and "num_samples" not in call.arguments
        yield Hit(
            replacement.whole,
            "the second parameter of RandomSampler is replacement, which is True or False: torch "
            "raises TypeError"
            if replacement.positional
            else "replacement is True or False: torch raises TypeError",
            named if movable and len(call.positional) == 2 else None,
        )
    yield from _count(call)


def _weighted_sampler(call: DataCall) -> Iterator[Hit]:
    if call.lacks("num_samples"):
        yield Hit(call.callee, "WeightedRandomSampler needs num_samples: torch raises TypeError")
    if call.is_nested and "weights" in call.arguments:
        weights = call.arguments["weights"]
        yield Hit(weights.span, "the weights are nested, not one row: torch raises ValueError")
    replacement = call.arguments.get("replacement")
    if replacement is not None and _all(replacement.value, _is_count):
        yield Hit(replacement.whole, "replacement is True or False: torch raises ValueError")
    yield from _count(call)


def _count(call: DataCall) -> Iterator[Hit]:
    """num_samples, where it is surely no positive integer."""
    count = call.arguments.get("num_samples")
    if count is None:
        return
    for case in count.value:
        bounds = interval(case.what)
        none = bounds is not None and bounds[1] is not None and bounds[1] <= 0
        if case.origin is not None or not (number_kind(case.what) == "float" or none):
            return
    yield Hit(count.whole, "num_samples is no positive integer: torch raises ValueError")


def _batch_sampler(call: DataCall) -> Iterator[Hit]:
    missing = [name for name in ("batch_size", "drop_last") if call.lacks(name)]
    if missing:
        needs = f"BatchSampler needs {' and '.join(missing)}: torch raises TypeError"
        yield Hit(call.callee, needs)
    if call.kind == "map" and call.positional:
        yield Hit(
            call.positional[0].span,
            "BatchSampler takes a sampler, and this is a dataset: its samples become the indices",
        )


def _distributed_sampler(call: DataCall) -> Iterator[Hit]:
    rank, replicas = _integer(call, "rank"), _integer(call, "num_replicas")
    if rank is None:
        return
    if rank < 0:
        where = "there are no negative ones"
    elif replicas is not None and replicas <= 0:
        where = f"there are {replicas} of them"
    elif replicas is not None and rank >= replicas:
        where = f"the last of {replicas} is {replicas - 1}"
    else:
        return
    yield Hit(call.arguments["rank"].whole, f"rank {rank}, and {where}: torch raises ValueError")


# Datasets


def _concatenation(call: DataCall) -> Iterator[Hit]:
    if call.is_empty:
        empty = "there is nothing to concatenate: torch raises AssertionError"
        yield Hit(call.positional[0].span if call.positional else call.span, empty)
    if len(call.positional) < 2 or call.hidden:
        return
    first, last = call.positional[0].span.start, call.positional[-1].span.end
    brackets = (Edit(Span(first, first), "["), Edit(Span(last, last), "]"))
    yield Hit(
        Span(first, last),
        f"{call.name} takes one list of datasets, not {len(call.positional)} of them: torch raises "
        "TypeError",
        Fix("Put them in a list", brackets) if len(call.arguments) == 1 else None,
    )


def _chain(call: DataCall) -> Iterator[Hit]:
    if call.kind == "map" and call.positional:
        yield Hit(
            call.positional[0].span,
            "ChainDataset takes iterable datasets, and these are map-style: torch raises "
            "AssertionError when it is read",
        )


def _tensors(call: DataCall) -> Iterator[Hit]:
    for one in call.positional:
        if _all(one.value, _is_array):
            error = "TypeError"
        elif _all(one.value, _is_display):
            error = "AttributeError"
        else:
            continue
        kind = "an array" if error == "TypeError" else "a list"
        yield Hit(
            one.span, f"TensorDataset takes tensors, and this is {kind}: torch raises {error}"
        )
        return


def _stack(call: DataCall) -> Iterator[Hit]:
    if call.hidden:
        return
    if call.positional and call.arguments:
        both = (
            "StackDataset takes datasets by position or by name, not both: torch raises ValueError"
        )
        yield Hit(call.callee, both)
    elif not call.positional and not call.arguments:
        yield Hit(call.callee, "StackDataset needs a dataset: torch raises ValueError")


CHECKS: Mapping[str, Callable[[DataCall], Iterator[Hit]]] = {
    "RandomSampler": _random_sampler,
    "WeightedRandomSampler": _weighted_sampler,
    "BatchSampler": _batch_sampler,
    "DistributedSampler": _distributed_sampler,
    "ConcatDataset": _concatenation,
    "ChainDataset": _chain,
    "TensorDataset": _tensors,
    "StackDataset": _stack,
}


# What a loader is given as a sampler

BATCHES = "torch.utils.data.BatchSampler"
INDICES = frozenset(
    f"torch.utils.data.{name}"
    for name in ("DistributedSampler", "RandomSampler", "SequentialSampler", "SubsetRandomSampler",
                 "WeightedRandomSampler")
)  # fmt: skip


def _in_loader(loader: LoaderCall) -> Iterator[Hit]:
    batches = loader.arguments.get("batch_sampler")
    if batches is not None and _all(batches.value, lambda case: _made(case) in INDICES):
        name = _short(batches)
        yield Hit(
            batches.whole,
            f"a batch sampler gives lists of indices, and {name} gives one at a time: torch raises "
            "TypeError at the first batch",
        )
    order = loader.arguments.get("sampler")
    if order is None or not _all(order.value, lambda case: _made(case) == BATCHES):
        return
    if loader.hidden or not loader.lacks("collate_fn") or not _batches(loader):
        return
    yield Hit(
        order.whole,
        "a sampler gives one index at a time, and BatchSampler gives lists: the dataset is asked "
        "for a list of samples as if it were one",
    )


def _batches(loader: LoaderCall) -> bool:
    """Reports whether batch_size is surely not None."""
    return all(is_none(case.what) is False for case in loader.cases("batch_size"))


def _short(argument: Argument) -> str:
    return _made(argument.value[0]).rpartition(".")[2]


# What is known of a value


def _all(value: Value, holds: Callable[[Case], bool]) -> bool:
    return bool(value) and all(case.origin is None and holds(case) for case in value)


def _is_count(case: Case) -> bool:
    """Reports whether it is a number and no truth."""
    boolean = isinstance(case.what, Known) and isinstance(case.what.value, bool)
    return number_kind(case.what) is not None and not boolean


def _made(case: Case) -> str:
    what = case.what
    whole = isinstance(what, Made) and not what.part and what.within is None
    return what.name if whole and isinstance(what, Made) else ""


def _is_array(case: Case) -> bool:
    return _made(case) in ARRAYS


ARRAYS = frozenset(
    f"numpy.{name}"
    for name in ("arange", "array", "asarray", "concatenate", "empty", "eye", "full", "linspace",
                 "ones", "stack", "vstack", "zeros")
)  # fmt: skip


def _is_display(case: Case) -> bool:
    return isinstance(case.what, Group) and case.what.kind in ("list", "tuple")


def _integer(call: DataCall, name: str) -> int | None:
    argument = call.arguments.get(name)
    case = argument.value[0] if argument is not None and len(argument.value) == 1 else None
    if case is None or case.origin is not None or not isinstance(case.what, Known):
        return None
    number = case.what.value
    return number if isinstance(number, int) and not isinstance(number, bool) else None
