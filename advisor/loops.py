"""Where the batches go: loops over loaders, and what they do with a batch."""

from __future__ import annotations

from .calls import ReadCall
from .model import DatasetChange, Loop, Rebuilt, SamplerUse
from .resolve import Resolver


class Consumption:
    """Everything that takes batches from the loaders of a module."""

    def __init__(self, resolver: Resolver, calls: list[ReadCall]) -> None:
        self.loops: tuple[Loop, ...] = ()
        self.rebuilt: tuple[Rebuilt, ...] = ()
        self.changes: tuple[DatasetChange, ...] = ()
        self.samplers: tuple[SamplerUse, ...] = ()
