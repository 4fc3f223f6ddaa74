"""The facts about dataset classes and callbacks that rules read.

Places are found when they are asked for: few are, and they cost as much as a parse. Those of
methods and kept values are found in the text as it is then: the facts about a class outlive the
edits that leave it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .text import Span
from .values import What

if TYPE_CHECKING:
    from .model import LoaderCall

PICKLED_BY_HAND = frozenset({"__getstate__", "__reduce__", "__reduce_ex__"})


@dataclass(frozen=True)
class Signature:
    """How many positional arguments a function takes, `self` not counted.

    `most` is None where *args takes any number. `required_keywords` are keyword-only
    parameters without a default.
    """

    least: int
    most: int | None
    required_keywords: tuple[str, ...] = ()

    def takes(self, count: int) -> bool:
        """Reports whether it can be called with that many positional arguments alone."""
        enough = self.least <= count and (self.most is None or count <= self.most)
        return enough and not self.required_keywords


@dataclass(frozen=True)
class DeviceCall:
    """Worker code that puts a tensor on a GPU.

    `sure` is False where the device is CUDA only on a machine that has one.
    """

    span: Span
    code: str
    sure: bool


@dataclass(frozen=True)
class Callback:
    """A function given as collate_fn or worker_init_fn.

    `kind` is lambda, local (defined inside a function), module, method, unbound (taken
    from a class, so that it lacks its object), called (the result of a call of `name`,
    a function of this file), constant (no callable at all) or unknown.
    """

    kind: str
    name: str
    span: Span  # where it stands in the call
    signature: Signature | None = None
    returns_only_none: bool = False  # of a called one: what it gives is None
    captures: tuple[str, ...] = ()  # names of the enclosing functions that it reads
    definition: Span | None = None
    body: Span | None = None  # of a lambda: its expression
    parameters: Span | None = None  # of a lambda
    statement: Span | None = None  # at the left margin, in which it is given to the loader
    device_calls: tuple[DeviceCall, ...] = ()
    mentions: frozenset[str] = frozenset()  # every name in its body
    assigns_worker_dataset: bool = False  # sets attributes of get_worker_info().dataset


@dataclass(frozen=True)
class Method:
    """A method of a dataset class, its own or inherited from a class of this file.

    `returns` says what its return statements give, None where it may end without one;
    read for the methods that torch calls, and empty for others.
    """

    name: str
    signature: Signature
    is_property: bool
    is_generator: bool
    is_abstract: bool  # marked so, or with no body but `...`, `pass` or a raise
    decorated: bool
    returns: tuple[What, ...]
    find_span: Callable[[], Span]
    find_parameters: Callable[[], Span]
    find_returns: Callable[[], tuple[Span, ...]]
    undefined_reads: tuple[str, ...] = ()  # of one without parameters: names bound nowhere
    mentions: frozenset[str] = frozenset()  # of one without parameters: every name in it

    @property
    def span(self) -> Span:
        """Its name."""
        return self.find_span()

    @property
    def parameters(self) -> Span:
        """Between the parentheses."""
        return self.find_parameters()

    @property
    def return_spans(self) -> tuple[Span, ...]:
        """The returned expressions."""
        return self.find_returns()


@dataclass(frozen=True)
class Records:
    """A list of many Python objects, by the way it is made; `paths` where they are only that."""

    words: str
    paths: bool = False


@dataclass(frozen=True)
class Kept:
    """A value that is there before workers start and that their code can reach.

    `holder` is object (`self.attribute = …` when the object is made), part (kept by an object
    that is kept so, and used there in workers), class (a name in the class body) or module (a
    name at the left margin, or of the function around one that is kept, that worker code calls
    methods of).
    `what` has every case of the value. `given` says that only its maker's caller in this
    file, or a default, makes it so.
    """

    attribute: str
    what: tuple[What, ...]
    find_span: Callable[[], Span]
    holder: str = "object"
    closed: bool = False  # closed again before the object is finished
    conditional: bool = False
    handed_in: bool = False  # comes from a parameter
    local: bool = False  # a lambda, or a function or class defined inside a function
    find_lambda: Callable[[], Span] | None = None  # in it: `Compose([Lambda(lambda x: …)])`
    records: Records | None = None

    @property
    def span(self) -> Span:
        """The value's expression."""
        return self.find_span()

    @property
    def lambda_span(self) -> Span | None:
        return None if self.find_lambda is None else self.find_lambda()

    @property
    def shown(self) -> str:
        return f"self.{self.attribute}" if self.holder != "module" else self.attribute


@dataclass(frozen=True)
class Stream:
    """How an iterable dataset yields: what decides whether its workers repeat each other."""

    endless: bool  # a loop without an end
    may_stop: bool  # a `while True` that something ends
    handed: tuple[str, ...]  # iterables that are handed in and may shard themselves
    divided: bool = False  # by the library that an iterable comes from


@dataclass(frozen=True)
class WorkerChange:
    """Worker code writes into a plain container or counter that the object keeps.

    `cached` says that it starts empty and is looked into first; `read_span` is where the
    main process reads it, None where that is not seen.
    """

    attribute: str
    span: Span
    cached: bool
    read_span: Span | None


@dataclass(frozen=True)
class DatasetClass:
    """A class that derives from torch's Dataset or IterableDataset, of any module.

    `bases_known` says that its whole ancestry is in this file or well known, so that a
    method not seen is not there. `worker_*` look at the code that runs in workers:
    __getitem__ and __getitems__, or __iter__ and __next__, and what they call here.
    """

    name: str
    kind: str  # map or iterable
    bases_known: bool
    methods: Mapping[str, Method]  # own and inherited from this file
    own_methods: tuple[str, ...]
    find_span: Callable[[], Span]
    find_mentions: Callable[[], frozenset[str]] = frozenset
    find_loaders_elsewhere: Callable[[], tuple[LoaderCall, ...]] = tuple
    bound: frozenset[str] = frozenset()  # every name that a class body here binds
    kept: tuple[Kept, ...] = ()
    worker_reads: frozenset[str] = frozenset()  # attributes of self
    worker_reads_again: frozenset[str] = frozenset()  # not only in what each process does once
    worker_writes: frozenset[str] = frozenset()  # rebound, not changed inside
    worker_reseeds: frozenset[str] = frozenset()  # attributes whose seed or state is set
    worker_changes: tuple[WorkerChange, ...] = ()
    worker_calls: tuple[str, ...] = ()  # dotted names called, resolved
    worker_mentions: frozenset[str] = frozenset()  # every name in that code
    device_calls: tuple[DeviceCall, ...] = ()
    indexed_in_worker: frozenset[str] = frozenset()  # self.attribute[index] in __getitem__
    stream: Stream | None = None  # of an iterable one
    set_from_outside: frozenset[str] = frozenset()  # attributes that code outside assigns
    instantiated: bool = False
    subclassed: bool = False  # in this file
    decorated: bool = False
    local: bool = False  # defined inside a function
    path: str = ""  # of the other module that it stands in, as its places then do

    @cached_property
    def span(self) -> Span:
        """Its name."""
        return self.find_span()

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every name in the class and in what it calls here."""
        return self.find_mentions()

    @cached_property
    def loaders_elsewhere(self) -> tuple[LoaderCall, ...]:
        """The loaders over its objects in the modules of the project that make them."""
        return self.find_loaders_elsewhere()

    def has(self, *names: str) -> bool:
        """Reports whether one of these methods is there, or may be."""
        return not self.bases_known or any(name in self.bound for name in names)

    @property
    def pickles_itself(self) -> bool:
        """Whether it says itself what of its objects is pickled."""
        return not PICKLED_BY_HAND.isdisjoint(self.bound)

    @property
    def is_abstract(self) -> bool:
        return any(method.is_abstract for method in self.methods.values())
