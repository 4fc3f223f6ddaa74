"""Where workers are given more threads than the one that torch leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .calls import ReadCall
from .classes import WORKER_METHODS, Classes
from .classes_model import DatasetClass
from .model import RaisedThreads
from .nodes import callee_tail
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .text import Span
from .values import Defined, Known, Number, Symbol
from .worker_code import calls_in

SETTER = "set_num_threads"
CALLBACKS = ("worker_init_fn", "collate_fn")


def raised_threads(
    resolver: Resolver, calls: Iterable[ReadCall], classes: Classes
) -> tuple[RaisedThreads, ...]:
    """The calls in callbacks and datasets that give a worker two threads of torch or more."""
    program = resolver.program
    if not program.source.tells(SETTER):
        return ()
    raising = [
        (call, count) for call in program.calls_named(SETTER) if (count := _count(resolver, call))
    ]
    found: list[RaisedThreads] = []
    for call, count in raising:
        spans = (program.span(call.node, call.place.scope), _argument(resolver, call))
        around = set(map(id, _around(call.place)))
        for read in calls:
            if any(id(function) in around for function in _callbacks(read)):
                found.append(RaisedThreads(*spans, count, loader=read.fact))
        dataset = _dataset_around(classes, call.place)
        if dataset is not None:
            found.append(RaisedThreads(*spans, count, dataset=dataset))
    return tuple(found)


def _count(resolver: Resolver, call: Call) -> str:
    """How many threads a call gives, in words; empty where that may be one, or is not known."""
    args = call.node.args
    if len(args) != 1 or args[0].star:
        return ""
    callee = resolver.value(call.node.func, call.place)
    if [case.what for case in callee] != [Symbol("torch.set_num_threads")]:
        return ""
    value = resolver.value(args[0].value, call.place)
    if len(value) != 1 or value[0].origin is not None:
        return ""
    match value[0].what:
        case Known(value=int(count)) if count > 1:
            return str(count)
        case Number(kind="int", low=1, source=source) if "cpu_count" in source:
            return source  # of the cores that are counted, one is the exception
    return ""


def _argument(resolver: Resolver, call: Call) -> Span:
    return resolver.program.span(call.node.args[0].value, call.place.scope)


def _around(place: Place) -> Iterator[Scope]:
    """The functions that a place stands in."""
    scope: Scope | None = place.scope
    while scope is not None:
        yield scope
        scope = scope.parent


def _callbacks(read: ReadCall) -> Iterator[Scope]:
    """The functions of this file that the loader's workers call."""
    for name in CALLBACKS:
        argument = read.fact.arguments.get(name)
        for case in argument.value if argument is not None else ():
            if isinstance(case.what, Defined) and case.what.kind in ("function", "lambda"):
                yield case.what.where


def _dataset_around(classes: Classes, place: Place) -> DatasetClass | None:
    """The dataset class whose method that runs in workers, and only there, has this place."""
    function = place.scope.enclosing("function")
    owner = function.parent if function is not None else None
    if function is None or owner is None or owner.kind != "class":
        return None
    if any(callee_tail(call.node) == "get_worker_info" for call in calls_in(function)):
        return None  # it may ask where it is
    dataset = classes.of_scope(owner)
    is_worker_code = dataset is not None and function.name in WORKER_METHODS[dataset.kind]
    return dataset if is_worker_code else None
