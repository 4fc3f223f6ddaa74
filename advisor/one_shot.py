"""Iterators that are read again after their end: samplers, streams, samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from .calls import ReadCall
from .classes import Classes
from .classes_model import DatasetClass
from .iterating import Iterating, iterating
from .kept import makers_of
from .members import assignments
from .nodes import callee_tail, dotted_name, every_node, small_statements
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .torch_data_model import SpentIterator, StrayStop
from .values import Defined, Made, Symbol

# Samplers


def spent_samplers(resolver: Resolver, calls: Iterable[ReadCall]) -> Iterator[SpentIterator]:
    """The iterators that loaders are given as sampler or batch_sampler."""
    for one in calls:
        place = one.call.place
        for name in ("sampler", "batch_sampler"):
            argument = one.fact.arguments.get(name)
            if argument is None or argument.splatted or place.loops:
                continue
            node = next(
                (
                    arg.value
                    for arg in one.call.node.args
                    if resolver.program.span(arg.value, place.scope) == argument.span
                ),
                None,
            )
            found = iterating(resolver, node, place)
            if found is None or found.ends is False:
                continue
            inline = isinstance(node, (cst.GeneratorExp, cst.Call))
            yield SpentIterator(
                found.words,
                argument.span,
                one.fact,
                argument=name,
                keeps_batches=inline and found.ends is True and not found.asks,
            )


# Iterable datasets


def spent_streams(resolver: Resolver, calls: Iterable[ReadCall]) -> Iterator[SpentIterator]:
    """What the __iter__ of a dataset hands out, of loaders that read it in this process."""
    for one in calls:
        fact = one.fact.dataset_class
        if fact is None or fact.kind != "iterable" or not one.fact.workers.surely_zero:
            continue
        for case in one.fact.cases("dataset"):
            owner = case.what.within if isinstance(case.what, Made) else None
            if isinstance(owner, Scope):
                found = _stream(resolver, owner, fact)
                if found is not None:
                    words, node, scope = found
                    yield SpentIterator(words, resolver.program.span(node, scope), one.fact)


def _stream(
    resolver: Resolver, owner: Scope, fact: DatasetClass
) -> tuple[str, cst.CSTNode, Scope] | None:
    """The returned expression of an __iter__ that begins nothing anew, and what it is."""
    method = owner.functions().get("__iter__")
    if (
        method is None
        or method.yields
        or len(method.returns) != 1
        or not isinstance(method.node, cst.FunctionDef)
    ):
        return None
    body = [one for one in small_statements(method.node.body) if not isinstance(one, cst.Expr)]
    returned = method.returns[0].value
    if len(body) != 1 or returned is None:
        return None
    attribute = _attribute(method, returned)
    if not attribute and dotted_name(returned) != method.first_parameter:
        return None
    if attribute:
        found = _kept_iterator(resolver, owner, fact, attribute)
        return None if found is None or not found.ends else (found.words, returned, method)
    words = _used_up(resolver, owner, fact)
    return None if words is None else (words, returned, method)


def _kept_iterator(
    resolver: Resolver, owner: Scope, fact: DatasetClass, attribute: str
) -> Iterating | None:
    """The iterator that objects get when they are made, and nothing ever replaces."""
    bindings = assignments(resolver, owner, attribute)
    only = bindings[0] if len(bindings) == 1 else None
    if only is None or only.kind != "assign" or only.path or attribute in fact.set_from_outside:
        return None
    made = only.place.scope in makers_of(resolver, owner)
    if not made or only.place.loops or only.place.guards or attribute in owner.bindings:
        return None
    return iterating(resolver, only.value, only.place)


def _used_up(resolver: Resolver, owner: Scope, fact: DatasetClass) -> str | None:
    """What is at its end once __next__ is, and stays there."""
    method = owner.functions().get("__next__")
    if method is None:
        return None
    for call in _nexts(resolver, method):
        attribute = _attribute(method, call.node.args[0].value)
        found = _kept_iterator(resolver, owner, fact, attribute) if attribute else None
        if found is not None and found.ends:
            return f"self.{attribute}"
    return _counter(resolver, owner, fact, method)


def _counter(resolver: Resolver, owner: Scope, fact: DatasetClass, method: Scope) -> str | None:
    """The number that decides when __next__ raises StopIteration, and is only counted up."""
    raised = [node for node in every_node(method.node) if isinstance(node, cst.Raise)]
    if not raised or any(_raised(node) != "StopIteration" for node in raised):
        return None
    for name, counted in method.bindings.items():
        me, _, attribute = name.partition(".")
        if me != method.first_parameter or not attribute or attribute in fact.set_from_outside:
            continue
        others = [one for one in assignments(resolver, owner, attribute) if one not in counted]
        if len(others) != 1 or any(one.kind != "augment" for one in counted):
            continue
        if others[0].kind != "assign" or others[0].place.scope not in makers_of(resolver, owner):
            continue
        decides = any(name in guard.key for place in method.raises for guard in place.guards)
        if decides:
            return f"the counter {name}"
    return None


def _raised(node: cst.Raise) -> str | None:
    return dotted_name(node.exc.func if isinstance(node.exc, cst.Call) else node.exc)


def _attribute(method: Scope, node: cst.BaseExpression) -> str:
    """The attribute of the method's object that an expression is; empty for all else."""
    me, _, attribute = (dotted_name(node) or "").partition(".")
    return attribute if me == method.first_parameter and "." not in attribute else ""


# Samples


def stray_stops(
    resolver: Resolver, classes: Classes, calls: Iterable[ReadCall]
) -> Iterator[StrayStop]:
    """The next() of samples and of batches at whose end the epoch would end as well."""
    if not resolver.program.source.tells("next"):
        return
    program = resolver.program
    for owner in [one for one in program.scopes() if one.kind == "class"]:
        methods = [owner.functions().get(name) for name in ("__getitem__", "__getitems__")]
        fact = classes.of_scope(owner) if any(methods) else None
        if fact is None or fact.kind != "map":
            continue
        for method in methods:
            for call in () if method is None else _nexts(resolver, method):
                assert method is not None
                node = call.node.args[0].value
                attribute = _attribute(method, node)
                if attribute:
                    found = _kept_iterator(resolver, owner, fact, attribute)
                else:
                    found = _of_the_module(resolver, node, call.place)
                if found is not None and found.ends:
                    yield _stop(resolver, call)
    for function in _collating(calls):
        for call in _nexts(resolver, function):
            found = _of_the_module(resolver, call.node.args[0].value, call.place)
            if found is not None and found.ends:
                yield _stop(resolver, call)


def _stop(resolver: Resolver, call: Call) -> StrayStop:
    program, scope = resolver.program, call.place.scope
    iterator = call.node.args[0].value
    return StrayStop(program.span(call.node, scope), dotted_name(iterator) or "")


def _collating(calls: Iterable[ReadCall]) -> Iterator[Scope]:
    """The functions of this file that make batches of samples."""
    found: dict[int, Scope] = {}
    for one in calls:
        for case in one.fact.cases("collate_fn"):
            if isinstance(case.what, Defined) and isinstance(case.what.where, Scope):
                found[id(case.what.where)] = case.what.where
    yield from found.values()


def _of_the_module(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Iterating | None:
    """The iterator that a name at the left margin has, once and for all."""
    if not isinstance(node, cst.Name):
        return None
    only = resolver.program.only_assignment(node.value, place)
    if only is None or only.place.scope.kind != "module" or only.place.loops:
        return None
    if len(resolver.program.module_bindings(node.value)) != 1:
        return None
    return iterating(resolver, only.value, only.place)


def _nexts(resolver: Resolver, function: Scope) -> Iterator[Call]:
    """The calls of next() in a function that nothing saves from the end."""
    if function.yields:
        return  # there the end is a RuntimeError
    for call in function.calls:
        node, place = call.node, call.place
        if len(node.args) != 1 or node.args[0].star or place.trials or place.guards:
            continue
        if callee_tail(node) != "next":
            continue
        value = resolver.value(node.func, place)
        if [case.what for case in value] == [Symbol("builtins.next")]:
            yield call
