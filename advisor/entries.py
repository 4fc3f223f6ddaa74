"""Which entry of a dictionary gives an argument its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

import libcst as cst

from .following import (
    CannotFollow,
    Trail,
    assigned,
    only_binding,
    refuse_other_attributes,
    several,
    short,
    text_of,
)
from .mentions import Mention, mentions_of_name
from .model import Argument
from .nodes import dotted_name
from .scopes import Place, Scope
from .values import Group


@dataclass(frozen=True)
class Entry:
    """An entry of a dictionary display or of a call of `dict`.

    `siblings` are all entries as if they were the arguments of a call that ends at
    `closing`; None where the entry is set by a statement of its own.
    """

    value: cst.BaseExpression
    place: Place
    index: int = 0
    siblings: tuple[Argument, ...] | None = None
    closing: int = 0


def only_entry(trail: Trail, node: cst.BaseExpression, place: Place, key: str) -> Entry:
    found = list(_entries(trail, node, place, key))
    if len(found) == 1:
        return found[0]
    if not found:
        code = short(place.scope.tree.code(node))
        raise CannotFollow(f"comes from {code}, which cannot be followed to where it is set")
    lines = sorted({trail.line(one.value, one.place.scope) for one in found})
    raise CannotFollow(f"has {several(lines)}")


def _entries(trail: Trail, node: cst.BaseExpression, place: Place, key: str) -> Iterator[Entry]:
    """Everything that gives a dictionary the key."""
    match node:
        case cst.Dict():
            yield from _of_display(trail, node, place, key)
        case cst.Call() if dotted_name(node.func) == "dict":
            yield from _of_call(trail, node, place, key)
        case cst.Name():
            yield from _of_name(trail, node, place, key)
        case _:
            trail = trail.over(node)
            for case in trail.resolver.value(node, place):
                match case.what:
                    case Group(where=(cst.Dict() | cst.Call() as made, Place() as at)):
                        if isinstance(node, cst.Attribute):
                            shown = dotted_name(node) or node.attr.value
                            refuse_other_attributes(trail, node, shown)
                        yield from _entries(trail, made, at, key)
                    case _:
                        _refuse_dictionary(trail, node, place)


def _refuse_dictionary(trail: Trail, node: cst.BaseExpression, place: Place) -> NoReturn:
    line = trail.line(node, place.scope)
    code = short(place.scope.tree.code(node))
    raise CannotFollow(f"comes from {code} on line {line}, which is no dictionary of this file")


def _of_display(trail: Trail, node: cst.Dict, place: Place, key: str) -> Iterator[Entry]:
    siblings = tuple(_as_argument(trail, one, place) for one in node.elements)
    closing = siblings[-1].after if siblings else 0
    for index, element in enumerate(node.elements):
        if isinstance(element, cst.StarredDictElement):
            yield from _entries(trail, element.value, place, key)
        elif isinstance(element, cst.DictElement) and text_of(element.key) == key:
            end = trail.resolver.program.next_code(closing)
            yield Entry(element.value, place, index, siblings, end)


def _of_call(trail: Trail, node: cst.Call, place: Place, key: str) -> Iterator[Entry]:
    siblings = tuple(_as_argument(trail, one, place) for one in node.args)
    closing = siblings[-1].after if siblings else 0
    for index, arg in enumerate(node.args):
        if arg.keyword is None:
            yield from _entries(trail, arg.value, place, key)
        elif arg.keyword.value == key:
            end = trail.resolver.program.next_code(closing)
            yield Entry(arg.value, place, index, siblings, end)


def _as_argument(trail: Trail, element: cst.BaseDictElement | cst.Arg, place: Place) -> Argument:
    """An entry in the terms of a call, so that it is taken out in the same way."""
    program = trail.resolver.program
    value = program.span(element.value, place.scope)
    whole = program.span(element, place.scope).to(value)
    has_comma = isinstance(element.comma, cst.Comma)
    behind = program.behind(whole).behind(1) if has_comma else whole.behind()
    return Argument("", value, whole, behind, (), "")


def _of_name(trail: Trail, node: cst.Name, place: Place, key: str) -> Iterator[Entry]:
    name = node.value
    program = trail.resolver.program
    reaching = program.reaching(name, place)
    if not reaching:
        raise CannotFollow(f"comes from {name}, which this file does not set")
    binding = only_binding(trail, name, reaching)
    trail = trail.over(node)
    scope = binding.place.scope
    others = (
        one for one in mentions_of_name(program, scope, name) if not _about_other_key(one, key)
    )
    line = trail.used_elsewhere(others)
    if line is not None:
        raise CannotFollow(f"comes from {name}, which is used on line {line} as well")
    yield from _entries(trail, assigned(trail, name, binding), binding.place, key)
    for frame in program.frame(scope):
        yield from _set_later(trail, frame, name, key)


def _about_other_key(mention: Mention, key: str) -> bool:
    """Reports whether `d` stands in `d["other"]`, or in a call that `_set_later` reads."""
    parent, above = mention.parent, mention.above
    if isinstance(parent, cst.Subscript) and parent.value is mention.node:
        match parent.slice:
            case [cst.SubscriptElement(slice=cst.Index(value=index))]:
                text = text_of(index)
                return text is not None and text != key
    if isinstance(parent, cst.Attribute) and isinstance(above, cst.Call) and above.func is parent:
        if parent.attr.value in ("update", "setdefault", "pop"):
            return True
        if parent.attr.value == "get" and above.args:
            text = text_of(above.args[0].value)
            return text is not None and text != key
    return False


def _set_later(trail: Trail, scope: Scope, name: str, key: str) -> Iterator[Entry]:
    for store in scope.stores:
        target = store.target
        if isinstance(target, cst.Subscript) and dotted_name(target.value) == name:
            match target.slice:
                case [cst.SubscriptElement(slice=cst.Index(value=index))]:
                    if text_of(index) == key and store.value is not None:
                        yield Entry(store.value, store.place)
    for call in scope.calls:
        func = call.node.func
        if not isinstance(func, cst.Attribute) or dotted_name(func.value) != name:
            continue
        if func.attr.value == "update":
            for one in _of_call(trail, call.node, call.place, key):
                yield replace(one, siblings=None)
        elif (
            func.attr.value in ("setdefault", "pop")
            and call.node.args
            and text_of(call.node.args[0].value) == key
        ):
            line = trail.line(call.node, call.place.scope)
            raise CannotFollow(f"is changed by {name}.{func.attr.value}() on line {line}")
