"""Sampler classes of a module that cannot be iterated."""

from __future__ import annotations

from .members import find_method, outer_bases
from .resolve import Resolver
from .torch_api import SAMPLER

NEUTRAL = frozenset({SAMPLER, "builtins.object", "typing.Generic", "abc.ABC"})


def samplers_without_iter(resolver: Resolver) -> frozenset[str]:
    """The names of the classes that derive from torch's Sampler and define no __iter__.

    `Sampler.__iter__` raises NotImplementedError (torch/utils/data/sampler.py).
    """
    if not resolver.program.source.tells("Sampler"):
        return frozenset()
    found = set()
    for scope in resolver.program.scopes():
        if scope.kind != "class":
            continue
        bases = outer_bases(resolver, scope)
        if SAMPLER not in bases or not NEUTRAL.issuperset(map(str, bases)):
            continue
        if find_method(resolver, scope, "__iter__") is None:
            found.add(scope.name)
    return frozenset(found)
