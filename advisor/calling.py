"""What a call gives: of a function or class of this file, or of a method of a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from .arguments import given_for, is_as_given
from .definitions import Definition
from .dictionaries import as_named, entry_or_default
from .nodes import callee_tail, decorators, every_node, small_statements
from .outside_calls import outside_call
from .scopes import Call, Place, Scope
from .values import (
    NOTHING_KNOWN,
    Case,
    Defined,
    Group,
    Known,
    Made,
    Symbol,
    Text,
    Value,
    What,
    consistent,
    is_none,
    known,
    truth,
    under,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver

# Calls that hand their first argument on, as far as iterating over it goes.
PASSING = frozenset(
    {"tqdm", "trange", "track", "iter", "islice", "auto", "tqdm_notebook", "progress_bar",
     "log_every", "prefetched", "rich_progress", "ProgressBar", "progressbar", "master_bar",
     "alive_it"}
)  # fmt: skip
# Methods of frameworks that give back what they are given, made ready.
_PREPARING = frozenset({"prepare", "setup_dataloaders", "prepare_data_loader"})
# Methods of opacus 1.6 that make a loader anew with the same options, another sampler apart.
_MAKING_PRIVATE = frozenset({"make_private", "make_private_with_epsilon"})
# What works through an open handle: it is shared as the handle is.
_THROUGH_A_HANDLE = {
    ("lmdb.open", "begin"): "lmdb.Transaction",
    ("lmdb.Environment", "begin"): "lmdb.Transaction",
    ("sqlite3.connect", "cursor"): "sqlite3.Cursor",
}
# Decorators under which a function gives what its body returns.
_TRANSPARENT = frozenset(
    {"staticmethod", "classmethod", "no_grad", "inference_mode", "wraps", "lru_cache", "cache",
     "override", "enable_grad", "record", "main", "profile", "njit", "jit", "rank_zero_only",
     "property", "cached_property", "command", "option", "argument"}
)  # fmt: skip


def call_value(resolver: Resolver, node: cst.Call, place: Place) -> Value:
    """What a call gives where it stands."""
    if callee_tail(node) in PASSING and node.args and not node.args[0].star:
        return resolver.value(node.args[0].value, place)
    if isinstance(node.func, cst.Attribute):
        given = _method_call(resolver, node, node.func, place)
        if given is not None:
            return given
    found: list[Case] = []
    for case in resolver.value(node.func, place):
        found += under(_called(resolver, case.what, node, place), case.given)
    return united(found)


def _method_call(
    resolver: Resolver, node: cst.Call, func: cst.Attribute, place: Place
) -> Value | None:
    """Methods of values that are no objects of a class of this file."""
    name = func.attr.value
    if name in _PREPARING and node.args:
        if len(node.args) == 1 and not node.args[0].star:
            return resolver.value(node.args[0].value, place)
        return (Case(Made("prepared", (node, place))),)
    if name in _MAKING_PRIVATE:
        return (Case(Made("made private", (node, place))),)
    if name == "parse_args":
        return (Case(Made("argparse.Namespace")),)
    if name == "parse_known_args":
        return (Case(Made("argparse parsed", (node, place))),)
    if name in ("get", "pop") and node.args:
        return entry_or_default(resolver, node, func.value, place)
    base = resolver.value(func.value, place)
    if len(base) != 1:
        return None
    match base[0].what, name:
        case Made("torch.Generator" | "torch.random.Generator"), "manual_seed":
            return base
        case Made(maker), method if (maker, method) in _THROUGH_A_HANDLE:
            return (Case(Made(_THROUGH_A_HANDLE[maker, method], (node, place))),)
        case Group("dict"), ("items" | "values"):
            return (Case(Made(f"builtins.dict.{name}", (func.value, place))),)
        case Made("prepared" | "made private"), _:
            return NOTHING_KNOWN
        case ((Text() | Known(str())), ("strip" | "lower" | "upper" | "format")):
            return (Case(Text()),)
    return None


def _called(resolver: Resolver, what: What, node: cst.Call, place: Place) -> Value:
    """What calling one value gives."""
    match what:
        case Symbol(name, Definition() as definition):
            return definition.called() or (Case(Made(name, (node, place), definition)),)
        case Symbol(name):
            return outside_call(resolver, name, node, place)
        case Defined("function", _, Scope(yields=True) as scope):
            return (Case(Group("generator", (node, place, scope))),)
        case Defined("function", _, scope) if given := _handed_back(resolver, scope, node, place):
            return given
        case Defined("function" | "lambda", _, scope):
            call = Call(node, place)
            value = returned(resolver, scope)
            return of_call(
                resolver, value, scope, lambda name: given_for(resolver, call, scope, name)
            )
        case Defined("class", name, scope):
            return (Case(Made(name, (node, place), scope)),)
        case Made("functools.partial", (made, at)) if made.args:
            found: list[Case] = []
            for case in resolver.value(made.args[0].value, at):
                if isinstance(case.what, Symbol):
                    where = (node, place, (made, at))
                    found.append(Case(Made(case.what.name, where), case.given))
                else:
                    found += under(_called(resolver, case.what, node, place), case.given)
            return united(found)
    return NOTHING_KNOWN


def _handed_back(resolver: Resolver, scope: Scope, node: cst.Call, place: Place) -> Value | None:
    """What a function gives that only chooses between its arguments: `default(value, other)`.

    That is the other one where the value is None. None for all other functions.
    """
    match [one.value for one in scope.returns]:
        case [cst.IfExp(test=test, body=cst.Name(body), orelse=cst.Name(orelse))]:
            asked = {one.value for one in every_node(test) if isinstance(one, cst.Name)}
        case _:
            return None
    first, other = (body, orelse) if body in asked else (orelse, body)
    if first not in asked or other in asked or not _gives_what_it_returns(scope.node):
        return None
    if not (is_as_given(scope, first) and is_as_given(scope, other)):
        return None
    given, instead = (given_for(resolver, Call(node, place), scope, one) for one in (first, other))
    if given is None or instead is None:
        return None
    found = [case for case in given if case.what != Known(None)]
    left_out = next((case for case in given if is_none(case.what) is not False), None)
    if left_out is not None:
        found += [replace(case, origin=case.origin or left_out.origin) for case in instead]
    return united(found)


def returned(resolver: Resolver, scope: Scope) -> Value:
    """What a function of this file returns."""
    if scope.yields:
        return (Case(Group("generator", None)),)
    node = scope.node
    if not _gives_what_it_returns(node):
        return NOTHING_KNOWN
    found: list[Case] = []
    for one in scope.returns:
        given = consistent(one.place.given)
        if given is not None:
            value = known(None)
            if one.value is not None:
                value = as_named(resolver.value(one.value, one.place), one.value, one.place)
            found += under(value, given)
    if found:
        return united(found)
    if scope.raises or _is_stub(node):
        return NOTHING_KNOWN  # a subclass, here or elsewhere, says what it returns
    return known(None)


def of_call(
    resolver: Resolver, value: Value, scope: Scope, given: Callable[[str], Value | None]
) -> Value:
    """What a function gives of `value` where `given` says what a call gives for its parameters.

    Left out is what stands under a condition that fails there: `if train:`, `if kind == "val":`.
    """
    found = []
    for case in value:
        holding = {fact: _holds(resolver, scope, given, *fact) for fact in case.given}
        if False not in holding.values():
            left = frozenset(fact for fact, holds in holding.items() if holds is None)
            found.append(replace(case, given=left) if len(left) < len(case.given) else case)
    return tuple(found)


def _holds(
    resolver: Resolver,
    scope: Scope,
    given: Callable[[str], Value | None],
    key: str,
    wanted: bool,
) -> bool | None:
    """Whether a condition on a parameter holds in a call; None where that is not known."""
    name, compared, literal = key.partition(" == ")
    if not name.isidentifier() or not is_as_given(scope, name):
        return None
    value = given(name)
    default = scope.bindings[name][0].value
    if value is None and default is not None and scope.place is not None:
        value = resolver.value(default, scope.place)
    if not value:
        return None
    truths = {_equals(one.what, literal) if compared else truth(one.what) for one in value}
    settled = truths.pop() if len(truths) == 1 else None
    return None if settled is None else settled == wanted


def _equals(what: What, literal: str) -> bool | None:
    """Whether a value is a literal; None where that is not known."""
    if not isinstance(what, Known):
        return None
    return repr(what.value) == literal.replace('"', "'")


def _gives_what_it_returns(node: cst.CSTNode) -> bool:
    """Reports whether calling a function gives what its body returns."""
    return not isinstance(node, cst.FunctionDef) or (
        node.asynchronous is None
        and all(one.rpartition(".")[2] in _TRANSPARENT for one in decorators(node))
    )


def _is_stub(node: cst.CSTNode) -> bool:
    """Reports whether a function's body is empty but for words."""
    return isinstance(node, cst.FunctionDef) and all(
        isinstance(one, cst.Pass)
        or (isinstance(one, cst.Expr) and isinstance(one.value, (cst.SimpleString, cst.Ellipsis)))
        for one in small_statements(node.body)
    )
