"""Random transforms that draw from a generator of their own, whoever gives them to a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from .interest import draws_from_its_own
from .kept import drawn_on
from .members import outer_bases
from .model import Transform
from .resolve import Resolver
from .scopes import Scope
from .values import Known, Made

# What numpy and random make; torch's are mostly drawn from by models.
GENERATORS = frozenset(
    {"numpy.random.default_rng", "numpy.random.Generator", "numpy.random.RandomState",
     "random.Random"}
)  # fmt: skip
ENTRIES = ("__call__",)
_NAMED = re.compile(r"transform|augment|^Random|Jitter$|Noise$|Crop$|Flip$|Mix$", re.IGNORECASE)
_PLACED = re.compile(r"transform|augment", re.IGNORECASE)


def random_transforms(resolver: Resolver) -> tuple[Transform, ...]:
    """The transforms of a module that keep a generator, in order of place."""
    source = resolver.program.source
    if not source.tells(draws_from_its_own):
        return ()
    placed = any(map(_PLACED.search, PurePath(source.path).parts[-2:]))
    found: list[Transform] = []
    for scope in list(resolver.program.scopes()):
        if scope.kind == "class" and _is_transform(resolver, scope, placed):
            found += _drawing(resolver, scope)
    return tuple(found)


def _is_transform(resolver: Resolver, scope: Scope, placed: bool) -> bool:
    """Reports whether a class is one by its name, its bases or its file, and can be called."""
    if not any(name in scope.functions() for name in ENTRIES):
        return False
    bases = [base or "" for base in outer_bases(resolver, scope)]
    if any(base.startswith("torch.utils.data.") for base in bases):
        return False
    return placed or any(map(_NAMED.search, [scope.name, *bases]))


def _drawing(resolver: Resolver, scope: Scope) -> Iterator[Transform]:
    for kept in drawn_on(resolver, scope, ENTRIES):
        made = [what for what in kept.what if what != Known(None)]
        if made and all(isinstance(one, Made) and one.name in GENERATORS for one in made):
            yield Transform(scope.name, kept)
