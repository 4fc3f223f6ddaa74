"""Seeding numpy in workers from numpy's own state: the recipe of torch before 1.9."""

from __future__ import annotations

import libcst as cst

from .model import SeedRecipe
from .resolve import Resolver
from .scopes import Place, Scope, children
from .values import Symbol


def seed_recipes(resolver: Resolver) -> tuple[SeedRecipe, ...]:
    """Every `np.random.seed(np.random.get_state()[1][0] + worker_id)` in worker code."""
    program = resolver.program
    if "get_state" not in program.source.text:
        return ()
    program.read_where(r"\bget_state\b")
    found = []
    for call in program.calls_named("seed"):
        function = _function(call.place.scope)
        if function is None or len(call.node.args) != 1:
            continue
        argument = call.node.args[0].value
        if not _is(resolver, call.node.func, call.place, "numpy.random.seed"):
            continue
        if not _reads_state(resolver, argument, call.place, 0):
            continue
        if not _runs_in_workers(function, argument):
            continue
        torch = resolver.program.reaching("torch", call.place)
        found.append(
            SeedRecipe(
                span=program.span(call.node, call.place.scope),
                argument=program.span(argument, call.place.scope),
                function=function.name,
                has_torch=torch is not None,
            )
        )
    return tuple(sorted(found, key=lambda one: one.span))


def _is(resolver: Resolver, node: cst.BaseExpression, place: Place, name: str) -> bool:
    value = resolver.value(node, place)
    return len(value) == 1 and value[0].what == Symbol(name)


def _function(scope: Scope) -> Scope | None:
    one: Scope | None = scope
    while one is not None and one.kind not in ("function", "lambda"):
        one = one.parent
    return one


def _reads_state(resolver: Resolver, node: cst.CSTNode, place: Place, depth: int) -> bool:
    """Reports whether `np.random.get_state()[1][0]` stands in an expression, or in its names."""
    if isinstance(node, cst.Call):
        if _is(resolver, node.func, place, "numpy.random.get_state"):
            return True
    elif isinstance(node, cst.Name) and depth < 3:
        reaching = resolver.program.reaching(node.value, place) or []
        return any(
            one.binding.kind == "assign"
            and one.binding.value is not None
            and one.binding.place.scope is place.scope
            and _reads_state(resolver, one.binding.value, one.binding.place, depth + 1)
            for one in reaching
        )
    return any(_reads_state(resolver, child, place, depth) for child in children(node))


def _runs_in_workers(function: Scope, argument: cst.BaseExpression) -> bool:
    """By what the seed is made of, or by the function's name."""
    if function.parameters is not None and any(
        _names(argument, parameter.name.value) for parameter in function.parameters.params
    ):
        return True
    return "worker" in function.name.lower()


def _names(node: cst.CSTNode, name: str) -> bool:
    if isinstance(node, cst.Name):
        return node.value == name
    return any(_names(child, name) for child in children(node))
