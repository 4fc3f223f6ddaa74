"""Which literal of a file gives an argument of a loader its value.

Stricter than what rules ask: the literal must be the only source of the value, and give it
to nobody else, so that a change to it changes this loader and nothing besides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from . import options
from .arguments import argument_node
from .calls import ReadCall
from .entries import Entry, only_entry
from .following import (
    CannotFollow,
    Trail,
    assigned,
    lines_of,
    only_binding,
    refuse_other_attributes,
    refuse_other_uses,
    several,
    short,
    text_of,
)
from .members import assignments, find_method, lineage
from .model import Argument
from .nodes import callee_tail, dotted_name, keyword_argument
from .parameters import callers
from .reaching import Reaching
from .resolve import Resolver
from .scopes import Binding, Place
from .text import Span
from .values import Origin, Unknown


@dataclass(frozen=True)
class Literal:
    """Where the value is written; `option` names the command line's default that it is."""

    span: Span
    option: str | None = None


def literal_of(resolver: Resolver, call: ReadCall, argument: Argument) -> Literal:
    """The literal that gives the argument its value; CannotFollow says why there is none."""
    trail = Trail(resolver, call)
    node, place = _written(trail, argument)
    if argument.splatted:
        entry = only_entry(trail, node, place, argument.name)
        return _follow(trail, entry.value, entry.place)
    return _follow(trail, node, place)


def entry_of(resolver: Resolver, call: ReadCall, argument: Argument) -> Entry:
    """The entry of the dictionary behind `**` that gives the argument."""
    trail = Trail(resolver, call)
    node, place = _written(trail, argument)
    return only_entry(trail, node, place, argument.name)


def _written(trail: Trail, argument: Argument) -> tuple[cst.BaseExpression, Place]:
    call = trail.call.call
    for arg in call.node.args:
        if trail.resolver.program.span(arg.value, call.place.scope) == argument.span:
            return arg.value, call.place
    raise CannotFollow("is given by functools.partial")


def _follow(trail: Trail, node: cst.BaseExpression, place: Place) -> Literal:
    if _is_literal(node):
        return Literal(trail.resolver.program.span(node, place.scope))
    match node:
        case cst.Name():
            return _name(trail, node, place)
        case cst.Attribute():
            return _attribute(trail, node, place)
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            text = text_of(key)
            if text is not None:
                entry = only_entry(trail.over(node), node.value, place, text)
                return _follow(trail, entry.value, entry.place)
        case cst.Call(args=[cst.Arg(star="", keyword=None, value=inner)]):
            named = isinstance(inner, (cst.Name, cst.Attribute, cst.Subscript))
            if named and dotted_name(node.func) == "int":
                return _follow(trail, inner, place)
        case cst.NamedExpr():
            return _follow(trail, node.value, place)
    code = place.scope.tree.code(node)
    line = trail.line(node, place.scope)
    raise CannotFollow(f"is computed when the program runs ({short(code)} on line {line})")


def _is_literal(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Name):
        return node.value in ("None", "True", "False")
    return isinstance(node, cst.Integer)


# Names


def _name(trail: Trail, node: cst.Name, place: Place) -> Literal:
    name = node.value
    reaching = trail.resolver.program.reaching(name, place)
    if not reaching:
        raise CannotFollow(f"is {name}, which this file does not set")
    binding = only_binding(trail, name, reaching)
    trail = trail.over(node)
    if binding.kind == "parameter":
        return _parameter(trail, binding)
    value = assigned(trail, name, binding)
    refuse_other_uses(trail, name, binding)
    return _follow(trail, value, binding.place)


def _parameter(trail: Trail, binding: Binding) -> Literal:
    resolver, name, scope = trail.resolver, binding.name, binding.place.scope
    clicked = options.click_default(resolver, scope, name)
    if clicked is not None and clicked[0].origin is not None and scope.place is not None:
        return _option(trail, clicked[0].origin, scope.place)
    function = scope.name if scope.kind == "function" else "a lambda"
    if function == "__init__" and scope.parent is not None:
        function = scope.parent.name
    if scope.parameters is None or scope.kind == "lambda":
        raise CannotFollow(f"is {name}, a parameter of {function}")
    calls = callers(resolver, scope)
    given = [(call, argument_node(call.node, scope, name)) for call in calls]
    sources = [(call, node) for call, node in given if node is not None]
    refuse_other_uses(trail, name, binding)
    if not sources:
        if binding.value is None or scope.place is None:
            raise CannotFollow(f"is {name}, which callers of {function} give in other files")
        default = options.typer_default(binding.value)
        assert isinstance(default, cst.BaseExpression)
        return _follow(trail, default, scope.place)
    if len(given) > 1:
        lines = sorted(trail.line(call.node, call.place.scope) for call, _ in given)
        shown = " and ".join(map(str, lines))
        raise CannotFollow(f"is {name}, and {function} is called several times (lines {shown})")
    [(call, node)] = sources
    if isinstance(node, Unknown):
        line = trail.line(call.node, call.place.scope)
        raise CannotFollow(f"is {name}, which a * or ** on line {line} may give")
    return _follow(trail, node, call.place)


# Attributes


def _attribute(trail: Trail, node: cst.Attribute, place: Place) -> Literal:
    resolver = trail.resolver
    dotted = dotted_name(node)
    shown = dotted or short(place.scope.tree.code(node))
    trail = trail.over(node)
    found = _assigned_here(resolver, dotted, place) if dotted else []
    if not found:
        found = _of_self(trail, node, place)
    if found:
        if len(found) > 1:
            raise CannotFollow(f"is {shown}, which has {several(lines_of(trail, found))}")
        value = assigned(trail, shown, found[0].binding)
        refuse_other_attributes(trail, node, shown)
        return _follow(trail, value, found[0].binding.place)
    value_of = resolver.value(node, place)
    origin = value_of[0].origin
    if len(value_of) > 1:
        raise CannotFollow(f"is {shown}, which has several possible values")
    if origin is None:
        raise CannotFollow(f"is {shown}, which cannot be followed to where it is set")
    if isinstance(origin.node, cst.Call) and callee_tail(origin.node) == "add_argument":
        for call in resolver.program.calls_named("add_argument"):
            if call.node is origin.node:
                return _option(trail, origin, call.place)
    if origin.file:
        raise CannotFollow(f"is {shown}, {origin.words}, and only this file is written")
    default = options.typer_default(origin.node)
    if not _is_literal(default):
        raise CannotFollow(f"is {shown}, {origin.label}, which is no literal")
    refuse_other_attributes(trail, node, shown)
    return Literal(origin.locate(default)[0])


def _assigned_here(resolver: Resolver, dotted: str, place: Place) -> list[Reaching]:
    """What assigns a dotted name in the scope that reads it."""
    scope = place.scope
    if scope.kind == "module":
        bound = bool(resolver.program.module_bindings(dotted))
    else:
        bound = dotted in scope.bindings
    return (resolver.program.reaching(dotted, place) or []) if bound else []


def _of_self(trail: Trail, node: cst.Attribute, place: Place) -> list[Reaching]:
    """What assigns `self.name` in the methods or the body of the class around the call."""
    method = place.scope.enclosing("function")
    owner = method.parent if method is not None else None
    if method is None or owner is None or owner.kind != "class":
        return []
    if dotted_name(node.value) != method.first_parameter:
        return []
    name = node.attr.value
    if find_method(trail.resolver, owner, name) is not None:
        raise CannotFollow(f"is self.{name}, which a property computes")
    found = assignments(trail.resolver, owner, name)
    for one in lineage(trail.resolver, owner):
        found += one.bindings.get(name, [])
    return [Reaching(binding, frozenset()) for binding in found]


def _option(trail: Trail, origin: Origin, place: Place) -> Literal:
    """The default of an option of the command line, which may be used anywhere."""
    default = keyword_argument(origin.node, "default")
    option = origin.label.removeprefix("the default of ")
    if default is None:
        raise CannotFollow(f"is the switch {option}, which has no default to change")
    if isinstance(default, cst.SimpleString):  # which argparse converts
        return Literal(trail.resolver.program.span(default, place.scope), option)
    return replace(_follow(trail, default, place), option=option)
