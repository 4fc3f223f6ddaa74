"""The facts about what else of torch.utils.data a module uses, and how, that rules read."""

from __future__ import annotations

from dataclasses import dataclass

from .text import Span


@dataclass(frozen=True)
class SamplerInit:
    """A class of this file gives arguments to the __init__ of torch's Sampler.

    `given` are these arguments; `removable` says that nothing is lost where they go.
    """

    class_name: str
    span: Span
    given: Span
    removable: bool


@dataclass(frozen=True)
class SubsetOverride:
    """A class derived from torch's Subset has a __getitem__ and no __getitems__.

    `behind` is the end of that method, on a line of its own, and `indent` what its `def`
    stands behind. `told` says that torch notices: its own __init__ runs.
    """

    class_name: str
    span: Span
    behind: int
    indent: str
    told: bool


@dataclass(frozen=True)
class TorchData:
    """All of them."""

    sampler_inits: tuple[SamplerInit, ...] = ()
    subset_overrides: tuple[SubsetOverride, ...] = ()
