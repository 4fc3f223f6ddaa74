"""Loops that iterate over a loader which is being iterated over already."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .calls import ReadCall
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Loop, Place
from .text import Span
from .values import Made

_HANDING_ON = frozenset({"enumerate", "tqdm", "iter", "list"})


def reentered(
    resolver: Resolver, loop: Loop, iterable: cst.BaseExpression, read: ReadCall
) -> Span | None:
    """Where else the very loader of a loop is iterated over while the loop runs."""
    program = resolver.program
    names = {name for node in _iterated(iterable) if (name := dotted_name(node)) is not None}
    names = {name for name in names if _is_one_object(resolver, name, iterable, loop.place, read)}
    for name in names:
        same = [node for node in _iterated(iterable) if dotted_name(node) == name]
        if len(same) > 1:
            return program.span(same[1], loop.place.scope)
        for outer in loop.place.loops:
            for node in _iterated(outer.iterable) if outer.iterable is not None else ():
                if dotted_name(node) == name and not _bound_in(resolver, name, loop.place, outer):
                    return program.span(node, outer.place.scope)
        for call in loop.place.scope.calls:
            if loop not in call.place.loops or callee_tail(call.node) != "next":
                continue
            if call.node.args and _is_iterator_of(
                resolver, call.node.args[0].value, call.place, name, loop
            ):
                return program.span(call.node, call.place.scope)
    return None


def _iterated(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What is iterated over with an iterable: the arguments of zip(), and of enumerate()."""
    tail = callee_tail(node)
    if isinstance(node, cst.Call) and tail == "zip":
        for arg in node.args:
            if not arg.star:
                yield from _iterated(arg.value)
    elif isinstance(node, cst.Call) and tail in _HANDING_ON and node.args:
        yield from _iterated(node.args[0].value)
    else:
        yield node


def _is_one_object(
    resolver: Resolver, name: str, iterable: cst.BaseExpression, place: Place, read: ReadCall
) -> bool:
    """Reports whether a name is the loader, and not made anew whenever it is read."""
    if "." in name and name not in read.fact.names:
        return False
    node = next(one for one in _iterated(iterable) if dotted_name(one) == name)
    value = resolver.value(node, place)
    what = value[0].what if len(value) == 1 else None
    return (
        isinstance(what, Made)
        and what.where is not None
        and not what.part
        and what.where[0] is read.call.node
    )


def _bound_in(resolver: Resolver, name: str, place: Place, outer: Loop) -> bool:
    reaching = resolver.program.reaching(name, place) or ()
    return any(outer in one.binding.place.loops for one in reaching)


def _is_iterator_of(
    resolver: Resolver, node: cst.BaseExpression, place: Place, name: str, loop: Loop
) -> bool:
    """Reports whether `node` is an iterator over the loader that was there before the loop."""
    iterator = dotted_name(node)
    reaching = resolver.program.reaching(iterator, place) or () if iterator is not None else ()
    return bool(reaching) and all(
        callee_tail(one.binding.value) == "iter"
        and isinstance(one.binding.value, cst.Call)
        and len(one.binding.value.args) == 1
        and dotted_name(one.binding.value.args[0].value) == name
        and not one.binding.path
        and loop not in one.binding.place.loops
        for one in reaching
    )
