"""Generator functions that hand on the batches of a loader, as the `cycle` of many scripts."""

from __future__ import annotations

import libcst as cst

from .arguments import is_as_given
from .calling import PASSING
from .nodes import callee_tail
from .scopes import Scope


def handed_on(function: Scope) -> str | None:
    """The parameter whose elements, and nothing else, a generator function yields."""
    found = {_source(function, one) for one in function.yielded}
    return found.pop() if len(found) == 1 else None


def _source(function: Scope, node: cst.Yield) -> str | None:
    """The parameter that what is yielded comes from."""
    match node.value:
        case cst.From(item=iterable):
            return _parameter(function, iterable)
        case cst.Name(value=name):
            over = [
                loop.iterable
                for loop in function.loops
                if isinstance(loop.target, cst.Name) and loop.target.value == name
            ]
            bound = function.bindings.get(name, ())
            if len(over) == 1 and over[0] is not None and len(bound) == 1:
                return _parameter(function, over[0])
    return None


def _parameter(function: Scope, node: cst.BaseExpression) -> str | None:
    while isinstance(node, cst.Call) and callee_tail(node) in PASSING and node.args:
        node = node.args[0].value
    if not isinstance(node, cst.Name):
        return None
    return node.value if is_as_given(function, node.value) else None
