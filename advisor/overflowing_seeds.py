"""Seeds given to numpy in worker code that are too big for it: torch's own, of 64 bits."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from .calls import ReadCall
from .model import OverflowingSeed
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .trials import error_expected
from .values import Defined, Symbol
from .worker_code import calls_in

SEEDED = frozenset({"numpy.random.seed", "numpy.random.RandomState"})
RESEEDING = frozenset({"manual_seed", "seed_all", "set_rng_state", "seed_everything", "set_seed"})
DEEPEST = 3  # names that lead to names


def overflowing_seeds(resolver: Resolver, calls: Iterable[ReadCall]) -> tuple[OverflowingSeed, ...]:
    """Where a worker_init_fn gives numpy torch's seed of the worker as it is."""
    source = resolver.program.source
    if not source.tells("worker_init_fn") or not source.tells("seed"):
        return ()
    found: dict[int, OverflowingSeed] = {}
    for read in calls:
        argument = read.fact.arguments.get("worker_init_fn")
        if argument is None or read.fact.workers.surely_zero:
            continue
        for case in argument.value:
            what = case.what
            if isinstance(what, Defined) and what.kind in ("function", "lambda"):
                for call in _overflowing(resolver, what.where):
                    found[id(call)] = _fact(resolver, call)
    return tuple(sorted(found.values(), key=lambda one: one.span))


def _overflowing(resolver: Resolver, function: Scope) -> list[Call]:
    calls = list(calls_in(function))
    if any(callee_tail(call.node) in RESEEDING for call in calls):
        return []  # torch's seed may be a small one by then
    return [call for call in calls if _overflows(resolver, call)]


def _overflows(resolver: Resolver, call: Call) -> bool:
    args = call.node.args
    if len(args) != 1 or args[0].star or error_expected(call.place):
        return False
    if args[0].keyword is not None and args[0].keyword.value != "seed":
        return False
    value = resolver.value(call.node.func, call.place)
    what = value[0].what if len(value) == 1 else None
    known = isinstance(what, Symbol) and what.name in SEEDED
    return known and _is_torch_seed(resolver, args[0].value, call.place, 0)


def _is_torch_seed(resolver: Resolver, node: cst.BaseExpression, place: Place, depth: int) -> bool:
    """Reports whether it is torch's seed of the worker, with the worker's number added or not."""
    match node:
        case cst.Call(func=cst.Name("int"), args=[arg]) if not arg.star:
            return _is_torch_seed(resolver, arg.value, place, depth)
        case cst.Call(args=[]):
            value = resolver.value(node.func, place)
            return [case.what for case in value] == [Symbol("torch.initial_seed")]
        case cst.BinaryOperation(operator=cst.Add(), right=cst.Name(name)):
            added = place.scope.enclosing("function", "lambda")
            return (
                added is not None
                and name == added.first_parameter
                and _is_torch_seed(resolver, node.left, place, depth)
            )
        case cst.Attribute(attr=cst.Name("seed")):
            return _is_worker_info(resolver, node.value, place)
        case cst.Name() if depth < DEEPEST:
            only = resolver.program.only_assignment(node.value, place)
            return (
                only is not None
                and only.place.scope is place.scope
                and isinstance(only.value, cst.BaseExpression)
                and _is_torch_seed(resolver, only.value, only.place, depth + 1)
            )
    return False


def _is_worker_info(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    if callee_tail(node) == "get_worker_info":
        return True
    name = dotted_name(node)
    reaching = resolver.program.reaching(name, place) if name is not None else None
    return (
        reaching is not None
        and len(reaching) == 1
        and not reaching[0].binding.path
        and callee_tail(reaching[0].binding.value) == "get_worker_info"
    )


def _fact(resolver: Resolver, call: Call) -> OverflowingSeed:
    scope = call.place.scope
    argument = call.node.args[0].value
    bare = isinstance(argument, cst.BinaryOperation) and not argument.lpar
    return OverflowingSeed(
        span=resolver.program.span(call.node, scope),
        argument=resolver.program.span(argument, scope),
        needs_parentheses=bare,
    )
