"""Ignite's engines: each loops over the loader that its run() is given, once an epoch.

An engine that create_supervised_trainer or create_supervised_evaluator makes copies every batch
to the device that it is made with, and waits unless it is told not to; a loader is iterated anew
for each of max_epochs (ignite 0.5.5, ignite/engine/__init__.py and engine.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from .copies import NO_DEVICE, device_of, without_waiting
from .model import Copy, EpochLoop
from .nodes import dotted_name, keyword_argument, plain_argument
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .text import Span
from .values import Defined, Known, Made

# What makes an engine, and at which position it is given its device.
_ENGINES = {"Engine": None, "create_supervised_trainer": 3, "create_supervised_evaluator": 2}
_EVENTS = ("EPOCH_STARTED", "EPOCH_COMPLETED")


@dataclass(frozen=True)
class EngineRun:
    """A call of an engine's run(): what it loops over, how often, and the copies of each batch.

    `epochs` is None where it runs once as far as can be seen.
    """

    call: Call
    data: cst.BaseExpression
    epochs: EpochLoop | None
    copies: tuple[Copy, ...]
    trains: bool


def engine_runs(resolver: Resolver) -> Iterator[EngineRun]:
    """Every run() of an engine of Ignite that is given its data."""
    if not resolver.program.source.tells("ignite"):
        return
    for call in resolver.program.calls_named("run"):
        made = _engine(resolver, call)
        data = plain_argument(call.node, "data", 0)
        if made is None or made.where is None or data is None:
            continue
        node, place = made.where[:2]
        yield EngineRun(
            call=call,
            data=data,
            epochs=_own_epochs(resolver, call) or _of_handler(resolver, call.place.scope),
            copies=tuple(_copies(resolver, made, node, place)),
            trains=made.name.endswith("_trainer"),
        )


def _engine(resolver: Resolver, call: Call) -> Made | None:
    """The engine whose run() is called."""
    func = call.node.func
    if not isinstance(func, cst.Attribute):
        return None
    value = resolver.value(func.value, call.place)
    what = value[0].what if len(value) == 1 else None
    if not isinstance(what, Made) or not what.name.startswith("ignite.engine."):
        return None
    return what if what.name.rpartition(".")[2] in _ENGINES else None


def _own_epochs(resolver: Resolver, call: Call) -> EpochLoop | None:
    """The epochs of one run."""
    given = plain_argument(call.node, "max_epochs", 1)
    if given is None:
        return None
    if any(case.what in (Known(1), Known(None)) for case in resolver.value(given, call.place)):
        return None
    return _loop(resolver, resolver.program.span(call.node, call.place.scope))


def _of_handler(resolver: Resolver, scope: Scope) -> EpochLoop | None:
    """The epochs of another engine, one of whose handlers this is.

    Such as `@trainer.on(Events.EPOCH_COMPLETED)`, or given to add_event_handler() with it.
    """
    function = scope.enclosing("function")
    node = function.node if function is not None else None
    if function is None or function.parent is None or not isinstance(node, cst.FunctionDef):
        return None
    for one in node.decorators:
        match one.decorator:
            case cst.Call(func=cst.Attribute(attr=cst.Name("on")), args=[event]) as on:
                if _is_epochs(event):
                    return _loop(resolver, resolver.program.span(on, function.parent))
    for call in resolver.program.calls_named("add_event_handler"):
        match call.node.args:
            case [event, cst.Arg(value=cst.Name() as handler), *_] if _is_epochs(event):
                given = resolver.value(handler, call.place)
                if any(
                    isinstance(one.what, Defined) and one.what.where is function for one in given
                ):
                    return _loop(resolver, resolver.program.span(call.node, call.place.scope))
    return None


def _is_epochs(event: cst.Arg) -> bool:
    """Reports whether it is what an engine tells its handlers in every epoch."""
    return (dotted_name(event.value) or "").endswith(_EVENTS)


def _loop(resolver: Resolver, span: Span) -> EpochLoop:
    return EpochLoop(span=span, variable=None, counted=True, named=True, body=span.start, indent="")


def _copies(resolver: Resolver, made: Made, node: cst.Call, place: Place) -> Iterator[Copy]:
    """The copy that an engine makes of every batch."""
    position = _ENGINES[made.name.rpartition(".")[2]]
    if position is None or keyword_argument(node, "prepare_batch") is not None:
        return
    device = plain_argument(node, "device", position)
    if device is None:
        return
    kind = device_of(resolver, resolver.value(device, place))
    program = resolver.program
    if kind != NO_DEVICE:
        yield Copy(
            span=program.span(node.func, place.scope),
            method="to",
            device=kind,
            non_blocking=plain_argument(node, "non_blocking", position + 1) is not None,
            without_waiting=without_waiting(program, node, place, "non_blocking"),
            target=program.source.code(program.span(device, place.scope)),
        )
