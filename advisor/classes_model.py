"""The facts about dataset classes and callbacks that rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .text import Span
from .values import What


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
    device_calls: tuple[Span, ...] = ()  # .cuda(), .to("cuda") in it
    mentions: frozenset[str] = frozenset()  # every name in its body
    assigns_worker_dataset: bool = False  # sets attributes of get_worker_info().dataset


@dataclass(frozen=True)
class Method:
    """A method of a dataset class."""

    name: str
    span: Span  # its name
    signature: Signature
    is_property: bool
    is_generator: bool
    is_abstract: bool
    decorated: bool
    returns: tuple[What, ...]  # what its return statements give; empty where it has none
    parameters: Span  # between the parentheses
    undefined_reads: tuple[str, ...] = ()  # names it reads that nothing in the file binds
    return_spans: tuple[Span, ...] = ()  # the returned expressions


@dataclass(frozen=True)
class Kept:
    """A value that __init__ keeps on the object: `self.attribute = …`."""

    attribute: str
    span: Span  # the value
    what: What
    code: str
    closed: bool = False  # __init__ closes it again
    conditional: bool = False


@dataclass(frozen=True)
class DatasetClass:
    """A class that derives from torch's Dataset or IterableDataset.

    `bases_known` says that its whole ancestry is in this file or well known, so that a
    method not seen is not there. `worker_*` look at the code that runs in workers:
    __getitem__, __getitems__, __iter__ and the methods of the object they call.
    """

    name: str
    span: Span
    kind: str  # map or iterable
    bases_known: bool
    methods: Mapping[str, Method]  # own and inherited from this file
    own_methods: tuple[str, ...]
    kept: tuple[Kept, ...] = ()
    worker_reads: frozenset[str] = frozenset()  # attributes of self
    worker_writes: frozenset[str] = frozenset()
    worker_calls: tuple[tuple[str, Span], ...] = ()  # dotted names called, resolved
    worker_mentions: frozenset[str] = frozenset()  # every name in that code
    mentions: frozenset[str] = frozenset()  # every name in the class and what it calls here
    device_calls: tuple[Span, ...] = ()  # .cuda(), .to("cuda"), device="cuda" in worker code
    indexed_in_worker: frozenset[str] = frozenset()  # self.attribute[...] in worker code
    instantiated: bool = False
    local: bool = False  # defined inside a function
