"""Seeds that workers set for themselves: what each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from .calls import ReadCall
from .classes import WORKER_METHODS, Classes
from .classes_model import DatasetClass
from .model import LoaderCall, WorkerSeed
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .values import Defined, Known, Symbol
from .worker_code import calls_in

SEEDING = {
    "numpy.random.seed": "numpy",
    "random.seed": "random",
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
}
DEEPEST = 4  # names that lead to names


def worker_seeds(
    resolver: Resolver, calls: Iterable[ReadCall], classes: Classes
) -> tuple[WorkerSeed, ...]:
    """The seeds that a worker_init_fn or a dataset sets, where they are fixed for the run."""
    if not resolver.program.source.tells("seed"):
        return ()
    found: dict[tuple[int, int], WorkerSeed] = {}
    for read in calls:
        argument = read.fact.arguments.get("worker_init_fn")
        for case in argument.value if argument is not None else ():
            what = case.what
            if isinstance(what, Defined) and what.kind in ("function", "lambda"):
                function: Scope = what.where
                for seed in _seeds(resolver, function, _given_number(what)):
                    found[id(seed.call), id(read)] = seed.fact(resolver, loader=read.fact)
    in_datasets = resolver.program.source.tells("get_worker_info")
    for tail in ("seed", "manual_seed") if in_datasets else ():
        for call in resolver.program.calls_named(tail):
            dataset = _dataset_around(classes, call)
            if dataset is not None:
                for seed in _one(resolver, call, None):
                    if seed.by_worker:
                        found[id(call), 0] = seed.fact(resolver, dataset=dataset)
    return tuple(sorted(found.values(), key=lambda one: one.span))


@dataclass(frozen=True)
class _Seed:
    """A call that seeds, while it is being read."""

    call: Call
    library: str
    argument: cst.BaseExpression
    at: Place
    by_worker: bool

    def fact(
        self,
        resolver: Resolver,
        loader: LoaderCall | None = None,
        dataset: DatasetClass | None = None,
    ) -> WorkerSeed:
        program = resolver.program
        function = self.at.scope.enclosing("function", "lambda")
        assert function is not None
        also_torch = any(callee_tail(one.node) == "manual_seed" for one in calls_in(function))
        return WorkerSeed(
            span=program.span(self.call.node, self.at.scope),
            argument=program.span(self.argument, self.at.scope),
            library=self.library,
            by_worker=self.by_worker,
            has_torch=program.reaching("torch", self.at) is not None and not also_torch,
            loader=loader,
            dataset=dataset,
        )


def _given_number(what: Defined) -> str | None:
    """The parameter that gets the worker's number."""
    scope: Scope = what.where
    params = scope.parameters
    assert params is not None
    names = [one.name.value for one in (*params.posonly_params, *params.params)]
    names = names[1:] if what.bound else names
    return names[0] if names else None


def _seeds(resolver: Resolver, function: Scope, number: str | None) -> Iterator[_Seed]:
    for call in calls_in(function):
        yield from _one(resolver, call, number)


def _one(resolver: Resolver, call: Call, number: str | None) -> Iterator[_Seed]:
    """The seed that a call sets, where it is the same in every epoch."""
    library = _library(resolver, call)
    args = call.node.args
    if library is None or len(args) != 1 or args[0].star:
        return
    leaves = set(_leaves(resolver, args[0].value, call.place, number, 0))
    if leaves <= {"constant", "worker"}:
        yield _Seed(call, library, args[0].value, call.place, "worker" in leaves)


def _library(resolver: Resolver, call: Call) -> str | None:
    """Whose generator a call seeds."""
    value = resolver.value(call.node.func, call.place)
    what = value[0].what if len(value) == 1 else None
    return SEEDING.get(what.name) if isinstance(what, Symbol) else None


def _leaves(
    resolver: Resolver, node: cst.BaseExpression, place: Place, number: str | None, depth: int
) -> Iterator[str]:
    """What an expression is made of: constant, worker (its number) or unknown."""
    if depth > DEEPEST:
        yield "unknown"
        return
    match node:
        case cst.Name() if node.value == number:
            yield "worker"
        case cst.Attribute(attr=cst.Name("id")) if _is_worker_info(resolver, node.value, place):
            yield "worker"
        case cst.BinaryOperation():
            yield from _leaves(resolver, node.left, place, number, depth)
            yield from _leaves(resolver, node.right, place, number, depth)
        case cst.UnaryOperation():
            yield from _leaves(resolver, node.expression, place, number, depth)
        case cst.Call(func=cst.Name("int"), args=[arg]) if not arg.star:
            yield from _leaves(resolver, arg.value, place, number, depth)
        case _ if _is_fixed(resolver, node, place):
            yield "constant"
        case cst.Name():
            only = resolver.program.only_assignment(node.value, place)
            if only is not None and isinstance(only.value, cst.BaseExpression):
                yield from _leaves(resolver, only.value, only.place, number, depth + 1)
            else:
                yield "unknown"
        case _:
            yield "unknown"


def _is_fixed(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    """Reports whether it is one integer for the whole run, be it by a default."""
    value = resolver.value(node, place)
    return len(value) == 1 and (
        isinstance(value[0].what, Known)
        and isinstance(value[0].what.value, int)
        and not isinstance(value[0].what.value, bool)
    )


def _is_worker_info(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    if callee_tail(node) == "get_worker_info":
        return True
    name = dotted_name(node)
    return name is not None and any(
        callee_tail(one.binding.value) == "get_worker_info"
        for one in resolver.program.reaching(name, place) or ()
    )


def _dataset_around(classes: Classes, call: Call) -> DatasetClass | None:
    """The dataset class in whose __getitem__ or __iter__ a call stands."""
    function = call.place.scope.enclosing("function")
    owner = function.parent if function is not None else None
    if function is None or owner is None or owner.kind != "class":
        return None
    dataset = classes.of_scope(owner)
    if dataset is None or function.name not in WORKER_METHODS[dataset.kind]:
        return None
    return dataset
