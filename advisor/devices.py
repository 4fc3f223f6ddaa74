"""Which calls put a tensor on a CUDA device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from .classes_model import DeviceCall
from .nodes import callee_tail, children, dotted_name, keyword_argument
from .resolve import Resolver
from .scopes import Call, Guard, Place, Scope
from .values import Known, Made, Symbol, Text, Value


def device_calls(resolver: Resolver, calls: Iterable[Call]) -> Iterator[DeviceCall]:
    """The calls among these that put a tensor on a CUDA device."""
    for call in calls:
        sure = _reaches_cuda(resolver, call)
        if sure is None or _only_in_the_main_process(call.place):
            continue
        if sure and _where_cuda_is(call):
            sure = False
        program = resolver.program
        span = program.span(call.node, call.place.scope)
        yield DeviceCall(span, program.source.code(span), sure)


def _reaches_cuda(resolver: Resolver, call: Call) -> bool | None:
    """True where it certainly does, False where it may, None where nothing says so."""
    node, place = call.node, call.place
    if not isinstance(node.func, cst.Attribute):
        return None
    method = node.func.attr.value
    if method == "cuda":
        base = resolver.value(node.func.value, place)
        plain = all(not isinstance(case.what, Symbol) for case in base)
        return True if plain and dotted_name(node.func.value) not in ("torch", "self") else None
    device = device_argument(node)
    if device is None or (method != "to" and not _makes_tensor(resolver, node, place)):
        return None
    return names_cuda(resolver, device, place)


def device_argument(node: cst.Call) -> cst.BaseExpression | None:
    """What a call of a method or of torch names as the device; None where it names none."""
    device = keyword_argument(node, "device")
    if device is None and callee_tail(node) == "to" and node.args and not node.args[0].star:
        device = node.args[0].value if node.args[0].keyword is None else None
    return device


def _makes_tensor(resolver: Resolver, node: cst.Call, place: Place) -> bool:
    value = resolver.value(node.func, place)
    return all(isinstance(c.what, Symbol) and c.what.name.startswith("torch.") for c in value)


def names_cuda(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool | None:
    """Whether a device is CUDA: True, False (only where there is one) or None (not known)."""
    kinds = _device_kinds(resolver, resolver.value(node, place), 0)
    if "unknown" in kinds or "cuda" not in kinds:
        return None
    return kinds == {"cuda"}


def _device_kinds(resolver: Resolver, value: Value, depth: int) -> set[str]:
    kinds: set[str] = set()
    for case in value:
        what = case.what
        if case.origin is not None:
            kinds.add("other")  # a default may be overridden
        if isinstance(what, (Known, Text)):
            name = what.prefix if isinstance(what, Text) else what.value
            known = isinstance(name, str) and name != ""
            kinds.add(("cuda" if str(name).startswith("cuda") else "other") if known else "unknown")
        elif isinstance(what, Made) and what.name == "torch.device" and what.where and depth < 3:
            made, at = what.where[:2]
            if not made.args or made.args[0].star:
                kinds.add("unknown")
            else:
                kinds |= _device_kinds(resolver, resolver.value(made.args[0].value, at), depth + 1)
        else:
            kinds.add("unknown")
    return kinds


def _only_in_the_main_process(place: Place) -> bool:
    """Reports whether a condition on the worker's identity decides about the place."""
    return any("worker" in guard.key for guard in _guards(place))


def _where_cuda_is(call: Call) -> bool:
    """Reports whether something asks for CUDA before the call."""
    if any(_asks(guard.key) for guard in _guards(call.place)):
        return True
    tree = call.place.scope.tree
    return any(_asks(tree.code(choice.test)) for choice in _choices(call))


def _asks(condition: str) -> bool:
    return any(word in condition.lower() for word in ("cuda", "gpu", "device", "is_available"))


def _guards(place: Place) -> Iterator[Guard]:
    """The conditions of a place, and of the expressions that it stands in."""
    yield from place.guards
    scope = place.scope
    if scope.kind in ("comprehension", "lambda") and scope.place is not None:
        yield from _guards(scope.place)


def _choices(call: Call) -> Iterator[cst.IfExp]:
    """The conditional expressions that the call stands in."""
    scope: Scope | None = call.place.scope
    while scope is not None and scope.kind in ("comprehension", "lambda"):
        scope = scope.parent
    pending: list[tuple[cst.CSTNode, tuple[cst.IfExp, ...]]] = []
    if scope is not None:
        pending.append((scope.node, ()))
    while pending:
        node, around = pending.pop()
        if node is call.node:
            yield from around
            return
        if isinstance(node, cst.IfExp):
            around = (*around, node)
        pending += [(child, around) for child in children(node)]
