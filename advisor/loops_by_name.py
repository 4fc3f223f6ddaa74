"""Loops over what is a loader by its name alone: the copies of their batches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

import libcst as cst

from .calling import PASSING
from .copies import copies_in
from .interest import starts_copies
from .model import Copy
from .nodes import Path, callee_tail, dotted_name, target_names, target_part
from .resolve import Resolver
from .scopes import Place
from .text import Span

_NAME = re.compile(r"(?:^|_)(?:data)?_?loaders?$|(?:^|_)dl$", re.IGNORECASE)
_Iterable: TypeAlias = cst.CSTNode | None
DEEPEST = 5  # bar = tqdm(enumerate(loader))


def copies_by_name(resolver: Resolver, known: Iterable[Span]) -> tuple[tuple[Copy, ...], ...]:
    """The copies in each loop over a loader that nothing but its name tells.

    `known` are the places of the iterables of all other loops over loaders.
    """
    program = resolver.program
    if not program.source.tells(starts_copies):
        return ()
    program.read_where("non_blocking", word="non_blocking")
    others = set(known)
    found = []
    for scope in list(program.scopes()):
        for loop in scope.loops:
            if not isinstance(loop.node, cst.For) or loop.iterable is None or loop.target is None:
                continue
            path = _loader_by_name(resolver, loop.iterable, loop.place)
            if path is None or program.span(loop.iterable, scope) in others:
                continue
            names = frozenset(target_names(target_part(loop.target, path)))
            copies = copies_in(resolver, loop, names)
            if len(copies) > 1:
                found.append(copies)
    return tuple(found)


def _loader_by_name(
    resolver: Resolver, node: _Iterable, place: Place, depth: int = DEEPEST
) -> Path | None:
    """Where the batch is in what a loop takes from an expression; None where that is no loader."""
    if depth == 0:
        return None
    if isinstance(node, cst.Call) and node.args and not node.args[0].star:
        tail = callee_tail(node)
        if tail != "enumerate" and tail not in PASSING:
            return None
        inner = _loader_by_name(resolver, node.args[0].value, place, depth - 1)
        return (1, *inner) if tail == "enumerate" and inner is not None else inner
    dotted = dotted_name(node)
    if dotted is None:
        return None
    if _NAME.search(dotted.rpartition(".")[2]):
        return ()
    bound = [one.binding for one in resolver.program.reaching(dotted, place) or ()]
    if not all(one.kind == "assign" and isinstance(one.value, cst.Call) for one in bound):
        return None
    paths = {  # bar = tqdm(loader)
        None if one.path else _loader_by_name(resolver, one.value, one.place, depth - 1)
        for one in bound
    }
    return paths.pop() if len(paths) == 1 else None
