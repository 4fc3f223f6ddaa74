"""Loaders that accelerate takes over, and so divides among the ranks."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from .calls import ReadCall
from .model import Taken
from .nodes import dotted_name
from .resolve import Resolver
from .scopes import Call
from .values import Made, Symbol

_DIVIDING = ("prepare", "prepare_data_loader")


def taken_by_accelerate(resolver: Resolver, calls: Iterable[ReadCall]) -> tuple[Taken, ...]:
    """Every loader of this file that is given to prepare() of an Accelerator."""
    program = resolver.program
    by_node = {id(one.call.node): one.fact for one in calls}
    found = []
    for tail in _DIVIDING if program.source.tells("ccelerat") else ():
        for call in program.calls_named(tail):
            if not _is_accelerates(resolver, call):
                continue
            for arg in call.node.args:
                for case in resolver.value(arg.value, call.place) if not arg.star else ():
                    what = case.what
                    if isinstance(what, Made) and what.where is not None and not what.part:
                        loader = by_node.get(id(what.where[0]))
                        if loader is not None:
                            span = program.span(call.node.func, call.place.scope)
                            found.append(Taken(loader, span, _waits(resolver, call)))
    return tuple(sorted(found, key=lambda one: one.span))


def _is_accelerates(resolver: Resolver, call: Call) -> bool:
    """Reports whether it is a method of an Accelerator, or a function of accelerate."""
    func = call.node.func
    if any(
        isinstance(case.what, Symbol) and case.what.name.startswith("accelerate.")
        for case in resolver.value(func, call.place)
    ):
        return True
    if not isinstance(func, cst.Attribute):
        return False
    if (dotted_name(func.value) or "").rpartition(".")[2] == "accelerator":
        return True
    return any(
        isinstance(case.what, Made) and case.what.name.startswith("accelerate.")
        for case in resolver.value(func.value, call.place)
    )


# What says how an Accelerator, or its prepare, puts batches on the device (accelerate 1.15).
_PLACING = frozenset({"dataloader_config", "device_placement", "cpu"})


def _waits(resolver: Resolver, call: Call) -> bool:
    """Reports whether accelerate moves the batches here as it does unless it is told otherwise."""
    func = call.node.func
    if not isinstance(func, cst.Attribute) or resolver.program.source.tells("non_blocking"):
        return False
    value = resolver.value(func.value, call.place)
    what = value[0].what if len(value) == 1 else None
    if not isinstance(what, Made) or what.where is None or what.part:
        return False
    made = what.where[0]
    return (
        what.name in _ACCELERATORS
        and not any(
            arg.star or arg.keyword is None or arg.keyword.value in _PLACING for arg in made.args
        )
        and not any(arg.keyword is not None for arg in call.node.args)
    )


_ACCELERATORS = frozenset({"accelerate.Accelerator", "accelerate.accelerator.Accelerator"})
