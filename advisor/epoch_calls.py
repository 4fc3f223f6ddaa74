"""Calls of set_epoch that come too late, or that nothing answers."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from .calls import ReadCall
from .epochs import is_conditional
from .model import SetEpoch
from .nodes import dotted_name
from .resolve import Resolver
from .scopes import Call, Loop
from .text import Span
from .values import Made

# Conditions that ask whether the sampler has the method
_ASKING = ("hasattr", "isinstance", "callable", "getattr")


def late_set_epochs(resolver: Resolver, loop: Loop, read: ReadCall) -> tuple[Span, ...]:
    """The calls of set_epoch on the loader's own sampler in each round of a loop over it."""
    return tuple(
        resolver.program.span(call.node, call.place.scope)
        for call in loop.place.scope.calls
        if loop in call.place.loops
        and isinstance(call.node.func, cst.Attribute)
        and call.node.func.attr.value == "set_epoch"
        and not is_conditional(call.place, loop)
        and _is_sampler_of(resolver, call.node.func.value, call, read)
    )


def _is_sampler_of(
    resolver: Resolver, node: cst.BaseExpression, call: Call, read: ReadCall
) -> bool:
    """Reports whether an expression is the sampler of the loader."""
    name = dotted_name(node)
    samplers = [read.fact.arguments.get(one) for one in ("sampler", "batch_sampler")]
    if name is not None and any(
        name == f"{loader}.{one}"
        for loader in read.fact.names
        for one in ("sampler", "batch_sampler", "batch_sampler.sampler")
    ):
        return True
    made = {
        id(case.what.where[0])
        for argument in samplers
        if argument is not None
        for case in argument.value
        if isinstance(case.what, Made) and case.what.where is not None and not case.what.part
    }
    return any(
        isinstance(case.what, Made)
        and case.what.where is not None
        and not case.what.part
        and id(case.what.where[0]) in made
        for case in resolver.value(node, call.place)
    )


def set_epochs(resolver: Resolver, calls: Iterable[ReadCall]) -> tuple[SetEpoch, ...]:
    """The calls `loader.sampler.set_epoch(…)` on a loader of this file, by its attribute."""
    read = {id(one.call.node): one.fact for one in calls}
    found = []
    for call in resolver.program.calls_named("set_epoch"):
        match call.node.func:
            case cst.Attribute(
                value=cst.Attribute(value=owner, attr=cst.Name("sampler" | "batch_sampler")) as held
            ):
                asked = call.place.trials or any(
                    word in guard.key for guard in call.place.guards for word in _ASKING
                )
                value = resolver.value(owner, call.place)
                what = value[0].what if len(value) == 1 else None
                if asked or not isinstance(what, Made) or what.where is None or what.part:
                    continue
                loader = read.get(id(what.where[0]))
                if loader is not None:
                    span = resolver.program.span(call.node, call.place.scope)
                    found.append(SetEpoch(span, loader, held.attr.value))
    return tuple(sorted(found, key=lambda one: one.span))
