"""Which loaders are built anew in every epoch although nothing in them changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from .calls import ReadCall
from .epochs import Epochs, is_conditional
from .members import assignments, definitions, find_method, lineage
from .model import EpochLoop, Rebuilt
from .nodes import callee_tail, children, dotted_name, every_call
from .resolve import Resolver
from .scopes import Call, Loop, Place, Scope
from .text import Span
from .values import Defined, Known, Made, Symbol

# Calls that give an equal result each time; any other may be the reason to rebuild.
CONSTANT = frozenset(
    {"Generator", "manual_seed", "cpu_count", "min", "max", "int", "len", "is_available",
     "partial", "device"}
)  # fmt: skip

HARMLESS = frozenset({"isinstance", "len", "print", "super", "hasattr", "getattr", "type", "repr"})


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
    reads = _Reads(resolver, scope, frozenset(_paths_read(node, scope.first_parameter)))
    bound_inside = any(
        loop in binding.place.loops and binding.value is not node
        for name, bindings in scope.bindings.items()
        if reads.touched_by(name)
        for binding in bindings
    )
    stored_inside = any(
        loop in store.place.loops and reads.touched_by(_path(store.target))
        for store in scope.stores
    )
    if bound_inside or stored_inside:
        return False
    own_calls = list(every_call(node))
    for call in scope.calls:
        if loop not in call.place.loops or any(call.node is own for own in own_calls):
            continue
        if reads.may_be_changed_by(call):
            return False
    return all(callee_tail(call) in CONSTANT for call in own_calls if call is not node)


@dataclass(frozen=True)
class _Reads:
    """What a construction in a function reads: names, and attributes of a method's object."""

    resolver: Resolver
    function: Scope
    paths: frozenset[str]

    def touched_by(self, path: str) -> bool:
        """Reports whether something read is what a path leads to, a part of it, or around it."""
        return any(
            path == one or one.startswith(f"{path}.") or path.startswith(f"{one}.")
            for one in self.paths
            if path
        )

    def may_be_changed_by(self, call: Call) -> bool:
        """Reports whether a call in the function may change it: it calls a method of something."""
        func, me = call.node.func, self.function.first_parameter
        if me is not None and self.touched_by(me) and _gives_away(call, me):
            return True
        if not isinstance(func, cst.Attribute):
            return False
        path = _path(func.value)
        if path == me and self.touched_by(path):
            return not self.left_alone
        return self.touched_by(path) and not _is_no_method(self.resolver, func, call.place)

    @cached_property
    def left_alone(self) -> bool:
        """Whether the other methods of the object leave alone what is read of it."""
        owner = self.function.parent
        if owner is None or owner.kind != "class":
            return False
        me = f"{self.function.first_parameter}."
        names = {one[len(me) :].partition(".")[0] for one in self.paths if one.startswith(me)}
        if any(
            find_method(self.resolver, owner, name) is not None
            or not assignments(self.resolver, owner, name)
            for name in names
        ):
            return False
        classes = [(self.resolver, one) for one in lineage(self.resolver, owner)]
        for definition in definitions(self.resolver, owner):
            if definition.scope is None:
                return False
            classes.append((definition.module.resolver, definition.scope))
        return not any(
            self.changed_in(resolver, method)
            for resolver, one in classes
            for method in one.functions().values()
            if method.name != "__init__" and method is not self.function
        )

    def changed_in(self, resolver: Resolver, method: Scope) -> bool:
        """Reports whether another method of the object may change it."""
        if method.first_parameter is None:
            return False
        there, here = f"{method.first_parameter}.", f"{self.function.first_parameter}."

        def touched(path: str) -> bool:
            return path.startswith(there) and self.touched_by(here + path[len(there) :])

        return any(
            any(map(touched, inner.bindings))
            or any(touched(_path(store.target)) for store in inner.stores)
            or any(_gives_away(call, method.first_parameter) for call in inner.calls)
            or any(
                isinstance(call.node.func, cst.Attribute)
                and touched(_path(call.node.func.value))
                and not _is_no_method(resolver, call.node.func, call.place)
                for call in inner.calls
            )
            for inner in method.everything()
        )


def _gives_away(call: Call, me: str) -> bool:
    """Reports whether a call gives the method's own object to somebody else."""
    return callee_tail(call.node) not in HARMLESS and any(
        isinstance(arg.value, cst.Name) and arg.value.value == me for arg in call.node.args
    )


def _path(node: cst.BaseExpression) -> str:
    """The dotted name of what an expression is, or is an item of; empty where it has none."""
    while isinstance(node, cst.Subscript):
        node = node.value
    return dotted_name(node) or ""


def _paths_read(node: cst.CSTNode, me: str | None) -> Iterator[str]:
    """The names in an expression; of attributes the object's, but of the method's own object."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, cst.Attribute):
        dotted = dotted_name(node) or ""
        if me is not None and dotted.startswith(f"{me}."):
            yield dotted
        else:
            yield from _paths_read(node.value, me)
    else:
        for child in children(node):
            yield from _paths_read(child, me)


def _is_no_method(resolver: Resolver, func: cst.Attribute, place: Place) -> bool:
    """Reports whether a call leaves the object before the dot alone.

    That is a class or module, or an object of a class that only has a field of that name.
    """
    value = resolver.value(func.value, place)
    return all(
        isinstance(case.what, Symbol)
        or (isinstance(case.what, Defined) and case.what.kind == "class")
        or (
            isinstance(case.what, Made)
            and isinstance(case.what.within, Scope)
            and not case.what.part
            and func.attr.value in case.what.within.bindings
            and find_method(resolver, case.what.within, func.attr.value) is None
        )
        for case in value
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
