"""Dataset classes of a module: what they define, keep, and do in workers."""

from __future__ import annotations

from .classes_model import DatasetClass
from .resolve import Resolver
from .scopes import Scope
from .torch_api import DATASET, ITERABLE_DATASET
from .values import Made, Value


class Classes:
    """The dataset classes of one module."""

    def __init__(self, facts: dict[int, DatasetClass]) -> None:
        self._by_scope = facts
        self.facts = tuple(facts.values())

    def of(self, value: Value) -> DatasetClass | None:
        """The class of this file that every case of `value` is an object of."""
        found = {
            id(case.what.within) if isinstance(case.what, Made) and not case.what.part else None
            for case in value
        }
        if len(found) != 1:
            return None
        return self._by_scope.get(found.pop() or 0)


def dataset_classes(resolver: Resolver) -> Classes:
    facts: dict[int, DatasetClass] = {}
    for scope in resolver.program.scopes():
        if scope.kind == "class":
            fact = _read(resolver, scope)
            if fact is not None:
                facts[id(scope)] = fact
    return Classes(facts)


def _read(resolver: Resolver, scope: Scope) -> DatasetClass | None:
    bases = resolver.outer_bases(scope)
    kind = "iterable" if ITERABLE_DATASET in bases else "map" if DATASET in bases else None
    if kind is None:
        return None
    return DatasetClass(
        name=scope.name,
        span=resolver.program.span(scope.node.name, scope),  # type: ignore[attr-defined]
        kind=kind,
        bases_known=None not in bases,
        methods={},
        own_methods=(),
    )
