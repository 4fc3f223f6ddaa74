"""The facts about what else of torch.utils.data a module uses, and how, that rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .text import Span

if TYPE_CHECKING:
    from .model import Argument, LoaderCall


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
class Length:
    """One of the lengths that random_split is given.

    A share is `fraction` of `base`, as in `0.8 * len(photos)`, and `whole` where it is cut to
    an integer. `number` is what it is where that is known; `is_float` says that it is no integer,
    nor a fraction of 1.
    """

    fraction: float | None = None
    base: str = ""
    whole: bool = False
    number: float | None = None
    is_float: bool = False


@dataclass(frozen=True)
class DataCall:
    """A sampler, a split or a combination of datasets that torch.utils.data is asked for.

    `positional` has all arguments without a keyword; `hidden` says that a `*` or `**` may
    carry more. `kind` is that of the dataset in its first argument, or of all in that list.
    """

    name: str  # such as RandomSampler
    span: Span
    callee: Span
    arguments: Mapping[str, Argument]
    positional: tuple[Argument, ...]
    hidden: bool
    kind: str | None = None
    is_empty: bool = False  # its first argument is written as []
    is_nested: bool = False  # its first argument is a list of lists
    lengths: tuple[Length, ...] = ()  # of random_split
    n_samples_fixed: bool = False  # its dataset has the same length wherever it is loaded
    draws_length: bool = False  # its num_samples is the length of its weights or of a dataset

    def lacks(self, name: str) -> bool:
        """Reports whether the argument is certainly not given."""
        return name not in self.arguments and not self.hidden


@dataclass(frozen=True)
class LoaderUse:
    """A loader is used as what it is not.

    `kind` is set (`loader.attribute = …`), next (`next(loader)`), index (`loader[…]`),
    next method (`iter(loader).next()`) or cycle (`itertools.cycle(loader)`). `subject` is the
    place of the loader there, or of its iterator. `repeated` says that it runs again and again.
    """

    kind: str
    span: Span
    subject: Span
    attribute: str = ""
    repeated: bool = False
    module: str = ""  # of cycle: how itertools is called there, empty where cycle is imported


@dataclass(frozen=True)
class SpentIterator:
    """A loader draws from an iterator that is at its end after one epoch.

    It is given as `argument`, sampler or batch_sampler, or is what __iter__ of the dataset gives
    where that is empty. `keeps_batches` says that a list of it has the same items.
    """

    words: str
    span: Span
    loader: LoaderCall
    argument: str = ""
    keeps_batches: bool = False


@dataclass(frozen=True)
class StrayStop:
    """A next() in __getitem__ or a collate_fn, of an iterator that comes to its end."""

    span: Span
    iterator: str


@dataclass(frozen=True)
class Uncollatable:
    """What a dataset gives that torch cannot put into a batch without a collate_fn.

    `words` say what it is; `is_whole` that it is the sample and not only a part of it.
    """

    span: Span
    words: str
    loader: LoaderCall
    is_whole: bool


@dataclass(frozen=True)
class TorchData:
    """All of them."""

    sampler_inits: tuple[SamplerInit, ...] = ()
    subset_overrides: tuple[SubsetOverride, ...] = ()
    calls: tuple[DataCall, ...] = ()
    loader_uses: tuple[LoaderUse, ...] = ()
    spent: tuple[SpentIterator, ...] = ()
    stray_stops: tuple[StrayStop, ...] = ()
    uncollatable: tuple[Uncollatable, ...] = ()
