"""Seeding numpy in workers from numpy's own state: the recipe of torch before 1.9."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .model import SeedRecipe
from .nodes import children
from .resolve import Resolver
from .scopes import Place, Scope
from .values import Known, Symbol

FIRST_WORD = (1, 0)  # get_state()[1] is the array of words; seeded from an array, [0] is constant


def seed_recipes(resolver: Resolver) -> tuple[SeedRecipe, ...]:
    """Every `np.random.seed(np.random.get_state()[1][0] + worker_id)` in worker code."""
    program = resolver.program
    if not program.source.tells("get_state"):
        return ()
    program.read_where(r"\bget_state\b")
    found = []
    for call in program.calls_named("seed"):
        function = call.place.scope.enclosing("function", "lambda")
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


def _reads_state(resolver: Resolver, node: cst.CSTNode, place: Place, depth: int) -> bool:
    """Reports whether `np.random.get_state()[1][0]` stands in an expression, or in its names."""
    if _steps(resolver, node, place, 0) == FIRST_WORD:
        return True
    if isinstance(node, cst.Name) and depth < 3:
        return any(
            _reads_state(resolver, value, at, depth + 1)
            for value, at in _assigned(resolver, node, place)
        )
    return any(_reads_state(resolver, child, place, depth) for child in children(node))


def _steps(
    resolver: Resolver, node: cst.CSTNode, place: Place, depth: int
) -> tuple[int, ...] | None:
    """The constant indices that lead to `node` from numpy's state; None where none do."""
    if isinstance(node, cst.Call):
        return () if _is(resolver, node.func, place, "numpy.random.get_state") else None
    if isinstance(node, cst.Name) and depth < 3:
        for value, at in _assigned(resolver, node, place):
            return _steps(resolver, value, at, depth + 1)
    if isinstance(node, cst.Subscript) and len(node.slice) == 1:
        index = node.slice[0].slice
        before = _steps(resolver, node.value, place, depth)
        if before is not None and isinstance(index, cst.Index):
            cases = resolver.value(index.value, place)
            what = cases[0].what if len(cases) == 1 else None
            if isinstance(what, Known) and isinstance(what.value, int):
                return (*before, what.value)
    return None


def _assigned(
    resolver: Resolver, node: cst.Name, place: Place
) -> Iterator[tuple[cst.CSTNode, Place]]:
    """What the function itself assigns to a name."""
    for one in resolver.program.reaching(node.value, place) or ():
        binding = one.binding
        plain = binding.kind == "assign" and not binding.path and binding.value is not None
        if plain and binding.place.scope is place.scope:
            yield binding.value, binding.place  # type: ignore[misc]


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
