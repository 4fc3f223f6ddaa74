"""Iterables of libraries that divide their items among the workers by themselves."""

from __future__ import annotations

import libcst as cst

from .members import assignments
from .nodes import dotted_name, keyword_argument
from .resolve import Resolver
from .scopes import Binding, Place
from .values import Symbol

# Read in webdataset 1.0.2 and litdata 0.2.76; streaming is MosaicML's.
LIBRARIES = ("webdataset.", "litdata.", "streaming.")
TO_STREAM = frozenset({"to_iterable_dataset"})


def divides_itself(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    """Reports whether an iterable comes from such a library, whatever methods were called on it."""
    return _divides(resolver, node, place, set())


def may_be_given_divided(
    resolver: Resolver, node: cst.BaseExpression, place: Place, seen: frozenset[int] = frozenset()
) -> bool:
    """Reports whether it is what methods of a stream made of something that the caller gives."""
    if id(node) in seen:
        return False
    seen |= {id(node)}
    if isinstance(node, cst.Call):
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value not in OF_STREAMS:
            return False
        root = node.func.value
        return _is_given(resolver, root, place, seen) or may_be_given_divided(
            resolver, root, place, seen
        )
    dotted = dotted_name(node)
    return dotted is not None and any(
        may_be_given_divided(resolver, one.value, one.place, seen)
        for one in _bindings(resolver, dotted, place)
        if isinstance(one.value, cst.BaseExpression) and not one.path
    )


# Methods by which the streams of datasets and webdataset make others.
OF_STREAMS = frozenset(
    {
        "map", "filter", "shuffle", "batch", "batched", "with_format", "with_epoch", "take", "skip",
        "repeat", "decode", "to_tuple", "map_tuple", "rename", "select", "compose", "then",
        "remove_columns", "select_columns", "rename_column", "rename_columns", "cast_column",
    }
)  # fmt: skip


def _is_given(
    resolver: Resolver, node: cst.BaseExpression, place: Place, seen: frozenset[int]
) -> bool:
    """Reports whether a name stands for a parameter, be it by way of other names."""
    dotted = dotted_name(node)
    if dotted is None or id(node) in seen:
        return False
    return any(
        one.kind == "parameter"
        or (
            isinstance(one.value, cst.BaseExpression)
            and _is_given(resolver, one.value, one.place, seen | {id(node)})
        )
        for one in _bindings(resolver, dotted, place)
    )


def _divides(
    resolver: Resolver, node: cst.BaseExpression | None, place: Place, seen: set[int]
) -> bool:
    if node is None or id(node) in seen:
        return False
    seen.add(id(node))
    if isinstance(node, cst.Subscript):
        return _divides(resolver, node.value, place, seen)
    if isinstance(node, cst.Call):
        return _is_made_so(resolver, node, place) or _divides(resolver, _source(node), place, seen)
    dotted = dotted_name(node)
    if dotted is None:
        return False
    return any(
        _divides(resolver, one.value, one.place, seen)
        for one in _bindings(resolver, dotted, place)
        if isinstance(one.value, cst.BaseExpression) and not one.path
    )


def _is_made_so(resolver: Resolver, node: cst.Call, place: Place) -> bool:
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in TO_STREAM:
        return True
    for case in resolver.value(node.func, place):
        if not isinstance(case.what, Symbol):
            continue
        if case.what.name.startswith(LIBRARIES):
            return True
        if case.what.name == "datasets.load_dataset":
            return _may_stream(node)
    return False


def _may_stream(node: cst.Call) -> bool:
    """Reports whether a load_dataset may give a stream; a stream of datasets 5.2 divides itself."""
    if any(arg.star for arg in node.args):
        return True
    streaming = keyword_argument(node, "streaming")
    return streaming is not None and dotted_name(streaming) != "False"


def _source(node: cst.Call) -> cst.BaseExpression | None:
    """What a call goes over: the object of a method, or the first argument of a function."""
    if isinstance(node.func, cst.Attribute):
        return node.func.value
    return node.args[0].value if node.args else None


def _bindings(resolver: Resolver, dotted: str, place: Place) -> list[Binding]:
    head, _, attribute = dotted.partition(".")
    if not attribute:
        return [one.binding for one in resolver.program.reaching(head, place) or ()]
    owner = place.scope
    while owner.parent is not None and owner.kind != "class":
        owner = owner.parent
    if owner.kind != "class" or "." in attribute:
        return []
    return assignments(resolver, owner, attribute)
