"""Functions and classes of the project that hand a number of workers on to their loader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import libcst as cst

from .arguments import is_as_given, positional_names
from .calls import ReadCall, read_call
from .classes import Classes
from .definitions import Definition
from .interest import hands_workers
from .loader_classes import LoaderClass
from .members import assignments, outer_bases
from .model import LoaderCall
from .nodes import callee_tail, dotted_name, every_node, keyword_argument
from .resolve import Resolver
from .scopes import Call, Scope
from .torch_api import LOADERS
from .values import Defined, Symbol, What

COUNT = "num_workers"
_WANTING = re.compile(r"[Ll]oader")  # what is called so may be given workers by position


def handed_workers(
    resolver: Resolver, classes: Classes, calls: Iterable[ReadCall]
) -> tuple[LoaderCall, ...]:
    """The calls that give a number of workers to somebody else's loader; only that is known.

    What a loader of this file gets from its callers by name is seen where that loader is made.
    """
    if not resolver.program.source.tells(hands_workers):
        return ()
    calls = tuple(calls)
    own = {id(one.call.node) for one in calls}
    resolver.program.read_where(rf"\b{COUNT}\s*=", COUNT)
    found = []
    for call in [call for root in resolver.program.roots for call in _counting(root)]:
        made = resolver.value(call.node.func, call.place) if id(call.node) not in own else ()
        positional = _taken(resolver, calls, made[0].what) if len(made) == 1 else None
        if positional is not None:
            name = callee_tail(call.node) or ""
            kind = LoaderClass(
                "torch", name, positional, frozenset(), takes_more=True, subclass=True
            )
            fact = read_call(resolver, classes, call, kind)
            if COUNT in fact.arguments:
                only = {COUNT: fact.arguments[COUNT]}
                found.append(replace(fact, arguments=only, hidden=True))
    return tuple(found)


def _counting(root: Scope) -> Iterator[Call]:
    """The calls in a block that may give a number of workers."""
    yield from root.calls_by_keyword.get(COUNT, ())
    for tail, calls in root.calls_by_tail.items():
        if tail is not None and _WANTING.search(tail):
            yield from (one for one in calls if keyword_argument(one.node, COUNT) is None)


def _taken(resolver: Resolver, calls: Iterable[ReadCall], what: What) -> tuple[str, ...] | None:
    """What a function or class takes by position, where it hands the number of workers on.

    None where it does not; all names but that one are empty.
    """
    match what:
        case Symbol(_, Definition(scope=Scope() as scope) as definition):
            return _positional(scope) if definition.hands_on(COUNT) else None
        case Defined("function", _, Scope() as scope):
            return () if _hands_on_rest(calls, scope, COUNT) else None
        case Defined("class", _, Scope() as scope):
            return _positional(scope) if _gives_its_base(resolver, scope, COUNT) else None
    return None


def _positional(scope: Scope) -> tuple[str, ...]:
    function = scope.functions().get("__init__") if scope.kind == "class" else scope
    names = positional_names(function) if function is not None else ()
    return tuple(one if one == COUNT else "" for one in names)


def hands_on(resolver: Resolver, calls: Iterable[ReadCall], scope: Scope, name: str) -> bool:
    """Reports whether what a function, or a class, is given under a name is a loader's as it is."""
    calls = tuple(calls)
    if scope.kind == "class":
        init = scope.functions().get("__init__")
        kept = (
            init is not None
            and _is_kept(resolver, scope, init, one.fact.arguments[name].code, name)
            for one in calls
            if name in one.fact.arguments and one.call.place.scope.enclosing("class") is scope
        )
        return any(kept) or _gives_its_base(resolver, scope, name)
    by_name = (
        one.fact.arguments[name].code == name
        for one in calls
        if name in one.fact.arguments and _stands_in(one, scope)
    )
    if is_as_given(scope, name) and any(by_name):
        return True
    return _hands_on_rest(calls, scope, name)


def _hands_on_rest(calls: Iterable[ReadCall], scope: Scope, name: str) -> bool:
    """Reports whether a function gives a loader the keywords that it has no parameter for."""
    inside = (one.call.node for one in calls if _stands_in(one, scope))
    return any(_gets_rest(node, scope) for node in inside) and not _mentions(scope, name)


def _gives_its_base(resolver: Resolver, owner: Scope, name: str) -> bool:
    """Reports whether a class of loaders gives torch's what its objects are made with."""
    init = owner.functions().get("__init__")
    if init is None or not any(base in LOADERS for base in outer_bases(resolver, owner)):
        return False
    made = [call.node for call in init.calls if callee_tail(call.node) == "__init__"]
    if any(_gets_rest(node, init) for node in made) and not _mentions(init, name):
        return True
    given = (keyword_argument(node, name) for node in made)
    return is_as_given(init, name) and any(dotted_name(one) == name for one in given)


def _gets_rest(node: cst.Call, function: Scope) -> bool:
    """Reports whether a call gets the **kwargs of the function that it stands in."""
    rest = function.parameters.star_kwarg if function.parameters is not None else None
    return rest is not None and any(
        arg.star == "**" and dotted_name(arg.value) == rest.name.value for arg in node.args
    )


def _stands_in(read: ReadCall, scope: Scope) -> bool:
    return read.call.place.scope.enclosing("function") is scope


def _is_kept(resolver: Resolver, owner: Scope, init: Scope, code: str, name: str) -> bool:
    """Reports whether `code` is the attribute that keeps a parameter of `__init__`."""
    me, _, attribute = code.partition(".")
    kept = assignments(resolver, owner, attribute) if me == init.first_parameter else []
    value = kept[0].value if len(kept) == 1 else None
    return isinstance(value, cst.Name) and value.value == name and is_as_given(init, name)


def _mentions(function: Scope, name: str) -> bool:
    """Reports whether a function names what may be among its keywords."""
    return any(
        (isinstance(node, cst.Name) and node.value == name)
        or (isinstance(node, cst.SimpleString) and node.evaluated_value == name)
        for node in every_node(function.node)
    )
