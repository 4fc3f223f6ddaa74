"""Follows a batch from the loop's target to the copies to a device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import libcst as cst

from .calls import next_code
from .model import Copy
from .nodes import callee_tail, dotted_name
from .parameters import argument_node
from .resolve import Resolver
from .scopes import Loop, Place, Scope
from .values import Case, Defined, Known, Made, Number, Symbol, Text, Value

DEEPEST = 2  # calls from the loop's body into functions of this file

# Methods that give the same batch, or a view or conversion of it.
_SAME_BATCH = frozenset(
    {"to", "cuda", "cpu", "float", "long", "half", "double", "int", "bool", "bfloat16", "type",
     "view", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "contiguous", "flatten",
     "pin_memory", "items", "values", "get", "pop", "copy", "clone", "detach", "requires_grad_",
     "t", "type_as", "expand", "chunk", "split", "unbind", "narrow", "next"}
)  # fmt: skip
_SAME_BATCH_FUNCTIONS = frozenset(
    {"Variable", "list", "tuple", "dict", "zip", "enumerate", "sorted", "reversed", "stack", "cat",
     "tqdm"}
)  # fmt: skip
Names: TypeAlias = frozenset[str]


def copies_in(resolver: Resolver, loop: Loop, names: Names) -> tuple[Copy, ...]:
    """The copies of the batch, bound to `names`, in the body of `loop`."""
    scope = loop.place.scope

    def inside(place: Place) -> bool:
        return any(one is loop for one in place.loops)

    walk = _Follow(resolver)
    walk.scope(scope, inside, names, 0)
    if isinstance(loop.node, cst.CompFor):
        comprehension = next((s for s in scope.everything() if loop in s.loops), None)
        if comprehension is not None:
            walk.scope(comprehension, lambda place: True, names, 0)
    return tuple(dict.fromkeys(walk.found))


class _Follow:
    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.found: list[Copy] = []

    def scope(self, scope: Scope, inside, names: Names, depth: int) -> None:  # type: ignore[no-untyped-def]
        """Follow `names` through a scope in the order of its statements."""
        tracked = set(names)
        # (order, rank, what): a call is looked at before its result is bound
        events: list[tuple[int, int, object]] = []
        for call in scope.calls:
            if inside(call.place):
                events.append((call.place.order, 0, call))
        for child in scope.children:
            if child.kind == "comprehension" and child.place is not None and inside(child.place):
                events.append((child.place.order, 1, child))
        for bindings in scope.bindings.values():
            for binding in bindings:
                if binding.kind in ("assign", "loop") and inside(binding.place):
                    events.append((binding.place.order, 2, binding))
        events.sort(key=lambda event: event[:2])
        for _, rank, event in events:
            if rank == 0:
                self.call(event, frozenset(tracked), depth)  # type: ignore[arg-type]
            elif rank == 1:
                self.comprehension(event, frozenset(tracked), depth)  # type: ignore[arg-type]
            elif is_batch(event.value, frozenset(tracked)):  # type: ignore[attr-defined]
                tracked.add(event.name)  # type: ignore[attr-defined]
            elif event.name not in names or event.kind == "assign":  # type: ignore[attr-defined]
                tracked.discard(event.name)  # type: ignore[attr-defined]

    def comprehension(self, scope: Scope, names: Names, depth: int) -> None:
        own = names
        for loop in scope.loops:
            if loop.target is not None and is_batch(loop.iterable, own):
                own = own | frozenset(target_names(loop.target))
        for call in scope.calls:
            self.call(call, own, depth)
        for child in scope.children:
            if child.kind == "comprehension":
                self.comprehension(child, own, depth)

    def call(self, call, names: Names, depth: int) -> None:  # type: ignore[no-untyped-def]
        node, place = call.node, call.place
        tail = callee_tail(node)
        func = node.func
        if isinstance(func, cst.Attribute) and tail in ("to", "cuda", "type"):
            if is_batch(func.value, names):
                self.copy(node, place, tail)
            return
        if tail == "map" and len(node.args) == 2 and is_batch(node.args[1].value, names):
            self.mapped(node.args[0].value, place)
        given = [
            (index, arg) for index, arg in enumerate(node.args)
            if not arg.star and is_batch(arg.value, names)
        ]  # fmt: skip
        if not given or depth >= DEEPEST:
            return
        for case in self.resolver.value(func, place):
            if isinstance(case.what, Defined) and case.what.kind == "function":
                inner: Scope = case.what.where
                received = set()
                for parameter in inner.bindings.values():
                    if parameter and parameter[0].kind == "parameter":
                        name = parameter[0].name
                        value = argument_node(node, inner, name)
                        if isinstance(value, cst.BaseExpression) and is_batch(value, names):
                            received.add(name)
                if received:
                    self.scope(inner, lambda _: True, frozenset(received), depth + 1)

    def mapped(self, function: cst.BaseExpression, place: Place) -> None:
        for case in self.resolver.value(function, place):
            if isinstance(case.what, Defined) and case.what.kind == "lambda":
                inner: Scope = case.what.where
                if inner.first_parameter is not None:
                    self.scope(inner, lambda _: True, frozenset({inner.first_parameter}), DEEPEST)

    def copy(self, node: cst.Call, place: Place, method: str) -> None:
        device = self.device(node, place, method)
        if device == "no device":
            return
        span = self.resolver.program.span(node, place.scope)
        text = self.resolver.program.source.text
        func = self.resolver.program.span(node.func, place.scope)
        opening = next_code(text, func.end)
        comma = False
        closing = next_code(text, opening + 1)
        if node.args:
            last = node.args[-1]
            end = self.resolver.program.span(last.value, place.scope).end
            closing = next_code(text, end)
            if text[closing : closing + 1] == ",":
                comma = True
                closing = next_code(text, closing + 1)
        keywords = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        positional = sum(arg.keyword is None for arg in node.args)
        self.found.append(
            Copy(
                span=span,
                method=method,
                device=device,
                non_blocking="non_blocking" in keywords
                or "async" in keywords
                or positional >= (2 if method == "cuda" else 3)
                or any(arg.star for arg in node.args)
                or method == "type",
                arguments_empty=not node.args,
                closing=closing,
                trailing_comma=comma,
            )
        )

    def device(self, node: cst.Call, place: Place, method: str) -> str:
        if method == "cuda":
            return "cuda"
        argument = None
        for arg in node.args:
            if (arg.keyword is None and argument is None and not arg.star) or (arg.keyword is not None and arg.keyword.value == "device"):
                argument = arg.value
        if argument is None:
            return "no device"
        if method == "type":
            dotted = dotted_name(argument) or ""
            return "cuda" if dotted.startswith("torch.cuda.") else "no device"
        if isinstance(argument, cst.Attribute) and argument.attr.value == "dtype":
            return "no device"
        return device_of(self.resolver, self.resolver.value(argument, place))


def device_of(resolver: Resolver, value: Value) -> str:
    """cuda, maybe-cuda, cpu, other, unknown, or "no device" for a dtype."""
    kinds = {_one_device(resolver, case) for case in value}
    if len(kinds) == 1:
        return kinds.pop()
    if "cuda" in kinds or "maybe-cuda" in kinds:
        return "maybe-cuda" if kinds <= {"cuda", "maybe-cuda", "cpu", "other"} else "unknown"
    return "unknown"


def _one_device(resolver: Resolver, case: Case) -> str:
    what = case.what
    name = None
    if isinstance(what, Known):
        if isinstance(what.value, bool) or what.value is None:
            return "unknown"
        name = "cuda" if isinstance(what.value, int) else what.value
    elif isinstance(what, Text):
        name = what.prefix
    elif isinstance(what, Number):
        return "cuda" if what.kind == "int" else "unknown"
    elif isinstance(what, Symbol):
        return "no device" if what.name.startswith("torch.") else "unknown"
    elif isinstance(what, Made) and what.name == "torch.device" and what.where is not None:
        call, place = what.where[:2]
        if not call.args or call.args[0].star:
            return "unknown"
        inner = device_of(resolver, resolver.value(call.args[0].value, place))
        return "maybe-cuda" if inner == "cuda" and case.origin is not None else inner
    elif isinstance(what, Made) and what.name.startswith("torch.accelerator.current"):
        return "maybe-cuda"
    if not isinstance(name, str) or not name:
        return "unknown"
    if name.startswith("cuda"):
        return "maybe-cuda" if case.origin is not None else "cuda"
    return "cpu" if name.startswith("cpu") else "other"


def is_batch(node: cst.CSTNode | None, names: Names) -> bool:
    """Reports whether an expression is the batch bound to `names`, or a part of it."""
    match node:
        case cst.Name():
            return node.value in names
        case cst.Attribute():
            return dotted_name(node) in names or (
                node.attr.value not in ("device", "dtype", "shape", "size", "ndim")
                and is_batch(node.value, names)
            )
        case cst.Subscript():
            return is_batch(node.value, names)
        case cst.Call(func=cst.Attribute() as func):
            if func.attr.value in _SAME_BATCH and is_batch(func.value, names):
                return True
            return func.attr.value in _SAME_BATCH_FUNCTIONS and _an_argument(node, names)
        case cst.Call(func=cst.Name() as func):
            return func.value in _SAME_BATCH_FUNCTIONS and _an_argument(node, names)
        case cst.Tuple() | cst.List():
            return any(is_batch(element.value, names) for element in node.elements)
        case cst.IfExp():
            return is_batch(node.body, names) or is_batch(node.orelse, names)
        case cst.ListComp() | cst.GeneratorExp() | cst.SetComp() | cst.DictComp():
            return is_batch(node.for_in.iter, names)
    return False


def _an_argument(node: cst.Call, names: Names) -> bool:
    return any(is_batch(arg.value, names) for arg in node.args)


def target_names(target: cst.CSTNode) -> Iterator[str]:
    """The names that a target binds."""
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Attribute):
        dotted = dotted_name(target)
        if dotted is not None:
            yield dotted
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from target_names(element.value)
