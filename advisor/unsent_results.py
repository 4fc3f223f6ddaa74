"""What a collate_fn gives that no worker can send to the main process, since pickle refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from .calls import ReadCall
from .model import UnsentResult
from .resolve import Resolver
from .scopes import Place, Scope
from .values import Defined, Group, Made, Value, What

PICKLED_BY_HAND = frozenset({"__getstate__", "__reduce__", "__reduce_ex__"})


def unsent_results(resolver: Resolver, calls: Iterable[ReadCall]) -> tuple[UnsentResult, ...]:
    """The parts of batches that cannot be pickled, each with the loader that it is made for."""
    found: list[UnsentResult] = []
    for read in calls:
        argument = read.fact.arguments.get("collate_fn")
        if argument is None or argument.only is None or read.fact.workers.surely_zero:
            continue
        function = _function(resolver, argument.only.what)
        if function is not None:
            found += (_fact(resolver, read, part) for part in _refused(resolver, function))
    return tuple(sorted(found, key=lambda one: one.span))


@dataclass(frozen=True)
class _Part:
    """A node that gives what cannot be pickled, while it is being read."""

    node: cst.CSTNode
    place: Place
    words: str


def _function(resolver: Resolver, what: What) -> Scope | None:
    """The function of this file, as it stands, that is called with the samples."""
    if isinstance(what, Made) and what.name == "functools.partial" and what.where:
        made, place = what.where[:2]
        value = resolver.value(made.args[0].value, place) if made.args else ()
        return _function(resolver, value[0].what) if len(value) == 1 else None
    if not isinstance(what, Defined) or what.kind not in ("function", "lambda"):
        return None
    scope: Scope = what.where
    return None if _is_decorated(scope) else scope


def _is_decorated(scope: Scope) -> bool:
    return isinstance(scope.node, cst.FunctionDef) and bool(scope.node.decorators)


def _refused(resolver: Resolver, function: Scope) -> Iterator[_Part]:
    node = function.node
    if function.yields:
        if isinstance(node, cst.FunctionDef) and function.end is not None:
            yield _Part(node.name, function.end, "a generator")
        return
    for returned in function.returns:
        if returned.value is not None:
            yield from _parts(resolver, returned.value, returned.place)


def _parts(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Iterator[_Part]:
    """The parts of an expression that cannot be pickled; what stands in it, it keeps."""
    match node:
        case cst.Tuple() | cst.List():
            for element in node.elements:
                if isinstance(element, cst.Element):
                    yield from _parts(resolver, element.value, place)
        case cst.Dict():
            for pair in node.elements:
                if isinstance(pair, cst.DictElement):
                    yield from _parts(resolver, pair.value, place)
        case cst.ListComp(elt=cst.GeneratorExp() | cst.Lambda()):
            words = "a lambda" if isinstance(node.elt, cst.Lambda) else "a generator"
            yield _Part(node.elt, place, words)
        case _:
            words = _words(resolver, node, place)
            if words:
                yield _Part(node, place, words)


def _words(resolver: Resolver, node: cst.BaseExpression, place: Place) -> str:
    """What an expression gives, where pickle refuses it; empty where it does not, or may not."""
    if isinstance(node, cst.Call):
        callee = [case.what for case in resolver.value(node.func, place)]
        if len(callee) == 1 and _gives_generator(callee[0]):
            return "a generator"
    return _only(resolver.value(node, place))


def _gives_generator(what: What) -> bool:
    if not isinstance(what, Defined) or what.kind != "function":
        return False
    scope: Scope = what.where
    return scope.yields and not _is_decorated(scope)


def _only(value: Value) -> str:
    """The words for all cases; empty where they differ."""
    words = {_refusal(case.what) for case in value}
    return words.pop() if len(words) == 1 else ""


def _refusal(what: What) -> str:
    match what:
        case Group(kind="generator"):
            return "a generator"
        case Defined(kind="lambda"):
            return "a lambda"
        case Defined(kind="function", bound=False) if _is_local(what.where):
            return "a function defined inside another"
        case Made(name="builtins.open", part=()):
            return "an open file"
        case Made(within=Scope(kind="class") as owner, part=()) if _is_local(owner):
            by_hand = not PICKLED_BY_HAND.isdisjoint(owner.bindings)
            return "" if by_hand else "an object of a class defined inside a function"
    return ""


def _is_local(scope: Scope) -> bool:
    return scope.parent is not None and scope.parent.enclosing("function") is not None


def _fact(resolver: Resolver, read: ReadCall, part: _Part) -> UnsentResult:
    span = resolver.program.span(part.node, part.place.scope)
    text = resolver.program.source.text
    is_bare = isinstance(part.node, cst.GeneratorExp) and len(part.node.lpar) == 1
    return UnsentResult(
        span=span,
        words=part.words,
        in_parentheses=is_bare and text[span.start] == "(" and text[span.end - 1] == ")",
        loader=read.fact,
    )
