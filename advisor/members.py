"""Attributes: what `object.name` gives, and where a class of this file has it from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from . import options
from .calling import returned
from .definitions import Definition, KeptLoader
from .nodes import callee_tail, decorators, dotted_name, keyword_argument
from .reaching import Reaching
from .scopes import Binding, Place, Scope, decorated
from .torch_api import LOADER, LOADERS, canonical
from .values import (
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Defined,
    Known,
    Made,
    Symbol,
    Text,
    Unknown,
    Value,
    consistent,
    under,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver

DEEPEST = 3  # attributes of a base elsewhere that lead to attributes


def attribute(resolver: Resolver, node: cst.Attribute, place: Place) -> Value:
    """The value of `object.name` where it stands."""
    dotted = dotted_name(node)
    before = _assigned_before(resolver, dotted, place) if dotted is not None else ()
    found = [c for one in before for c in under(resolver.bound(one.binding), one.given)]
    if any(not one.given for one in before):
        return united(found)
    base = dotted_name(node.value) or ""
    value = resolver.value(node.value, place)
    objects = [case for case in value if case.what != Known(None)]  # None has no attributes
    for case in objects or value:
        found += under(member(resolver, case, node.attr.value, base), case.given)
    return united(found)


def _assigned_before(resolver: Resolver, dotted: str, place: Place) -> Sequence[Reaching]:
    """Where a dotted name is assigned in the scope that reads it, before it is read."""
    scope: Scope | None = place.scope
    while scope is not None and scope.kind == "comprehension":
        place, scope = scope.place or place, scope.parent
    if scope is None:
        return ()
    if scope.kind == "module":
        bound = bool(resolver.program.module_bindings(dotted))
    else:
        bound = dotted in scope.bindings
    return (resolver.program.reaching(dotted, place) if bound else None) or ()


def member(resolver: Resolver, case: Case, name: str, base: str = "") -> Value:
    """The attribute `name` of one value, whose own dotted name is `base` where it has one."""
    match case.what:
        case Symbol(_, Definition() as definition):
            return definition.member(name) or NOTHING_KNOWN
        case Symbol(owner):
            found = resolver.outside(f"{owner}.{name}")
            if all(isinstance(one.what, Symbol) for one in found):
                return found
            setting = _setting(resolver, owner, name)
            return setting or (Case(Symbol(canonical(f"{owner}.{name}"))),)
        case Defined("class", _, scope):
            return _of_class(resolver, scope, name, of_object=False)
        case Made("argparse.Namespace", within=module) if module is not None:
            return module.option(name) or NOTHING_KNOWN
        case Made(_, _, Definition() as definition, ()):
            return (
                definition.member(name, of_object=True)
                or _loader_of(case.what, definition.kept_loader(name))
                or NOTHING_KNOWN
            )
        case Made("argparse.Namespace"):
            return options.argparse_default(resolver, name) or NOTHING_KNOWN
        case Made(maker, (call, at), None, ()) if maker in LOADERS:
            return _of_loader(resolver, call, at, name)
        case Made(_, _, Scope() as scope, ()):
            return _of_class(resolver, scope, name, of_object=True)
        case Unknown() | Text():
            if base and options.looks_like_options(base):
                default = options.argparse_default(resolver, name)
                if default is None and options.looks_like_command_line(base):
                    default = options.option_elsewhere(resolver, name)
                return default or NOTHING_KNOWN
    return NOTHING_KNOWN


def _loader_of(owner: Made, kept: KeptLoader | None) -> Value | None:
    """A loader that an object of another module's class keeps, where the object is made."""
    if kept is None or owner.where is None:
        return None
    return (Case(Made(LOADER, owner.where, kept)),)


def _setting(resolver: Resolver, module: str, name: str) -> Value | None:
    """The default that a module of the project gives to its constant.

    Whoever imports the module may set it, so only what is written like a constant counts,
    and a None keeps the place for what they set.
    """
    if not name.isupper() or resolver.imports is None:
        return None
    found = resolver.imports.setting(f"{module}.{name}")
    if found is None or any(case.what == Known(None) for case in found):
        return None
    return found


def _of_loader(resolver: Resolver, call: cst.Call, place: Place, name: str) -> Value:
    """What a loader keeps under the name of its argument."""
    given = keyword_argument(call, name)
    if given is not None:
        return resolver.value(given, place)
    first = call.args[0] if call.args else None
    if name == "dataset" and first is not None and first.keyword is None and not first.star:
        return resolver.value(first.value, place)
    return NOTHING_KNOWN


def _of_class(resolver: Resolver, scope: Scope, name: str, *, of_object: bool) -> Value:
    """An attribute of a class of this file, or of its object."""
    method = find_method(resolver, scope, name)
    if method is not None:
        if decorated(method, "property") or decorated(method, "cached_property"):
            return returned(resolver, method)
        if decorated(method, "setter") or decorated(method, "deleter"):
            return NOTHING_KNOWN  # of a property
        plain = decorated(method, "staticmethod")
        bound = (of_object and not plain) or decorated(method, "classmethod")
        return (Case(Defined("function", method.name, method, bound)),)
    assigned = assignments(resolver, scope, name)
    own = _in_class_body(resolver, scope, name)
    if not assigned:
        return own or _of_bases_elsewhere(resolver, scope, name, of_object=of_object)
    found: list[Case] = []
    for binding in assigned:
        given = consistent(binding.place.given)
        if given is not None:
            found += under(resolver.bound(binding), given)
    return united([*found, *own])


def _of_bases_elsewhere(resolver: Resolver, scope: Scope, name: str, *, of_object: bool) -> Value:
    """What the project's other modules give to a class that derives from theirs."""
    for one in definitions(resolver, scope):
        found = one.member(name, of_object=of_object)
        if found is None and of_object and one.scope is not None:
            found = _by_own_method(resolver, scope, one.module.resolver, one.scope, name)
        if found:
            return found
    return NOTHING_KNOWN


def _by_own_method(
    resolver: Resolver, scope: Scope, there: Resolver, base: Scope, name: str, depth: int = 0
) -> Value:
    """What a base elsewhere, read by `there`, has from a method of the class that derives from it.

    Such as `self.loader = self.make_loader()`, or a property that gives that.
    """
    method = find_method(there, base, name)
    given = [one.value for one in (assignments(there, base, name) if method is None else ())]
    if method is not None and decorated(method, "property"):
        given = [one.value for one in method.returns]
    found: list[Case] = []
    for node in given if depth < DEEPEST else ():
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name("self"), attr=cst.Name(called))):
                own = find_method(resolver, scope, called)
                found += returned(resolver, own) if own is not None else ()
            case cst.Attribute(value=cst.Name("self"), attr=cst.Name(held)):
                found += _by_own_method(resolver, scope, there, base, held, depth + 1)
    return united(found) if found else ()


def _in_class_body(resolver: Resolver, scope: Scope, name: str) -> Value:
    """The value that a class body gives to a name; a field's default counts as default.

    Empty where no class body gives one.
    """
    for one in lineage(resolver, scope):
        bindings = one.bindings.get(name)
        if not bindings or one.end is None:
            continue
        last = bindings[-1].value
        if callee_tail(last) in options.FIELDS:
            assert isinstance(last, cst.Call)
            value = options.field_default(resolver, last, bindings[-1].place)
        else:
            value = resolver.name(name, one.end)
        if not _has_fields(one):
            # a None keeps the place for what somebody sets on the class
            return tuple(Case(UNKNOWN, c.given) if c.what == Known(None) else c for c in value)
        node = bindings[-1].value or bindings[-1].node
        assert node is not None
        origin = resolver.origin(f"the default of field {name!r}", node, one)
        return tuple(Case(c.what, c.given, c.origin or origin) for c in value)
    return ()


def _has_fields(scope: Scope) -> bool:
    """Reports whether what a class body gives to names are defaults of its objects' fields."""
    if not isinstance(scope.node, cst.ClassDef):
        return False
    bases = (dotted_name(base.value) or "" for base in scope.node.bases)
    return any("dataclass" in one for one in decorators(scope.node)) or any(
        base.endswith(("BaseModel", "BaseSettings", "NamedTuple")) for base in bases
    )


def assignments(resolver: Resolver, scope: Scope, name: str) -> list[Binding]:
    """Every `self.name = …` in the methods of a class and its bases here."""
    return [
        binding
        for one in lineage(resolver, scope)
        for method in one.children
        if method.kind == "function" and method.first_parameter is not None
        for binding in method.bindings.get(f"{method.first_parameter}.{name}", ())
    ]


def find_method(resolver: Resolver, scope: Scope, name: str) -> Scope | None:
    """The method that objects of a class have under a name, if it stands in this file."""
    for one in lineage(resolver, scope):
        method = one.functions().get(name)
        if method is not None:
            return method
    return None


def lineage(resolver: Resolver, scope: Scope) -> list[Scope]:
    """A class and those of its bases that stand in this file, in order of look-up."""
    found = [scope]
    for one in found:
        for case in _bases(resolver, one):
            if isinstance(case.what, Defined) and case.what.where not in found:
                found.append(case.what.where)
    return [one for one in found if one.kind == "class"]


def outer_bases(resolver: Resolver, scope: Scope) -> list[str | None]:
    """The names of the bases outside this file; None for one that is unknown."""
    names: list[str | None] = []
    for one in lineage(resolver, scope):
        for case in _bases(resolver, one):
            if not isinstance(case.what, Defined):
                names.append(case.what.name if isinstance(case.what, Symbol) else None)
    return names


def definitions(resolver: Resolver, scope: Scope) -> list[Definition]:
    """The classes of the project's other modules that a class derives from."""
    return [
        case.what.definition
        for one in lineage(resolver, scope)
        for case in _bases(resolver, one)
        if isinstance(case.what, Symbol) and case.what.definition is not None
    ]


def mixins(resolver: Resolver, scope: Scope) -> set[str]:
    """The bases in the project's other modules that add no __init__, and derive from nothing."""
    found = set()
    for one in lineage(resolver, scope):
        for case in _bases(resolver, one):
            if isinstance(case.what, Symbol) and case.what.definition is not None:
                there = case.what.definition.scope
                plain = there is not None and isinstance(there.node, cst.ClassDef)
                if plain and not there.node.bases and "__init__" not in there.bindings:
                    found.add(case.what.name)
    return found


def _bases(resolver: Resolver, scope: Scope) -> Iterator[Case]:
    """What stands in the parentheses of one class."""
    if not isinstance(scope.node, cst.ClassDef) or scope.place is None:
        return
    for base in scope.node.bases:
        node = base.value
        if isinstance(node, cst.Subscript):  # Dataset[int]
            node = node.value
        yield from resolver.value(node, scope.place)
