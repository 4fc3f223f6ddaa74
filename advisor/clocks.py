"""Clock reads around a loop over batches."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .model import Timing
from .nodes import callee_tail, children, dotted_name, every_node
from .resolve import Resolver
from .scopes import Call, Loop
from .text import Span
from .values import Symbol

CLOCKS = frozenset({"time.time", "time.perf_counter", "time.monotonic", "time.process_time",
                    "timeit.default_timer", "time.time_ns", "time.perf_counter_ns"})  # fmt: skip


def timing(resolver: Resolver, loop: Loop) -> Timing | None:
    """The clock reads right before and right after `loop`; None where there are none."""
    scope = loop.place.scope
    first = _read_clock(resolver, _calls_at(resolver, loop, -1))
    last = _read_clock(resolver, _calls_at(resolver, loop, 1))
    if first is None or last is None:
        return None
    start = resolver.program.in_order(first[0].place)
    warm = any(
        resolver.program.in_order(call.place) < start
        and callee_tail(call.node) == "next"
        and len(call.place.loops) >= len(loop.place.loops)
        for one in resolver.program.frame(scope)
        for call in one.calls
    )
    return Timing(
        first=resolver.program.span(first[0].node, first[0].place.scope),
        last=resolver.program.span(last[0].node, last[0].place.scope),
        clock=first[1],
        warmed_up=warm,
        label_from_index=_label(resolver, loop),
    )


def _calls_at(resolver: Resolver, loop: Loop, step: int) -> list[Call]:
    """The calls of the statement before (-1) or after (1) the loop's own."""
    program = resolver.program
    scope = loop.place.scope
    if scope.kind == "module" and not loop.place.loops and not loop.place.guards:
        return program.calls_beside(scope, step)
    order = loop.place.order - 1 if step < 0 else loop.last + 1
    return [call for call in scope.calls if call.place.order == order]


def _read_clock(resolver: Resolver, calls: list[Call]) -> tuple[Call, str] | None:
    for call in calls:
        name = _clock(resolver, call)
        if name is not None:
            return call, name
    return None


def _clock(resolver: Resolver, call: Call) -> str | None:
    dotted = dotted_name(call.node.func)
    if dotted is None:
        return None
    if dotted in CLOCKS and not resolver.program.reaching("time", call.place):
        return dotted  # the import is missing, and what was meant is plain
    for case in resolver.value(call.node.func, call.place):
        if isinstance(case.what, Symbol) and case.what.name in CLOCKS:
            return case.what.name
    return None


def _label(resolver: Resolver, loop: Loop) -> Span | None:
    """A number of workers that a message after the loop computes from a loop's index."""
    scope = loop.place.scope
    indices = set()
    for outer in loop.place.loops:
        target = outer.target
        if callee_tail(outer.iterable) == "enumerate" and isinstance(target, cst.Tuple):
            first = target.elements[0].value
            if isinstance(first, cst.Name):
                indices.add(first.value)
    if not indices:
        return None
    for call in scope.calls:
        if call.place.order <= loop.last or call.place.loops != loop.place.loops:
            continue
        for part, label in _labelled(call.node):
            if "worker" in label.lower() and isinstance(part, cst.BinaryOperation):
                names = {one.value for one in every_node(part) if isinstance(one, cst.Name)}
                if names and names <= indices:
                    return resolver.program.span(part, scope)
    return None


def _labelled(node: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, str]]:
    """The expressions in an f-string, each with the text before it."""
    if isinstance(node, cst.FormattedString):
        label = ""
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                label = part.value
            elif isinstance(part, cst.FormattedStringExpression):
                yield part.expression, label
        return
    for child in children(node):
        yield from _labelled(child)
