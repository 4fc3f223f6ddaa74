"""What changes between epochs: samplers told of the epoch, datasets changed by hand."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .calls import ReadCall
from .loops import Consumption
from .members import assignments, find_method
from .model import DatasetChange, SamplerUse
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Loop as LoopNode
from .scopes import Place, Scope
from .torch_api import DISTRIBUTED_SAMPLER
from .values import Defined, Known, Made, Value

CHANGING = ("set_", "shuffle", "update", "resample", "reshuffle", "next_epoch", "on_epoch")


def samplers(
    resolver: Resolver, calls: list[ReadCall], consumption: Consumption
) -> tuple[SamplerUse, ...]:
    """The DistributedSampler of each loader that has one."""
    found = []
    told = bool(resolver.program.calls_named("set_epoch"))
    for read in calls:
        for name in ("sampler", "batch_sampler"):
            argument = read.fact.arguments.get(name)
            if argument is None or argument.splatted:
                continue
            made = list(_distributed(resolver, argument.value))
            if not made:
                continue
            plain = all(part.isidentifier() for part in argument.code.split("."))
            call, place = made[0].where[:2]
            found.append(
                SamplerUse(
                    loader=read.fact,
                    span=resolver.program.span(call.func, place.scope),
                    shuffles=_shuffles(resolver, call, place),
                    name=argument.code if plain and name == "sampler" else None,
                    may_be_none=len(argument.value) > len(made),
                    set_epoch_seen=told,
                    escapes=plain and _escapes(resolver, argument.code, read),
                )
            )
    return tuple(found)


def _distributed(resolver: Resolver, value: Value) -> Iterator[Made]:
    for case in value:
        what = case.what
        if not isinstance(what, Made) or what.where is None or what.part:
            continue
        if what.name == DISTRIBUTED_SAMPLER:
            yield what
        elif what.name == "torch.utils.data.BatchSampler":
            call, place = what.where[:2]
            if call.args and not call.args[0].star:
                yield from _distributed(resolver, resolver.value(call.args[0].value, place))


def _shuffles(resolver: Resolver, call: cst.Call, place: Place) -> bool:
    """Reports whether the sampler surely shuffles: it does unless told otherwise."""
    position = 0
    for arg in call.args:
        if arg.star:
            return False
        name = arg.keyword.value if arg.keyword is not None else None
        if name is None:
            position += 1
        if name == "shuffle" or (name is None and position == 4):
            value = resolver.value(arg.value, place)
            return all(case.what == Known(True) for case in value)
    return True


def _escapes(resolver: Resolver, code: str, read: ReadCall) -> bool:
    """Reports whether the sampler is given to code that is not seen here."""
    frame = resolver.program.frame(read.call.place.scope)
    for call in (call for scope in frame for call in scope.calls):
        if call.node is read.call.node or callee_tail(call.node) in ("isinstance", "len", "print"):
            continue
        if any(dotted_name(arg.value) == code for arg in call.node.args):
            value = resolver.value(call.node.func, call.place)
            if not all(isinstance(case.what, Defined) for case in value):
                made = resolver.value(call.node, call.place)
                if not any(isinstance(c.what, Made) and c.what.name.startswith("torch.utils.data") for c in made):
                    return True
    return any(
        ret.value is not None and code in _names_in(ret.value)
        for scope in frame
        for ret in scope.returns
    )


def _names_in(node: cst.CSTNode) -> set[str | None]:
    if isinstance(node, cst.Tuple):
        return {dotted_name(element.value) for element in node.elements}
    return {dotted_name(node)}


def changes(
    resolver: Resolver, calls: list[ReadCall], consumption: Consumption
) -> tuple[DatasetChange, ...]:
    """Datasets that the epoch loop changes by attribute or by method."""
    found: dict[DatasetChange, None] = {}
    for loop in consumption.loops:
        if loop.epochs is None:
            continue
        node = consumption.node_of(loop.epochs)
        read = next(one for one in calls if one.fact is loop.loader)
        for change in _changes(resolver, read, loop.loader.names, node):
            found[DatasetChange(loop.loader, change[0], change[1], loop.epochs)] = None
    return tuple(found)


def _changes(resolver: Resolver, read: ReadCall, names: tuple[str, ...], loop: LoopNode):  # type: ignore[no-untyped-def]
    scope = loop.place.scope
    argument = read.fact.arguments.get("dataset")
    if argument is None:
        return
    objects = {
        id(case.what.where[0])
        for case in argument.value
        if isinstance(case.what, Made) and case.what.where is not None
    }

    def is_dataset(node: cst.BaseExpression, place: Place) -> bool:
        dotted = dotted_name(node) or ""
        if dotted in (f"{name}.dataset" for name in names) or dotted == argument.code:
            return True
        return any(
            isinstance(case.what, Made)
            and case.what.where is not None
            and id(case.what.where[0]) in objects
            and not case.what.part
            for case in resolver.value(node, place)
        )

    for store in scope.stores:
        if not isinstance(store.target, cst.Attribute) or not _inside(store.place, loop):
            continue
        if is_dataset(store.target.value, store.place) and not _shared(resolver, read, store.target.attr.value):
            yield resolver.program.span(store.target, scope), store.target.attr.value
    for call in scope.calls:
        func = call.node.func
        if not isinstance(func, cst.Attribute) or not _inside(call.place, loop):
            continue
        if not func.attr.value.startswith(CHANGING):
            continue
        if is_dataset(func.value, call.place) and _assigns_self(resolver, read, func.attr.value):
            yield resolver.program.span(call.node, scope), f"{func.attr.value}()"


def _inside(place: Place, loop: LoopNode) -> bool:
    return any(one is loop for one in place.loops)


def _dataset_scope(resolver: Resolver, read: ReadCall) -> Scope | None:
    for case in read.fact.arguments["dataset"].value:
        if isinstance(case.what, Made) and isinstance(case.what.within, Scope):
            return case.what.within
    return None


def _assigns_self(resolver: Resolver, read: ReadCall, method: str) -> bool:
    """Reports whether a method of a dataset of this file changes plain attributes."""
    scope = _dataset_scope(resolver, read)
    if scope is None:
        return False
    inner = find_method(resolver, scope, method)
    if inner is None or inner.first_parameter is None:
        return False
    prefix = f"{inner.first_parameter}."
    return any(name.startswith(prefix) and name.count(".") == 1 for name in inner.bindings)


def _shared(resolver: Resolver, read: ReadCall, attribute: str) -> bool:
    """Reports whether an attribute lives in shared memory: a Value, or share_memory_()."""
    scope = _dataset_scope(resolver, read)
    if scope is None:
        return False
    for binding in assignments(resolver, scope, attribute):
        tail = callee_tail(binding.value) if binding.value is not None else None
        if tail in ("Value", "Array", "share_memory_", "Manager", "dict"):
            return True
    return False
