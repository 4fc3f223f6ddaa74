"""Which loader class a call constructs, and what that class takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import libcst as cst

from .definitions import Definition
from .members import definitions, lineage, outer_bases
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Binding, Call, Place, Scope
from .torch_api import LOADERS, family
from .values import Case, Defined, Made, Symbol


def loader_names(resolver: Resolver) -> frozenset[str]:
    """The names under which a loader class can be called in this file."""
    names = {name.rpartition(".")[2] for name in LOADERS}
    others = [alias for root in resolver.program.roots for alias in _aliases(root)]
    while grown := {name for name, source in others if source in names} - names:
        names |= grown
    return frozenset(names)


_ALIASES: WeakKeyDictionary[Scope, tuple[tuple[str, str], ...]] = WeakKeyDictionary()


def _aliases(root: Scope) -> tuple[tuple[str, str], ...]:
    """The names bound in a block, each with one that it may stand for: the last parts of both."""
    found = _ALIASES.get(root)
    if found is None:
        found = _ALIASES[root] = tuple(
            (binding.name.rpartition(".")[2], source)
            for scope in root.inside
            for bindings in scope.bindings.values()
            for binding in bindings
            for source in _sources(binding)
        )
    return found


def _sources(binding: Binding) -> Iterator[str]:
    if binding.target:
        name = binding.target.rpartition(".")[2]
        yield "DataLoader" if name.endswith("DataLoader") else name
    elif binding.defined is not None and isinstance(binding.defined.node, cst.ClassDef):
        for base in binding.defined.node.bases:
            yield from _tails(base.value)
    else:
        yield from _tails(binding.value)


def _tails(value: cst.CSTNode | None) -> Iterator[str]:
    if isinstance(value, cst.IfExp):
        yield from _tails(value.body)
        yield from _tails(value.orelse)
    elif isinstance(value, cst.Call) and callee_tail(value) == "partial" and value.args:
        yield from _tails(value.args[0].value)
    elif (dotted := dotted_name(value)) is not None:
        yield dotted.rpartition(".")[2]


@dataclass(frozen=True)
class LoaderClass:
    """The class that is called: its family, its parameters, and partial's arguments.

    `takes_more` says that not all of its parameters are told here.
    """

    family: str
    name: str
    positional: tuple[str, ...]
    added: frozenset[str]
    takes_more: bool = False
    subclass: bool = False
    partial: tuple[cst.Call, Place] | None = None
    prefix: str = ""  # of the names of torch's parameters


def loader_class(resolver: Resolver, call: Call) -> LoaderClass | None:
    """The class that a call constructs; None unless it is a loader class in every case."""
    found = [_one_class(resolver, case) for case in resolver.value(call.node.func, call.place)]
    classes = [one for one in found if one is not None]
    if not classes or len(classes) < len(found) or _is_fastais(resolver, call):
        return None
    first = classes[0]
    if any(one.positional != first.positional for one in classes):
        return None
    return replace(first, subclass=any(one.subclass for one in classes))


# Binds fastai's own DataLoader, whose arguments are others (read in fastai 2.8.12).
_ALL_OF_FASTAI = re.compile(r"^from fastai\.(?:\w+\.)*(?:all|basics) import \*", re.MULTILINE)


def _is_fastais(resolver: Resolver, call: Call) -> bool:
    """Reports whether `from fastai.vision.all import *` comes after the import of the class."""
    source = resolver.program.source
    if not source.tells("fastai") or not isinstance(call.node.func, cst.Name):
        return False
    stars = [match.start() for match in _ALL_OF_FASTAI.finditer(source.whole)]
    reaching = resolver.program.reaching(call.node.func.value, call.place) or ()
    return any(
        one.binding.kind == "import"
        and one.binding.name == "DataLoader"
        and one.binding.node is not None
        and resolver.program.span(one.binding.node, one.binding.place.scope).start < star
        for one in reaching
        for star in stars
    )


def _one_class(resolver: Resolver, case: Case) -> LoaderClass | None:
    match case.what:
        case Symbol(name) if name in LOADERS:
            return _of_torch(name, name.rpartition(".")[2])
        case Symbol(_, Definition() as definition):
            return definition.loader_class()
        case Defined("class", _, scope):
            return subclass(resolver, scope)
        case Made("functools.partial", (made, at, *_)) if made.args:
            for inner in resolver.value(made.args[0].value, at):
                found = _one_class(resolver, inner)
                if found is not None and found.partial is None:
                    return replace(found, partial=(made, at))
    return None


def _of_torch(base: str, name: str) -> LoaderClass:
    positional, added = LOADERS[base]
    return LoaderClass(family(base), name, positional, added, family(base) == "graph")


def subclass(resolver: Resolver, scope: Scope) -> LoaderClass | None:
    """A class of this file, if it hands all its arguments to a loader class."""
    bases = outer_bases(resolver, scope)
    loaders = [_of_torch(one, scope.name) for one in bases if one is not None and one in LOADERS]
    elsewhere = (one.loader_class() for one in definitions(resolver, scope))
    loaders += [one for one in elsewhere if one is not None]
    if len(loaders) != 1 or None in bases:
        return None
    for one in lineage(resolver, scope):
        init = one.functions().get("__init__")
        if init is not None and not _forwards_everything(init):
            return None
    return replace(loaders[0], name=scope.name, subclass=True)


def _forwards_everything(init: Scope) -> bool:
    """Reports whether __init__ hands *args and **kwargs on as they came."""
    params = init.parameters
    assert params is not None
    if not isinstance(params.star_arg, cst.Param) or params.star_kwarg is None:
        return False
    if len([*params.posonly_params, *params.params]) != 1 or params.kwonly_params:
        return False
    star, kwargs = params.star_arg.name.value, params.star_kwarg.name.value
    if any(dotted_name(store.target.value) == kwargs for store in init.stores):
        return False
    for call in init.calls:
        func = call.node.func
        if isinstance(func, cst.Attribute) and dotted_name(func.value) == kwargs:
            return False
        if isinstance(func, cst.Attribute) and func.attr.value == "__init__":
            given = [(arg.star, dotted_name(arg.value)) for arg in call.node.args]
            if given != [("*", star), ("**", kwargs)]:
                return False
    return True
