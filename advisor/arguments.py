"""Which argument of a call reaches which parameter of the function that it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from .dictionaries import as_named
from .scopes import Call, Scope, decorated
from .values import NOTHING_KNOWN, UNKNOWN, Unknown, Value

if TYPE_CHECKING:
    from .resolve import Resolver


def given_for(resolver: Resolver, call: Call, scope: Scope, name: str) -> Value | None:
    """What a call gives for a parameter of the function `scope`; None for nothing."""
    node = argument_node(call.node, scope, name)
    if node is None:
        return None
    if isinstance(node, Unknown):
        return NOTHING_KNOWN
    return as_named(resolver.value(node, call.place), node, call.place)


def positional_names(function: Scope) -> list[str]:
    """The parameters that a call may fill by position, without the object of a method."""
    params = function.parameters
    assert params is not None
    names = [one.name.value for one in (*params.posonly_params, *params.params)]
    owner = function.parent
    if owner is not None and owner.kind == "class" and not decorated(function, "staticmethod"):
        return names[1:]
    return names


def is_as_given(function: Scope, name: str) -> bool:
    """Reports whether a name is a parameter that nothing else sets."""
    return [one.kind for one in function.bindings.get(name, ())] == ["parameter"]


def argument_node(call: cst.Call, scope: Scope, name: str) -> cst.BaseExpression | Unknown | None:
    """What a call of the function `scope` gives for its parameter `name`; None for nothing.

    Unknown where a * or ** stands before it.
    """
    names = positional_names(scope)
    position = 0
    for arg in call.args:
        if arg.star:
            return UNKNOWN
        if arg.keyword is not None:
            if arg.keyword.value == name:
                return arg.value
        else:
            if position < len(names) and names[position] == name:
                return arg.value
            position += 1
    return None
