"""What else in a module matters to its loaders: frameworks, ranks, splits, seeds."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import ReadCall
from .model import SeedRecipe, SplitChange
from .resolve import Resolver
from .text import Span
from .torch_api import FRAMEWORKS


@dataclass(frozen=True)
class Surroundings:
    split_changes: tuple[SplitChange, ...] = ()
    seed_recipes: tuple[SeedRecipe, ...] = ()
    frameworks: frozenset[str] = frozenset()
    distributed: Span | None = None
    start_method: str | None = None
    reads_rank: bool = False
    torch_name: str | None = None


def surroundings(resolver: Resolver, calls: list[ReadCall]) -> Surroundings:
    imported = resolver.program.imported
    return Surroundings(
        frameworks=frozenset(FRAMEWORKS[name] for name in imported if name in FRAMEWORKS)
    )
