"""Where a module calls what another one of the project has under a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from .definitions import Definition
from .nodes import below, callee_tail, dotted_name, every_node
from .resolve import Resolver
from .scopes import Call
from .values import Symbol

if TYPE_CHECKING:
    from .project import Imports


def calls_of(resolver: Resolver, imports: Imports, path: str, name: str) -> Iterator[Call]:
    """The calls in a module of what the module in another file, `path`, has under a name."""
    program = resolver.program
    word = rf"\b{re.escape(name)}\b"
    program.read_where(rf"\bimport\b[^#]*{word}|\.{word}", name)
    names = {name, *_aliases(resolver, name)}
    for tail in sorted(names | set(_handed_on(resolver, names))):
        for call in program.calls_named(tail):
            imported = any(imports.leads_to(one, path, name) for one in _imported(resolver, call))
            if imported or _may_call(resolver, call, path, name):
                yield call


def _aliases(resolver: Resolver, name: str) -> Iterator[str]:
    """The names under which something of that name is imported."""
    for scope in resolver.program.scopes():
        for bindings in scope.bindings.values():
            for binding in bindings:
                if binding.kind == "import" and binding.target.rpartition(".")[2] == name:
                    yield binding.name


def _handed_on(resolver: Resolver, functions: set[str]) -> Iterator[str]:
    """The names under which functions are handed on.

    Such as one of several, `step = one if fast else other`, or what a function here gives.
    """
    scopes = list(resolver.program.scopes())
    givers = {
        scope.name
        for scope in scopes
        for returned in scope.returns
        if returned.value is not None and _names(returned.value, functions)
    }
    for scope in scopes:
        for bindings in scope.bindings.values():
            for binding in bindings:
                match binding.kind, binding.value:
                    case "assign", cst.IfExp() as choice if _names(choice, functions):
                        yield binding.name
                    case "assign", cst.Call() as made if callee_tail(made) in givers:
                        yield binding.name


def _names(node: cst.BaseExpression, functions: set[str]) -> bool:
    """Reports whether an expression names one of the functions."""
    return any(isinstance(one, cst.Name) and one.value in functions for one in every_node(node))


def _imported(resolver: Resolver, call: Call) -> Iterator[str]:
    """What the callee of a call may stand for, where that is imported."""
    first, _, rest = (dotted_name(call.node.func) or "").partition(".")
    for one in resolver.program.reaching(first, call.place) or ():
        if one.binding.kind == "import":
            yield below(one.binding.target, rest) if rest else one.binding.target


def _may_call(resolver: Resolver, call: Call, path: str, name: str) -> bool:
    """Reports whether a name that is not imported may stand for it: a function handed on."""
    return isinstance(call.node.func, cst.Name) and any(
        isinstance(case.what, Symbol)
        and isinstance(case.what.definition, Definition)
        and case.what.definition.module.path == path
        and case.what.definition.path == (name,)
        for case in resolver.value(call.node.func, call.place)
    )
