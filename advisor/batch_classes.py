"""Classes of this file whose objects a collate_fn gives as batches."""

from __future__ import annotations

import libcst as cst

from .calling import returned
from .members import find_method, lineage, outer_bases
from .model import BatchClass
from .nodes import decorators
from .resolve import Resolver
from .scopes import Scope
from .values import Defined, Made, Value, is_none
from .worker_code import survey

# Bases that bring neither pin_memory nor the way of a mapping or a sequence.
_BARE = frozenset({"builtins.object", "abc.ABC", "typing.Generic"})


def batch_class(resolver: Resolver, collate: Value) -> BatchClass | None:
    """The class that every batch of a collate_fn is an object of, where it can hold tensors."""
    found: dict[int, Scope] = {}
    tensors = False
    for case in collate:
        what = case.what
        if is_none(what) is True:
            continue
        if not isinstance(what, Defined) or what.kind not in ("function", "lambda"):
            return None
        for given in returned(resolver, what.where):
            made = given.what
            if not isinstance(made, Made) or made.part or not isinstance(made.within, Scope):
                return None
            found[id(made.within)] = made.within
        tensors = tensors or "torch" in survey(what.where).names
    if len(found) != 1:
        return None
    owner = next(iter(found.values()))
    if not _is_bare(resolver, owner) or not isinstance(owner.node, cst.ClassDef):
        return None
    code = owner.tree.code(owner.node)
    if not tensors and "Tensor" not in code and "torch." not in code:
        return None
    return BatchClass(
        name=owner.name,
        span=resolver.program.span(owner.node.name, owner),
        pins=find_method(resolver, owner, "pin_memory") is not None,
    )


def _is_bare(resolver: Resolver, owner: Scope) -> bool:
    """Reports whether a class has nothing but what this file gives it."""
    for one in lineage(resolver, owner):
        assert isinstance(one.node, cst.ClassDef)
        if one.node.keywords or "__getattr__" in one.bindings or "__getitem__" in one.bindings:
            return False
        if any(name.rpartition(".")[2] != "dataclass" for name in decorators(one.node)):
            return False
    return all(name in _BARE for name in outer_bases(resolver, owner))
