"""Which loaders are built anew in every epoch although nothing in them changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from .calls import ReadCall
from .epochs import Epochs, is_conditional
from .model import EpochLoop, Rebuilt
from .nodes import callee_tail, children, dotted_name, every_call
from .resolve import Resolver
from .scopes import Call, Loop, Place
from .text import Span
from .values import Defined, Known, Symbol

# Calls that give an equal result each time; any other may be the reason to rebuild.
CONSTANT = frozenset(
    {"Generator", "manual_seed", "cpu_count", "min", "max", "int", "len", "is_available",
     "partial", "device"}
)  # fmt: skip


def rebuilt(resolver: Resolver, calls: Iterable[ReadCall], epochs: Epochs) -> Iterator[Rebuilt]:
    """The constructions inside a loop of epochs that could stand before it."""
    for read in calls:
        loop = _needless_loop(resolver, read, epochs)
        if loop is not None:
            seeds = _seeds_generator(resolver, read.call)
            yield Rebuilt(read.fact, loop, seeds, _statement(resolver, read))


def _needless_loop(resolver: Resolver, read: ReadCall, epochs: Epochs) -> EpochLoop | None:
    """The loop in which a loader is rebuilt although nothing in it changes."""
    place = read.call.place
    loops = [one for one in place.loops if not isinstance(one.node, cst.CompFor)]
    if not loops:
        return None
    loop = loops[-1]
    fact = epochs.fact(loop)
    if not fact.named and not (fact.counted and loop.target is None):
        return None
    if read.fact.hidden or is_conditional(place, loop):
        return None
    return fact if _unchanging(resolver, read.call.node, loop) else None


def _unchanging(resolver: Resolver, node: cst.Call, loop: Loop) -> bool:
    """Reports whether nothing that a construction reads is bound or changed in `loop`."""
    scope = loop.place.scope
    names = set(_names_read(node))
    bound_inside = any(
        loop in binding.place.loops and binding.value is not node
        for name, bindings in scope.bindings.items()
        if name.partition(".")[0] in names
        for binding in bindings
    )
    stored_inside = any(
        loop in store.place.loops and _root(store.target.value) in names for store in scope.stores
    )
    if bound_inside or stored_inside:
        return False
    own_calls = list(every_call(node))
    for call in scope.calls:
        if loop not in call.place.loops or any(call.node is own for own in own_calls):
            continue
        if _may_change(resolver, call, names):
            return False
    return all(callee_tail(call) in CONSTANT for call in own_calls if call is not node)


def _may_change(resolver: Resolver, call: Call, names: set[str]) -> bool:
    """Reports whether it calls a method of what `names` name, and not of a class or module."""
    func = call.node.func
    return (
        isinstance(func, cst.Attribute)
        and _root(func.value) in names
        and not _is_class_or_module(resolver, func.value, call.place)
    )


def _root(node: cst.BaseExpression) -> str:
    return (dotted_name(node) or "").partition(".")[0]


def _names_read(node: cst.CSTNode) -> Iterator[str]:
    """The names in an expression, of attributes the object's."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, cst.Attribute):
        yield from _names_read(node.value)
    else:
        for child in children(node):
            yield from _names_read(child)


def _is_class_or_module(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    return all(
        isinstance(case.what, Symbol)
        or (isinstance(case.what, Defined) and case.what.kind == "class")
        for case in resolver.value(node, place)
    )


def _seeds_generator(resolver: Resolver, call: Call) -> bool:
    """Reports whether the construction seeds a generator with a constant."""
    for inner in every_call(call.node):
        if callee_tail(inner) == "manual_seed" and inner.args:
            value = resolver.value(inner.args[0].value, call.place)
            return all(isinstance(case.what, Known) for case in value)
    return False


def _statement(resolver: Resolver, read: ReadCall) -> Span | None:
    """The lines of the statement that only assigns this construction to a name."""
    program = resolver.program
    scope = read.call.place.scope
    text = program.source.text
    for binding in (one for bound in scope.bindings.values() for one in bound):
        if binding.value is not read.call.node or not isinstance(binding.node, cst.Assign):
            continue
        span = program.span(binding.node, scope)
        start = max(text.rfind("\n", 0, span.start), text.rfind("\r", 0, span.start)) + 1
        end = text.find("\n", span.end)
        end = len(text) if end < 0 else end + 1
        if not text[start : span.start].strip() and ";" not in text[span.end : end]:
            return Span(start, end)
    return None
