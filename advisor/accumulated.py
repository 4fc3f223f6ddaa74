"""Tensors of a batch that a loop keeps in a list which outlives it."""

from __future__ import annotations

import libcst as cst

from .copies import Names
from .model import KeptTensor
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Binding, Call, Loop, Place
from .values import Symbol

# Methods of a tensor in the CPU's memory whose result is in the same memory.
_VIEWS = frozenset(
    {"numpy", "cpu", "detach", "view", "view_as", "squeeze", "unsqueeze", "permute", "transpose",
     "t", "contiguous"}
)  # fmt: skip
_OF_TENSORS = frozenset({"numpy", "cpu", "detach", "unsqueeze", "contiguous"})
_JOINING = ("torch.cat", "torch.concat", "torch.concatenate", "torch.stack", "torch.vstack",
            "torch.hstack")  # fmt: skip
_EMPTYING = frozenset({"clear", "pop", "popleft", "remove"})


def kept_tensors(resolver: Resolver, loop: Loop, names: Names) -> tuple[KeptTensor, ...]:
    """What a loop over batches, bound to `names`, appends to a list that is there before it."""
    if isinstance(loop.node, cst.CompFor):
        return ()
    scope = loop.place.scope
    events: list[tuple[int, int, Call | Binding]] = []
    for call in scope.calls:
        if loop in call.place.loops:
            events.append((call.place.order, 0, call))
    for bound in scope.bindings.values():
        for binding in bound:
            if loop in binding.place.loops and binding.kind in ("assign", "augment", "loop"):
                events.append((binding.place.order, 1, binding))
    tracked = names
    found = []
    for _, _, event in sorted(events, key=lambda one: one[:2]):
        if isinstance(event, Call):
            kept = _kept(resolver, event, loop, tracked)
            found += [kept] if kept is not None else []
        elif event.name in tracked or event.kind == "assign":
            if event.kind == "assign" and _is_view(event.value, tracked):
                tracked |= {event.name}
            elif event.name not in names or event.kind != "loop":
                tracked -= {event.name}
    return tuple(found)


def _kept(resolver: Resolver, call: Call, loop: Loop, names: Names) -> KeptTensor | None:
    """The tensor that a call of append() or extend() keeps."""
    func, args = call.node.func, call.node.args
    if not isinstance(func, cst.Attribute) or func.attr.value not in ("append", "extend"):
        return None
    container = dotted_name(func.value)
    if container is None or len(args) != 1 or args[0].star or not _is_view(args[0].value, names):
        return None
    node = args[0].value
    if not _outlives(resolver, container, call.place, loop):
        return None
    if callee_tail(node) not in _OF_TENSORS and not _is_joined(resolver, container, call.place):
        return None
    if func.attr.value == "extend" and callee_tail(node) != "numpy":
        return None
    return KeptTensor(
        span=resolver.program.span(node, call.place.scope),
        is_array=callee_tail(node) == "numpy",
        container=container,
    )


def _is_view(node: cst.CSTNode | None, names: Names) -> bool:
    """Reports whether an expression is in the memory of the batch bound to `names`."""
    match node:
        case cst.Name():
            return node.value in names
        case cst.Attribute(attr=cst.Name("shape" | "dtype" | "device" | "ndim")):
            return False
        case cst.Attribute():
            return _is_view(node.value, names)
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
            plain = isinstance(index, (cst.Integer, cst.SimpleString))
            return plain and _is_view(node.value, names)
        case cst.Call(func=cst.Attribute() as func):
            return func.attr.value in _VIEWS and _is_view(func.value, names)
    return False


def _outlives(resolver: Resolver, container: str, place: Place, loop: Loop) -> bool:
    """Reports whether a name is a list from before the loop that the loop never empties."""
    reaching = resolver.program.reaching(container, place)
    if not reaching:
        return False
    for one in reaching:
        value = one.binding.value
        empty = (isinstance(value, cst.List) and not value.elements) or (
            isinstance(value, cst.Call) and callee_tail(value) == "list" and not value.args
        )
        if one.binding.path or not empty:
            return False
    if any(loop in one.place.loops for one in place.scope.bindings.get(container, ())):
        return False
    return not any(
        isinstance(call.node.func, cst.Attribute)
        and call.node.func.attr.value in _EMPTYING
        and dotted_name(call.node.func.value) == container
        for call in place.scope.calls
        if loop in call.place.loops
    )


def _is_joined(resolver: Resolver, container: str, place: Place) -> bool:
    """Reports whether torch joins the list to one tensor, so that it is one of tensors."""
    for call in (one for scope in resolver.program.frame(place.scope) for one in scope.calls):
        if call.node.args and dotted_name(call.node.args[0].value) == container:
            for case in resolver.value(call.node.func, call.place):
                if isinstance(case.what, Symbol) and case.what.name in _JOINING:
                    return True
    return False
