"""What changes between epochs: samplers told of the epoch, datasets changed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from .calls import ReadCall
from .definitions import Definition
from .epochs import Epochs
from .members import assignments, find_method, outer_bases
from .model import DatasetChange, Loop, SamplerUse
from .nodes import callee_tail, dotted_name, keyword_argument, plain_argument
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .scopes import Loop as LoopNode
from .text import Span
from .torch_api import DISTRIBUTED_SAMPLER
from .values import Defined, Known, Made, Value

BATCH_SAMPLER = "torch.utils.data.BatchSampler"
# Calls that do nothing to what they are given
HARMLESS = ("isinstance", "len", "print")
# How methods are called that change a dataset between epochs
CHANGING = ("set_", "shuffle", "update", "resample", "reshuffle", "next_epoch", "on_epoch")


def samplers(resolver: Resolver, calls: Iterable[ReadCall]) -> tuple[SamplerUse, ...]:
    """The DistributedSampler of each loader that has one."""
    found = []
    told = bool(resolver.program.calls_named("set_epoch"))
    for read in calls:
        for name in ("sampler", "batch_sampler"):
            argument = read.fact.arguments.get(name)
            if argument is None or argument.splatted:
                continue
            value = argument.value
            made = list(_distributed(resolver, value))
            if not made:  # perhaps by a default alone, as that of `distributed=False`
                value = _either_way(resolver, argument.code, read.call.place)
                made = list(_distributed(resolver, value))
            if not made:
                continue
            plain = all(part.isidentifier() for part in argument.code.split("."))
            call, place = made[0].where[:2]
            others = [case.what for case in value if not any(_distributed(resolver, (case,)))]
            found.append(
                SamplerUse(
                    loader=read.fact,
                    span=resolver.program.span(call.func, place.scope),
                    shuffles=_shuffles(resolver, call, place),
                    name=argument.code if plain and name == "sampler" else None,
                    may_be_none=bool(others),
                    may_be_other=any(what != Known(None) for what in others),
                    set_epoch_seen=told,
                    escapes=plain and _escapes(resolver, argument.code, read),
                    pads=_pads(call),
                )
            )
    return tuple(found)


def _either_way(resolver: Resolver, name: str, place: Place) -> Value:
    """What a name can be that was given one of two values, whatever a default chooses."""
    only = resolver.program.only_assignment(name, place)
    match only.value if only is not None else None:
        case cst.IfExp(body=body, orelse=orelse):
            assert only is not None
            at = only.place
            return (*resolver.value(body, at), *resolver.value(orelse, at))
    return ()


def _distributed(resolver: Resolver, value: Value) -> Iterator[Made]:
    for case in value:
        what = case.what
        if not isinstance(what, Made) or what.where is None or what.part:
            continue
        if what.name == DISTRIBUTED_SAMPLER:
            yield what
        elif _is_batch_sampler(resolver, what):
            call, place = what.where[:2]
            sampler = plain_argument(call, "sampler", 0)
            if sampler is not None:
                yield from _distributed(resolver, resolver.value(sampler, place))


def _is_batch_sampler(resolver: Resolver, made: Made) -> bool:
    """Reports whether it is torch's, or the project's own and tells its sampler no epoch."""
    match made.within:
        case Scope() as owner:
            bases = outer_bases(resolver, owner)
        case Definition(is_class=True, scope=Scope() as owner) as definition:
            bases = outer_bases(definition.module.resolver, owner)
        case _:
            return made.name == BATCH_SAMPLER
    tells = any(
        callee_tail(call.node) == "set_epoch"
        for method in owner.functions().values()
        for call in method.calls
    )
    return BATCH_SAMPLER in bases and not tells


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


def _pads(call: cst.Call) -> bool:
    """Reports whether a sampler is surely not told to leave samples out."""
    if any(arg.star for arg in call.args) or sum(arg.keyword is None for arg in call.args) > 5:
        return False
    return keyword_argument(call, "drop_last") is None


def _escapes(resolver: Resolver, code: str, read: ReadCall) -> bool:
    """Reports whether the sampler is given to code that is not seen here."""
    frame = resolver.program.frame(read.call.place.scope)
    if any(
        _is_given_away(resolver, code, call)
        for scope in frame
        for call in scope.calls
        if call.node is not read.call.node
    ):
        return True
    return any(
        ret.value is not None and code in _names_in(ret.value)
        for scope in frame
        for ret in scope.returns
    )


def _is_given_away(resolver: Resolver, code: str, call: Call) -> bool:
    """Reports whether a call hands `code` to what is neither of this file nor torch's own."""
    if callee_tail(call.node) in HARMLESS:
        return False
    if not any(dotted_name(arg.value) == code for arg in call.node.args):
        return False
    value = resolver.value(call.node.func, call.place)
    if all(isinstance(case.what, Defined) for case in value):
        return False
    return not any(
        isinstance(case.what, Made) and case.what.name.startswith("torch.utils.data")
        for case in resolver.value(call.node, call.place)
    )


def _names_in(node: cst.CSTNode) -> set[str | None]:
    if isinstance(node, cst.Tuple):
        return {dotted_name(element.value) for element in node.elements}
    return {dotted_name(node)}


def changes(
    resolver: Resolver, calls: Iterable[ReadCall], loops: Iterable[Loop], epochs: Epochs
) -> tuple[DatasetChange, ...]:
    """Datasets that the epoch loop changes by attribute or by method."""
    by_fact = {id(read.fact): read for read in calls}
    found: dict[DatasetChange, None] = {}
    for loop in loops:
        repeating = None if loop.epochs is None else epochs.loop(loop.epochs)
        if loop.epochs is not None and repeating is not None:
            read = by_fact[id(loop.loader)]
            for span, what in _changes_in(resolver, read, repeating):
                found[DatasetChange(loop.loader, span, what, loop.epochs)] = None
    return tuple(found)


def _changes_in(resolver: Resolver, read: ReadCall, loop: LoopNode) -> Iterator[tuple[Span, str]]:
    """The changes of a loader's dataset in a loop, each with what it changes."""
    scope = loop.place.scope
    argument = read.fact.arguments.get("dataset")
    if argument is None:
        return
    codes = {argument.code, *(f"{name}.dataset" for name in read.fact.names)}
    made = _makings(argument.value)

    def is_dataset(node: cst.BaseExpression, place: Place) -> bool:
        if dotted_name(node) in codes:
            return True
        return not made.isdisjoint(_makings(resolver.value(node, place), whole=True))

    for store in scope.stores:
        target = store.target
        if not isinstance(target, cst.Attribute) or loop not in store.place.loops:
            continue
        name = target.attr.value
        if is_dataset(target.value, store.place) and not _shared(resolver, read, name):
            yield resolver.program.span(target, scope), name
    for call in scope.calls:
        func = call.node.func
        if not isinstance(func, cst.Attribute) or loop not in call.place.loops:
            continue
        name = func.attr.value
        if not name.startswith(CHANGING) or not is_dataset(func.value, call.place):
            continue
        if _assigns_self(resolver, read, name):
            yield resolver.program.span(call.node, scope), f"{name}()"


def _makings(value: Value, *, whole: bool = False) -> set[int]:
    """The ids of the calls that made a value, or, where `whole`, not only a part of it."""
    return {
        id(case.what.where[0])
        for case in value
        if isinstance(case.what, Made)
        and case.what.where is not None
        and not (whole and case.what.part)
    }


def _dataset_scope(resolver: Resolver, read: ReadCall) -> Scope | None:
    for case in read.fact.arguments["dataset"].value:
        if isinstance(case.what, Made) and isinstance(case.what.within, Scope):
            return case.what.within
    return None


def _assigns_self(resolver: Resolver, read: ReadCall, method: str) -> bool:
    """Reports whether a method of a dataset of the project changes plain attributes."""
    scope = _dataset_scope(resolver, read)
    if scope is None:
        for case in read.fact.arguments["dataset"].value:
            match case.what:
                case Made(within=Definition(is_class=True, scope=Scope() as there) as definition):
                    scope, resolver = there, definition.module.resolver
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
        tail = callee_tail(binding.value)
        if tail in ("Value", "Array", "share_memory_", "Manager", "dict"):
            return True
    return False
