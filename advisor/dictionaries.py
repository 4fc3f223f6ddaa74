"""Which keys a dictionary of this file has at a place, and what stands under them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import libcst as cst

from .definitions import OutsideDictionary
from .nodes import dotted_name
from .reaching import AT_THE_END, Order, Reaching
from .scopes import Binding, Place, Scope
from .values import (
    ABSENT,
    ALWAYS,
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Given,
    Group,
    Symbol,
    Text,
    Value,
    consistent,
    constant,
    known,
    under,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver

# A change in a function that runs after the module: behind all changes at the left margin.
_IN_A_FUNCTION = 1 << 29


@dataclass
class Entries:
    """A dictionary's keys, each with its cases; `open` where there may be more."""

    keys: dict[str, list[Case]] = field(default_factory=dict)
    open: bool = False

    def under(self, key: str) -> list[Case]:
        """What stands under a key: absent, or unknown, where none is known to."""
        return self.keys.get(key, [Case(UNKNOWN if self.open else ABSENT)])

    def all_cases(self) -> list[Case]:
        """What stands under any of the keys."""
        return [case for cases in self.keys.values() for case in cases]

    def forget(self) -> None:
        """Any key may have got any value."""
        self.open = True
        self.keys = {key: [Case(UNKNOWN)] for key in self.keys}

    def add(self, other: Entries) -> None:
        """Take over the keys of another dictionary."""
        self.keys |= other.keys
        self.open = self.open or other.open


def entries_of(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Entries | None:
    """The keys of a dictionary at `place`; None where it is no dictionary of this file."""
    if not isinstance(node, cst.Name):
        return entries_of_value(resolver, resolver.value(node, place))
    several: list[tuple[Entries, Given]] = []
    for one in resolver.program.reaching(node.value, place) or ():
        entries = _entries_after(resolver, one, node.value, place)
        if entries is None:
            return None
        several.append((entries, one.given))
    if len(several) == 1:
        return several[0][0]  # whatever it depends on holds where the name is read
    return _merged(several) if several else None


def entries_of_value(resolver: Resolver, value: Value) -> Entries | None:
    """The keys of dictionaries written out in this file, or made by a function of another one."""
    several: list[tuple[Entries, Given]] = []
    for case in value:
        if not isinstance(case.what, Group) or case.what.kind != "dict" or not case.what.where:
            return None
        where = case.what.where
        if isinstance(where, OutsideDictionary):
            entries = where.entries()
        else:
            entries = _written_out(resolver, *where)
        if entries is None:
            return None
        several.append((entries, case.given))
    return _merged(several)


def as_named(value: Value, node: cst.BaseExpression, place: Place) -> Value:
    """A value with its dictionaries as they are where `node` names them, changed since made."""
    if not isinstance(node, cst.Name):
        return value
    return tuple(
        replace(case, what=Group("dict", (node, place)))
        if isinstance(case.what, Group) and case.what.kind == "dict"
        else case
        for case in value
    )


def _merged(several: Iterable[tuple[Entries, Given]]) -> Entries:
    """One of several dictionaries, each under its conditions."""
    several = list(several)
    merged = Entries(open=any(entries.open for entries, _ in several))
    for key in dict.fromkeys(key for entries, _ in several for key in entries.keys):
        merged.keys[key] = [
            case for entries, given in several for case in under(entries.under(key), given)
        ]
    return merged


def _written_out(resolver: Resolver, node: cst.CSTNode, place: Place) -> Entries | None:
    """The keys of `{…}` and `dict(…)`; None for a comprehension."""
    if isinstance(node, cst.Name):
        return entries_of(resolver, node, place)
    if isinstance(node, cst.Call):
        return _of_call(resolver, node, place)
    if not isinstance(node, cst.Dict):
        return None
    entries = Entries()
    for element in node.elements:
        if isinstance(element, cst.DictElement):
            key = constant(resolver.value(element.key, place))
            if key is None:
                entries.open = True
            else:
                entries.keys[str(key.value)] = list(resolver.value(element.value, place))
        else:
            other = entries_of(resolver, element.value, place)
            if other is None:
                entries.forget()
            else:
                entries.add(other)
    return entries


def _of_call(resolver: Resolver, node: cst.Call, place: Place) -> Entries:
    entries = Entries()
    for arg in node.args:
        if arg.keyword is not None:
            entries.keys[arg.keyword.value] = list(resolver.value(arg.value, place))
            continue
        other = entries_of(resolver, arg.value, place)
        if other is None:
            entries.open = True
        else:
            entries.add(other)
    return entries


# Changes between a dictionary's making and the place where it is read


@dataclass(frozen=True)
class _Change:
    """A statement that may change a dictionary: `d[key] = value`, `d.update(…)`.

    `value` is None for a call, and for `del d[key]`.
    """

    order: Order
    place: Place
    node: cst.Subscript | cst.Call
    value: cst.BaseExpression | None = None


def _entries_after(
    resolver: Resolver, reaching: Reaching, name: str, place: Place
) -> Entries | None:
    """The keys that one binding of `name` gives, with what has changed until `place`."""
    binding = reaching.binding
    if binding.kind == "assign" and isinstance(binding.value, cst.Name) and not binding.path:
        entries = entries_of(resolver, binding.value, binding.place)
    else:
        entries = entries_of_value(resolver, resolver.bound(binding))
    if entries is not None:
        _apply_changes(resolver, entries, binding, place)
    return entries


def _apply_changes(resolver: Resolver, entries: Entries, binding: Binding, place: Place) -> None:
    in_order = resolver.program.in_order
    scope = binding.place.scope
    same = scope is place.scope or (scope.kind == "module" and place.scope.kind == "module")
    frame = resolver.program.frame(scope)
    changes = [one for inner in frame for one in _changes_in(resolver, inner, binding.name)]
    if scope.kind == "module" and not same:
        # a module's dictionary may also be changed inside any function
        for change in _changes_in_functions(resolver, binding.name):
            if change.place.scope is place.scope and change.place.order < place.order:
                changes.append(change)
            else:
                entries.open = True
    changes.sort(key=lambda change: change.order)
    start = in_order(binding.place)
    end = in_order(place) if same else AT_THE_END
    context = place.given if same else ALWAYS
    for change in changes:
        if start < change.order < end:
            _apply(resolver, entries, change, context)


def _changes_in(resolver: Resolver, scope: Scope, name: str) -> Iterator[_Change]:
    """What may change the dictionary `name` in the scope that binds it."""
    in_order = resolver.program.in_order
    for store in scope.stores:
        if isinstance(store.target, cst.Subscript) and dotted_name(store.target.value) == name:
            yield _Change(in_order(store.place), store.place, store.target, store.value)
    for call in scope.calls:
        func = call.node.func
        if isinstance(func, cst.Attribute) and dotted_name(func.value) == name:
            yield _Change(in_order(call.place), call.place, call.node)


def _changes_in_functions(resolver: Resolver, name: str) -> Iterator[_Change]:
    """The items that functions give to a dictionary of the module."""
    for scope in resolver.program.scopes():
        if scope.kind == "function" and name not in scope.bindings:
            for store in scope.stores:
                target = store.target
                if isinstance(target, cst.Subscript) and dotted_name(target.value) == name:
                    order = (_IN_A_FUNCTION, store.place.order)
                    yield _Change(order, store.place, target, store.value)


def _apply(resolver: Resolver, entries: Entries, change: _Change, context: Given) -> None:
    """What one change makes of the keys, where `context` holds."""
    extra = change.place.given - context
    if consistent(extra, context) is None:
        return
    new = _keys_set(resolver, entries, change)
    if new is None:
        entries.forget()
        return
    for key, cases in new.items():
        if not extra:
            entries.keys[key] = list(cases)
            continue
        old = entries.under(key)
        if len(extra) == 1:
            [(condition, holds)] = extra
            old = under(old, frozenset({(condition, not holds)}))
        entries.keys[key] = [*under(cases, extra), *old]


def _keys_set(
    resolver: Resolver, entries: Entries, change: _Change
) -> dict[str, list[Case]] | None:
    """The keys that one statement sets; None where it cannot be told."""
    node, place = change.node, change.place
    if isinstance(node, cst.Call):
        return _keys_set_by_call(resolver, entries, node, place)
    if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
        return None
    key = constant(resolver.value(node.slice[0].slice.value, place))
    if key is None:
        return None
    if change.value is None:
        return {str(key.value): [Case(ABSENT)]}
    return {str(key.value): list(resolver.value(change.value, place))}


def _keys_set_by_call(
    resolver: Resolver, entries: Entries, node: cst.Call, place: Place
) -> dict[str, list[Case]] | None:
    assert isinstance(node.func, cst.Attribute)
    method = node.func.attr.value
    if method == "update":
        given = Entries()
        for arg in node.args:
            if arg.keyword is not None:
                given.keys[arg.keyword.value] = list(resolver.value(arg.value, place))
                continue
            other = entries_of(resolver, arg.value, place)
            if other is None or other.open:
                return None
            given.add(other)
        return given.keys
    if method in ("pop", "setdefault") and node.args:
        key = constant(resolver.value(node.args[0].value, place))
        if key is None:
            return None
        text = str(key.value)
        if method == "pop":
            return {text: [Case(ABSENT)]}
        if text in entries.keys:
            return {}
        if len(node.args) == 1:
            return None
        return {text: list(resolver.value(node.args[1].value, place))}
    return None if method in ("clear", "popitem", "__setitem__") else {}


# Reading


def entry_or_default(
    resolver: Resolver, node: cst.Call, mapping: cst.BaseExpression, place: Place
) -> Value | None:
    """What `mapping.get(key, default)` gives, and `pop`; None where the key is not known."""
    key = constant(resolver.value(node.args[0].value, place))
    if key is None:
        return None
    for case in resolver.value(mapping, place):
        if case.what == Symbol("os.environ"):
            return (Case(Text("", f"os.environ.get({key.value!r})")),)
    entries = entries_of(resolver, mapping, place)
    default = resolver.value(node.args[1].value, place) if len(node.args) > 1 else known(None)
    if entries is not None:
        cases = entries.keys.get(str(key.value))
        if cases is not None:
            return united(c for one in cases for c in (default if one.what == ABSENT else (one,)))
        if not entries.open:
            return default
    is_filled = any(isinstance(case.what, Group) for case in default)  # by whoever gives it
    if len(node.args) < 2 or dotted_name(mapping) is None or is_filled:
        return NOTHING_KNOWN
    words = f"the default for {key.value!r}"
    origin = resolver.origin(words, node.args[1].value, place.scope)
    return tuple(Case(c.what, c.given, c.origin or origin) for c in default)
