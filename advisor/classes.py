"""Dataset classes of a module: what they define, keep, and do in workers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from .calling import PASSING
from .classes_model import DatasetClass
from .definitions import Definition
from .devices import device_calls
from .kept import kept_values
from .members import definitions, lineage, outer_bases
from .methods import read_method
from .nodes import callee_tail, dotted_name
from .pieces import elements
from .resolve import Resolver
from .scopes import Scope
from .torch_api import DATASET, ITERABLE_DATASET, ITERABLE_DATASETS, MAP_DATASETS
from .values import Group, Made, Symbol, Value
from .worker_changes import worker_changes
from .worker_code import Reached, calls_in, stream

if TYPE_CHECKING:
    from .model import LoaderCall

# Bases that add nothing which a DataLoader would call.
NEUTRAL = frozenset(
    {DATASET, ITERABLE_DATASET, "builtins.object", "typing.Generic", "typing.Protocol", "abc.ABC",
     "typing_extensions.Generic"}
)  # fmt: skip
MAP_FAMILIES = ("torchvision.datasets.", "torchaudio.datasets.")
WORKER_METHODS = {
    "map": ("__getitem__", "__getitems__"),
    "iterable": ("__iter__", "__next__"),
}
DEEPEST_WRAPPING = 3


class Classes:
    """The dataset classes of one module, each read when something leads to it."""

    def __init__(self, resolver: Resolver, path: str = "") -> None:
        self._resolver = resolver
        self._path = path  # of a module that another one led to
        self._by_scope: dict[int, DatasetClass | None] = {}

    def read_all(self) -> None:
        """Read those that can be found in the module without being led to."""
        for scope in _candidates(self._resolver):
            self.of_scope(scope)

    @property
    def facts(self) -> tuple[DatasetClass, ...]:
        return tuple(fact for fact in self._by_scope.values() if fact is not None)

    def of(self, value: Value) -> DatasetClass | None:
        """The class of the project that every case of `value` is an object of."""
        found: set[Scope | Definition | None] = set()
        for case in value:
            whole = isinstance(case.what, Made) and not case.what.part
            found.add(case.what.within if whole else None)  # type: ignore[union-attr]
        within = found.pop() if len(found) == 1 else None
        if isinstance(within, Definition):
            return within.dataset_class()
        return self.of_scope(within) if isinstance(within, Scope) else None

    def of_scope(self, scope: Scope) -> DatasetClass | None:
        """The dataset class whose body `scope` is; None where it is none."""
        if id(scope) not in self._by_scope:
            self._by_scope[id(scope)] = None  # while it is being read
            reading = _Reading(self._resolver, scope, self._path)
            alone = self._resolver.remembered("dataset", scope, reading.alone)
            self._by_scope[id(scope)] = alone and reading.among_others(alone)
        return self._by_scope[id(scope)]

    def inside(self, value: Value, depth: int = 0) -> list[DatasetClass]:
        """The classes of the datasets that `value` is made from: Subset, random_split and the like.

        They run in the same workers.
        """
        found: list[DatasetClass] = []
        for case in value:
            if not isinstance(case.what, Made) or not case.what.where or depth >= DEEPEST_WRAPPING:
                continue
            call, place = case.what.where[:2]
            if not isinstance(call, cst.Call):
                continue
            for arg in call.args:
                if arg.star:
                    continue
                given = self._resolver.value(arg.value, place)
                given = elements(self._resolver, given) if _is_list(given) else given
                fact = self.of(given)
                found += [fact] if fact is not None else []
                found += self.inside(given, depth + 1)
        return found


def _is_list(value: Value) -> bool:
    return all(
        isinstance(case.what, Group) and case.what.kind in ("list", "tuple") for case in value
    )


def dataset_classes(resolver: Resolver) -> Classes:
    """Those of one module, all that can be found in it."""
    classes = Classes(resolver)
    classes.read_all()
    return classes


def _candidates(resolver: Resolver) -> list[Scope]:
    """The classes read so far, and those elsewhere that derive from a dataset class here."""
    program = resolver.program
    known: set[str] = set()
    while True:
        found = [scope for scope in program.scopes() if scope.kind == "class"]
        names = {scope.name for scope in found if _kind(resolver, scope) is not None}
        if names <= known:
            return found
        words = "|".join(map(re.escape, sorted(names - known)))
        known |= names
        program.read_where(rf"\bclass\s+\w+\s*\([^)]*\b(?:{words})\b")


def _kind(resolver: Resolver, scope: Scope) -> str | None:
    for fact in _facts_elsewhere(resolver, scope):
        return fact.kind
    for base in outer_bases(resolver, scope):
        if base in ITERABLE_DATASETS:
            return "iterable"
        if base is not None and (
            base == DATASET or base in MAP_DATASETS or base.startswith(MAP_FAMILIES)
        ):
            return "map"
    return None


def _facts_elsewhere(resolver: Resolver, scope: Scope) -> Iterator[DatasetClass]:
    """The dataset classes of other modules that a class derives from."""
    for base in definitions(resolver, scope):
        fact = base.dataset_class()
        if fact is not None:
            yield fact


class _Reading:
    """One class, while it is being read."""

    def __init__(self, resolver: Resolver, scope: Scope, path: str) -> None:
        self.resolver = resolver
        self.path = path
        self.scope = scope
        self.program = resolver.program
        self.node = scope.node

    def alone(self) -> DatasetClass | None:
        """What its own code says, and the code that it leads to; None for no dataset class."""
        kind = _kind(self.resolver, self.scope)
        if kind is None:
            return None
        assert isinstance(self.node, cst.ClassDef)
        name = self.node.name
        reached = Reached(self.resolver, self.scope, WORKER_METHODS[kind])
        worker_calls = list(reached.calls())
        kept = kept_values(self.resolver, self.scope, reached)
        return DatasetClass(
            name=self.scope.name,
            kind=kind,
            bases_known=self.bases_known(),
            methods={
                name: read_method(self.resolver, one, self.makes_iterators)
                for name, one in self.functions.items()
            },
            own_methods=tuple(self.scope.functions()),
            find_span=self.program.finding(name, self.scope),
            bound=self.bound(),
            kept=tuple(kept),
            worker_reads=reached.attributes(),
            worker_reads_again=reached.again(),
            worker_writes=reached.rebound(),
            worker_reseeds=reached.reseeded(),
            worker_changes=worker_changes(self.resolver, self.scope, reached),
            worker_calls=tuple(self.named(reached)),
            worker_mentions=reached.names(),
            device_calls=tuple(device_calls(self.resolver, worker_calls)),
            indexed_in_worker=reached.indexed(),
            stream=stream(self.resolver, reached) if kind == "iterable" else None,
            decorated=bool(self.node.decorators),
            local=_in_function(self.scope),
            path=self.path,
        )

    def among_others(self, alone: DatasetClass) -> DatasetClass:
        """With what the rest of the module says of it."""
        return replace(
            alone,
            find_mentions=self.mentions,
            find_loaders_elsewhere=self.loaders_elsewhere,
            set_from_outside=self.set_from_outside(),
            instantiated=self.instantiated(),
            subclassed=self.subclassed(),
        )

    @cached_property
    def line(self) -> list[Scope]:
        """The class and its bases in this file, in order of look-up."""
        return lineage(self.resolver, self.scope)

    @cached_property
    def functions(self) -> dict[str, Scope]:
        found: dict[str, Scope] = {}
        for base in reversed(self.line):
            found |= base.functions()
        return found

    @cached_property
    def elsewhere(self) -> list[DatasetClass]:
        """The dataset classes of other modules that it derives from."""
        return list(_facts_elsewhere(self.resolver, self.scope))

    def bound(self) -> frozenset[str]:
        here = (name for base in self.line for name in base.bindings)
        return frozenset(here).union(*(base.bound for base in self.elsewhere))

    def bases_known(self) -> bool:
        known = sum(base.bases_known for base in self.elsewhere)
        outside = [name not in NEUTRAL for name in outer_bases(self.resolver, self.scope)]
        if sum(outside) != known:
            return False
        for base in self.line:
            assert isinstance(base.node, cst.ClassDef)
            if base.node.decorators or any(
                callee_tail(k.value) != "ABCMeta" and dotted_name(k.value) not in _ABC_METACLASSES
                for k in base.node.keywords
            ):
                return False
            if "__getattr__" in base.bindings or base.stars:
                return False
            if self.program.module_bindings(f"{base.name}.__getitem__"):
                return False
            if self.program.module_bindings(f"{base.name}.__len__"):
                return False
        return True

    @cached_property
    def makes_iterators(self) -> bool:
        return any(
            callee_tail(call.node) in PASSING
            for scope in self.functions.values()
            for call in calls_in(scope)
        )

    # Around the class

    def mentions(self) -> frozenset[str]:
        return self.resolver.remembered(
            "mentions",
            self.scope,
            lambda: Reached(self.resolver, self.scope, sorted(self.functions)).names(),
        )

    def loaders_elsewhere(self) -> tuple[LoaderCall, ...]:
        imports = self.resolver.imports
        if imports is None or _in_function(self.scope):
            return ()
        return tuple(imports.loaders_over(self.scope.name))

    def named(self, reached: Reached) -> list[str]:
        """The calls in worker code whose full name is known."""
        found = []
        for scope in reached.scopes:
            for call in calls_in(scope):
                value = self.resolver.value(call.node.func, call.place)
                if len(value) == 1 and isinstance(value[0].what, Symbol):
                    found.append(value[0].what.name)
        return found

    def set_from_outside(self) -> frozenset[str]:
        """The attributes that code outside the class assigns on something."""
        found = set(self.program.set_in_unread)
        inside = {id(scope) for base in self.line for scope in base.everything()}
        for scope in self.program.scopes():
            if id(scope) not in inside:
                me = _object_name(scope)
                found |= {
                    store.target.attr.value
                    for store in scope.stores
                    if isinstance(store.target, cst.Attribute)
                    and dotted_name(store.target.value) != me
                }
        return frozenset(found)

    def instantiated(self) -> bool:
        return any(
            isinstance(case.what, Made) and case.what.within is self.scope
            for call in self.program.calls_named(self.scope.name)
            for case in self.resolver.value(call.node, call.place)
        )

    def subclassed(self) -> bool:
        return any(
            self.scope in lineage(self.resolver, other)
            for other in self.program.scopes()
            if other.kind == "class" and other is not self.scope and other.node.bases  # type: ignore[attr-defined]
        )


_ABC_METACLASSES = frozenset({"ABCMeta", "abc.ABCMeta"})


def _object_name(scope: Scope) -> str | None:
    """What a method calls its object; None outside classes."""
    method: Scope | None = scope
    while method is not None and (method.parent is None or method.parent.kind != "class"):
        method = method.parent
    return method.first_parameter if method is not None else None


def _in_function(scope: Scope) -> bool:
    parent = scope.parent
    while parent is not None and parent.kind != "function":
        parent = parent.parent
    return parent is not None
