"""Copies from a device that are read before they have arrived."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .copies import device_of
from .model import HostRead
from .nodes import callee_tail, keyword_argument
from .resolve import Resolver
from .scopes import Place, Scope
from .text import Span
from .values import Known

READING = ("numpy", "tolist", "item")  # methods that read a tensor's memory at once
# Methods that stand between the copy and the reading, and do not wait for the copy either.
_BETWEEN = frozenset(
    {"detach", "float", "double", "half", "int", "long", "bool", "byte", "view", "reshape",
     "flatten", "squeeze", "unsqueeze", "permute", "transpose", "contiguous", "t", "clone",
     "sum", "mean", "max", "min", "argmax"}
)  # fmt: skip


def host_reads(resolver: Resolver) -> tuple[HostRead, ...]:
    """Every `x.to("cpu", non_blocking=True)` that is read in the same expression."""
    if not resolver.program.source.tells("non_blocking"):
        return ()
    found = []
    for method in READING:
        for call in resolver.program.calls_named(method):
            copy = _copied(call.node)
            if copy is not None and _is_unwaited(resolver, copy, call.place):
                found.append(_fact(resolver, copy, call.place.scope, method))
    return tuple(sorted(found, key=lambda one: one.span))


def _copied(read: cst.Call) -> cst.Call | None:
    """The call of `to` whose result is read, be it through a view or a conversion."""
    node: cst.BaseExpression = read
    while isinstance(node, (cst.Call, cst.Subscript)):
        if isinstance(node, cst.Subscript):
            node = node.value
            continue
        if node is not read and callee_tail(node) == "to":
            return node
        if not isinstance(node.func, cst.Attribute):
            return None
        if node is not read and node.func.attr.value not in _BETWEEN:
            return None
        node = node.func.value
    return None


def _is_unwaited(resolver: Resolver, copy: cst.Call, place: Place) -> bool:
    """Reports whether a copy surely goes to the CPU, and surely does not wait."""
    if any(arg.star for arg in copy.args):
        return False
    waiting = keyword_argument(copy, "non_blocking")
    if waiting is None:
        return False
    if any(case.what != Known(True) or case.origin for case in resolver.value(waiting, place)):
        return False
    plain = (arg.value for arg in copy.args if arg.keyword is None)
    target = keyword_argument(copy, "device") or next(plain, None)
    if target is None:
        return False
    value = resolver.value(target, place)
    fixed = all(case.origin is None for case in value)
    return fixed and device_of(resolver, value) == "cpu"


def _fact(resolver: Resolver, copy: cst.Call, scope: Scope, method: str) -> HostRead:
    program = resolver.program
    return HostRead(program.span(copy, scope), method, tuple(_argument(resolver, copy, scope)))


def _argument(resolver: Resolver, copy: cst.Call, scope: Scope) -> Iterator[Span]:
    """The argument and the comma before it, which have to go for the copy to wait."""
    program = resolver.program
    text = program.source.text
    arg = next(one for one in copy.args if one.keyword and one.keyword.value == "non_blocking")
    index = copy.args.index(arg)
    if index == 0:
        return
    before = program.span(copy.args[index - 1].value, scope).end
    span = Span(before, program.span(arg.value, scope).end)
    if "#" not in text[span.start : span.end] and "(" not in text[span.start : span.end]:
        yield span
