"""Whether a loader's samples were divided among the ranks before the loader was built."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from .calls import ReadCall
from .model import LoaderCall
from .nodes import children
from .resolve import Resolver
from .scopes import Place

RANK_WORD = re.compile(r"rank|world|shard|partition|num_replicas", re.IGNORECASE)
DEEPEST = 6  # names that lead to names


def divided_by_rank(resolver: Resolver, calls: list[ReadCall]) -> tuple[LoaderCall, ...]:
    """The loaders whose dataset was made with a rank, as `rows[rank::world_size]` is."""
    return tuple(read.fact for read in calls if _divided(resolver, read))


def _divided(resolver: Resolver, read: ReadCall) -> bool:
    place = read.call.place
    node = next(
        (
            arg.value
            for arg in read.call.node.args
            if not arg.star and (arg.keyword is None or arg.keyword.value == "dataset")
        ),
        None,
    )
    return node is not None and _speaks_of_rank(resolver, node, place, set(), 0)


def _speaks_of_rank(
    resolver: Resolver, node: cst.CSTNode, place: Place, seen: set[str], depth: int
) -> bool:
    for name in _names(node):
        if RANK_WORD.search(name):
            return True
        if name in seen or depth >= DEEPEST:
            continue
        seen.add(name)
        for reaching in resolver.program.reaching(name, place) or ():
            binding = reaching.binding
            if binding.kind == "assign" and binding.value is not None:
                at = binding.place
                if _speaks_of_rank(resolver, binding.value, at, seen, depth + 1):
                    return True
    return False


def _names(node: cst.CSTNode) -> Iterator[str]:
    """Every name and attribute in an expression."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, cst.Attribute):
        yield node.attr.value
        yield from _names(node.value)
    elif isinstance(node, cst.Arg) and node.keyword is not None:
        yield node.keyword.value
        yield from _names(node.value)
    else:
        for child in children(node):
            yield from _names(child)
