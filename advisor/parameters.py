"""What a parameter receives: from the calls in this file, or by its default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from . import options
from .arguments import given_for
from .definitions import Definition
from .memory import NEVER_AGAIN
from .nodes import dotted_name
from .scopes import Binding, Call, Scope, decorated
from .values import (
    ALWAYS,
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Defined,
    Known,
    Made,
    Symbol,
    Unknown,
    Value,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver

# The parameters of which it matters what the callers in other modules give.
ASKED_ELSEWHERE = re.compile(r"loader|worker|device|^dev$|gpu|cuda|pin_memory", re.IGNORECASE)


def parameter(resolver: Resolver, binding: Binding) -> Value:
    """The value of a parameter: a default, unless the object itself or its class."""
    scope = binding.place.scope
    name = binding.name
    owner = scope.parent
    if owner is not None and owner.kind == "class" and name == scope.first_parameter:
        if decorated(scope, "classmethod"):
            return (Case(Defined("class", owner.name, owner)),)
        if not decorated(scope, "staticmethod"):
            return (Case(Made(owner.name, None, owner)),)
    if scope.kind == "lambda" or _takes_many(scope, binding):
        return NOTHING_KNOWN
    option = options.click_default(resolver, scope, name)
    if option is not None:
        return option
    found: list[Case] = []
    calls = callers(resolver, scope)
    omitted = not calls
    for call in calls:
        given = given_for(resolver, call, scope, name)
        if given is None:
            omitted = True
            continue
        words = f"parameter {name!r}, as given"
        origin = resolver.origin(words, call.node.func, call.place.scope, tells_line=True)
        found += [Case(one.what, ALWAYS, one.origin or origin, (call, *one.via)) for one in given]
    if not calls:
        found, omitted = _from_other_modules(resolver, binding)
    if omitted:
        found += _default(resolver, binding)
    options_class = _options_class(resolver, binding)
    if options_class is not None:
        found = [one for one in found if not isinstance(one.what, Unknown)]
        if not found or any(one.what == Known(None) for one in found):
            found.append(options_class)
    return united(found)


def _from_other_modules(resolver: Resolver, binding: Binding) -> tuple[list[Case], bool]:
    """What the calls in other modules give for a parameter, and whether its default holds, too.

    It does where there is one: others than those of the project may call the function.
    """
    scope = binding.place.scope
    owner = scope.parent
    if owner is not None and owner.kind == "class" and scope.name == "__init__":
        scope_name, owner = owner.name, owner.parent
    else:
        scope_name = scope.name
    at_the_margin = owner is not None and owner.kind == "module"
    if resolver.imports is None or not at_the_margin or not ASKED_ELSEWHERE.search(binding.name):
        return [], True
    given = [call.given(scope, binding.name) for call in resolver.imports.callers(scope_name)]
    found = [case for value in given if value is not None for case in value]
    if all(isinstance(case.what, Unknown) for case in found):
        return [], True
    return found, binding.value is not None or None in given


def _options_class(resolver: Resolver, binding: Binding) -> Case | None:
    """An object of the class of options that a parameter is annotated with: `cfg: Config`."""
    node = _annotation(binding)
    if node is None or not options.OPTIONS_CLASS.search(dotted_name(node) or ""):
        return None
    only = annotated(resolver, binding)
    match only[0].what if len(only) == 1 else None:
        case Defined("class", name, where):
            return Case(Made(name, None, where))
        case Symbol(name, Definition(is_class=True) as definition):
            return Case(Made(name, None, definition))
    return None


def annotated(resolver: Resolver, binding: Binding) -> Value:
    """The class that a parameter is annotated with, be it None as well."""
    node, at = _annotation(binding), binding.place.scope.place
    return NOTHING_KNOWN if node is None or at is None else resolver.value(node, at)


def _annotation(binding: Binding) -> cst.Name | cst.Attribute | None:
    """The name that a parameter is annotated with, which may be None as well."""
    written = binding.node.annotation if isinstance(binding.node, cst.Param) else None
    node = None if written is None else _without_none(written.annotation)
    return node if isinstance(node, (cst.Name, cst.Attribute)) else None


def _without_none(annotation: cst.BaseExpression) -> cst.BaseExpression:
    """`Config` of `Optional[Config]` and of `Config | None`."""
    match annotation:
        case cst.Subscript(value=value, slice=[cst.SubscriptElement(slice=cst.Index(value=inner))]):
            tail = (dotted_name(value) or "").rpartition(".")[2]
            return inner if tail == "Optional" else annotation
        case cst.BinaryOperation(left=left, operator=cst.BitOr(), right=cst.Name("None")):
            return left
    return annotation


def _takes_many(scope: Scope, binding: Binding) -> bool:
    """Reports whether it is *args or **kwargs."""
    params = scope.parameters
    assert params is not None
    return binding.node is params.star_arg or binding.node is params.star_kwarg


def _default(resolver: Resolver, binding: Binding) -> Value:
    scope = binding.place.scope
    if binding.value is None or binding.node is None or scope.place is None:
        return (Case(UNKNOWN),)
    origin = resolver.origin(f"the default of parameter {binding.name!r}", binding.node, scope)
    value = resolver.value(options.typer_default(binding.value), scope.place)
    return tuple(Case(one.what, ALWAYS, one.origin or origin) for one in value)


def callers(resolver: Resolver, scope: Scope) -> list[Call]:
    """The calls in this file that run a function (or make objects of its class)."""
    known = resolver.callers.get(scope)
    if known is None:
        resolver.callers[scope] = [], {NEVER_AGAIN: None}  # while they are looked for
        known = resolver.program.noting(lambda: _callers(resolver, scope))
        resolver.callers[scope] = known
    calls, questions = known
    resolver.program.asked |= questions
    return calls


def _callers(resolver: Resolver, scope: Scope) -> list[Call]:
    owner = scope.parent
    makes_objects = scope.name == "__init__" and owner is not None and owner.kind == "class"
    wanted = owner if makes_objects and owner is not None else scope
    return [
        call
        for call in resolver.program.calls_named(wanted.name)
        if any(
            isinstance(case.what, Defined) and case.what.where is wanted
            for case in resolver.value(call.node.func, call.place)
        )
    ]
