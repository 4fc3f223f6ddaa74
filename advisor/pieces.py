"""What unpacking, subscripts and iteration take out of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from .dictionaries import Entries, entries_of
from .nodes import Path, dotted_name, keyword_argument
from .scopes import Place
from .values import (
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Constant,
    Group,
    Known,
    Made,
    Number,
    Symbol,
    Text,
    Value,
    constant,
    known,
    under,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver


def part(resolver: Resolver, value: Value, path: Path) -> Value:
    """The piece of `value` that unpacking along `path` gives."""
    for step in path:
        value = item(resolver, value, known(step))
    return value


def elements(resolver: Resolver, value: Value) -> Value:
    """What iterating over `value` gives."""
    found: list[Case] = []
    for case in value:
        given = _elements(resolver, case)
        if given is None:
            return NOTHING_KNOWN
        found += given
    return united(found)


def _elements(resolver: Resolver, case: Case) -> list[Case] | None:
    """The elements of one case; None where nothing can be said of the whole value."""
    match case.what:
        case Group("list" | "tuple" | "set" | "generator", (node, place)):
            if isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):
                inner = place.scope.opened_by(node)
                if inner is None or inner.end is None:
                    return None
                return under(resolver.value(node.elt, inner.end), case.given)
            if any(isinstance(one, cst.StarredElement) for one in node.elements):
                return None
            return [
                found
                for one in node.elements
                for found in under(resolver.value(one.value, place), case.given)
            ]
        case Group("dict"):
            return None
        case Made("builtins.range"):
            return [Case(Number("int"), case.given)]
        case Made("builtins.enumerate", (node, place)) if node.args:
            return [Case(Made("enumerated", (node, place)), case.given)]
        case Made("builtins.zip", (node, place)) if node.args:
            return [Case(Made("zipped", (node, place)), case.given)]
        case Made("builtins.dict.items" | "builtins.dict.values" as name, (node, place)):
            entries = entries_of(resolver, node, place)
            if entries is None or entries.open:
                return None
            if name == "builtins.dict.values":
                return entries.all_cases()
            return [Case(Made("item pair", (node, place)), case.given)]
    return [Case(UNKNOWN, case.given)]


def subscript(resolver: Resolver, node: cst.Subscript, place: Place) -> Value:
    """`value[key]`; unknown for slices."""
    if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
        return NOTHING_KNOWN
    key = resolver.value(node.slice[0].slice.value, place)
    single = constant(key)
    if single is not None and dotted_name(node.value) is not None:
        entries = entries_of(resolver, node.value, place)
        if entries is not None:
            return united(entries.keys.get(str(single.value), ()))
    value = resolver.value(node.value, place)
    if single is None and any(isinstance(case.what, Group) for case in value):
        entries = entries_of(resolver, node.value, place)  # with what was stored since
        if entries is not None:
            return NOTHING_KNOWN if entries.open else united(entries.all_cases())
    return item(resolver, value, key)


def item(resolver: Resolver, value: Value, key: Value) -> Value:
    """`value[key]`, for what `value` and `key` are known to be."""
    if len(key) > 1 and all(isinstance(case.what, Known) for case in key):
        return united([found for one in key for found in item(resolver, value, (one,))])
    single = constant(key)
    step = single.value if single is not None else None
    found: list[Case] = []
    for case in value:
        given = _item(resolver, case, step)
        if given is None:
            return NOTHING_KNOWN
        found += given
    return united(found)


def _item(resolver: Resolver, case: Case, step: Constant) -> list[Case] | None:
    """One item of one case; None where nothing can be said of the whole value.

    A `step` of None stands for any.
    """
    match case.what:
        case Group("list" | "tuple", (node, place)) if isinstance(node, (cst.List, cst.Tuple)):
            n_elements = len(node.elements)
            plain = not any(isinstance(e, cst.StarredElement) for e in node.elements)
            if plain and isinstance(step, int) and -n_elements <= step < n_elements:
                return under(resolver.value(node.elements[step].value, place), case.given)
            return under(elements(resolver, (case,)), case.given)
        case Group("list", (node, place)) if isinstance(node, cst.ListComp):
            return [*elements(resolver, (case,))]
        case Group("dict", (node, place)):
            return _under_key(entries_of(resolver, node, place), case, step)
        case Made("enumerated", (node, place)):
            if step == 0:
                return [Case(Number("int"), case.given)]
            return [*elements(resolver, resolver.value(node.args[0].value, place))]
        case Made("zipped", (node, place)):
            if isinstance(step, int) and step < len(node.args):
                return [*elements(resolver, resolver.value(node.args[step].value, place))]
        case Made("prepared", (node, place)) if isinstance(step, int):
            if step < len(node.args) and not any(arg.star for arg in node.args):
                return under(resolver.value(node.args[step].value, place), case.given)
        case Made("made private", (node, place)) if step in (2, 3):  # behind a criterion or not
            loader = keyword_argument(node, "data_loader")
            if loader is not None:
                return under(resolver.value(loader, place), case.given)
        case Made("argparse parsed") if step == 0:
            return [Case(Made("argparse.Namespace"), case.given)]
        case Made("item pair", (node, place)):
            entries = entries_of(resolver, node, place)
            if step != 1 or entries is None:
                return [Case(Text(), case.given)]
            return entries.all_cases()
        case Made(name, where, within, path) if isinstance(step, (int, str)):
            made = Made(name, where, within, (*path, step))
            return [Case(made, case.given, case.origin)]
        case Symbol("os.environ"):
            return [Case(Text("", f"os.environ[{step!r}]"), case.given)]
    return [Case(UNKNOWN, case.given)]


def _under_key(entries: Entries | None, case: Case, step: Constant) -> list[Case] | None:
    if entries is None:
        return None
    if isinstance(step, str) and step in entries.keys:
        return under(entries.keys[step], case.given)
    if entries.open or step is not None:
        return [Case(UNKNOWN, case.given)]
    return entries.all_cases()
