"""Which expressions give an iterator, which is read once, and whether it comes to its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import libcst as cst

from .nodes import dotted_name, every_call
from .resolve import Resolver
from .scopes import Place, Scope
from .values import Defined, Group, Known, Made, Symbol, What

DEEPEST = 4  # names that lead to names
# Builtins that give an iterator: which of their arguments it reads
_READING = {
    "iter": slice(0, 1), "reversed": slice(0, 1), "enumerate": slice(0, 1),
    "map": slice(1, None), "filter": slice(1, 2), "zip": slice(0, None),
}  # fmt: skip
# Calls that give an iterator of their own
_FILES = frozenset({"builtins.open", "csv.reader", "csv.DictReader"})
# What is at its end some time
_ENDING = _FILES | {
    "builtins.range", "builtins.list", "builtins.tuple", "builtins.set", "builtins.sorted",
    "builtins.reversed", "os.listdir", "glob.glob", "torch.randperm", "torch.arange",
    "numpy.arange", "numpy.random.permutation", "random.sample",
}  # fmt: skip


@dataclass(frozen=True)
class Iterating:
    """An expression that can be iterated over; once where it has `words` for the iterator.

    `ends` is None where nobody knows. `asks` says that its items are computed by calls.
    """

    words: str
    ends: bool | None
    asks: bool


def iterating(
    resolver: Resolver, node: cst.CSTNode | None, place: Place, depth: int = 0
) -> Iterating | None:
    """The iterator that an expression gives; None where it gives none, or nobody knows."""
    if isinstance(node, cst.GeneratorExp):
        source = _source(resolver, node.for_in.iter, place, depth)
        parts = [node.elt, *node.for_in.ifs, node.for_in.inner_for_in]
        asks = any(True for part in parts if part is not None for _ in every_call(part))
        ends = source.ends if node.for_in.inner_for_in is None else None
        return Iterating("the generator", ends, asks or source.asks)
    if isinstance(node, cst.Call):
        return _called(resolver, node, place, depth)
    name = dotted_name(node)
    if name is None or depth >= DEEPEST:
        return None
    only = resolver.program.only_assignment(name, place)
    if only is None or only.place.loops:
        return None
    return iterating(resolver, only.value, only.place, depth + 1)


def _called(resolver: Resolver, node: cst.Call, place: Place, depth: int) -> Iterating | None:
    value = resolver.value(node.func, place)
    match value[0].what if len(value) == 1 else None:
        case Symbol(name) if name in _FILES:
            return Iterating(f"{name.removeprefix('builtins.')}()", True, False)
        case Symbol(name) if name.removeprefix("builtins.") in _READING:
            return _builtin(resolver, name.removeprefix("builtins."), node, place, depth)
        case Defined("function", name, Scope() as scope) if scope.yields:
            return Iterating(f"the generator {name}()", _generator_ends(resolver, scope), True)
    return None


def _builtin(
    resolver: Resolver, name: str, node: cst.Call, place: Place, depth: int
) -> Iterating | None:
    """The iterator that a builtin makes of others."""
    if any(arg.star for arg in node.args):
        return None
    read = [arg.value for arg in node.args[_READING[name]] if arg.keyword is None]
    if not read or (name == "iter" and len(node.args) != 1):
        return None
    sources = [_source(resolver, one, place, depth) for one in read]
    ends = [one.ends for one in sources]
    stops = True if name in ("zip", "map") and True in ends else _all(ends)
    asks = name in ("map", "filter") or any(one.asks for one in sources)
    return Iterating(f"{name}()", stops, asks)


def _all(ends: Iterable[bool | None]) -> bool | None:
    found = set(ends)
    return False if False in found else None if None in found else True


def _generator_ends(resolver: Resolver, scope: Scope) -> bool | None:
    """Whether a generator function comes to its end."""
    ends: list[bool | None] = []
    for inner in scope.everything():
        for loop in inner.loops:
            if loop.endless or loop.iterable is None:
                return False
            ends.append(_source(resolver, loop.iterable, loop.place, 0).ends)
    return _all(ends)


def _source(resolver: Resolver, node: cst.BaseExpression, place: Place, depth: int) -> Iterating:
    """What an iterator reads; a call that nobody knows counts as endless."""
    inner = iterating(resolver, node, place, depth + 1) if depth < DEEPEST else None
    if inner is not None:
        return inner
    known = [
        None if case.via or case.origin else _what_ends(case.what)
        for case in resolver.value(node, place)
    ]
    if None in known and any(True for _ in every_call(node)):
        return Iterating("", False, True)
    return Iterating("", _all(known), False)


def _what_ends(what: What) -> bool | None:
    match what:
        case Group("generator"):
            return None
        case Group() | Known(str() | bytes()):
            return True
        case Made(name):
            return name in _ENDING
    return None
