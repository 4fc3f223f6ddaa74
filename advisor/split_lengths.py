"""The lengths that random_split is given: shares of a length, fractions and numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import libcst as cst

from .nodes import callee_tail, every_call
from .resolve import Resolver
from .scopes import Call, Place
from .torch_data_model import Length
from .values import constant, number_kind

DEEPEST = 4  # names that lead to names
CHANGING = r"\.\s*(?:append|extend|insert|pop|remove)\b|\[[^]]*\]\s*[-+]?=[^=]"
CUTTING = ("int", "floor")


def lengths(resolver: Resolver, call: Call) -> tuple[Length, ...]:
    """What is known of each; empty where they are not written as one list."""
    node: cst.CSTNode | None = None
    plain = [arg for arg in call.node.args if arg.keyword is None and not arg.star]
    if len(plain) > 1:
        node = plain[1].value
    for arg in call.node.args:
        if arg.star:
            return ()
        if arg.keyword is not None and arg.keyword.value == "lengths":
            node = arg.value
    node, place = _followed(resolver, node, call.place)
    if not isinstance(node, (cst.List, cst.Tuple)):
        return ()
    if any(isinstance(one, cst.StarredElement) for one in node.elements):
        return ()
    return tuple(_length(resolver, one.value, place) for one in node.elements)


def _followed(
    resolver: Resolver, node: cst.CSTNode | None, place: Place
) -> tuple[cst.CSTNode | None, Place]:
    """What the only assignment to a name gives it, and where that stands."""
    for _ in range(DEEPEST):
        if not isinstance(node, cst.Name):
            break
        binding = resolver.program.only_assignment(node.value, place)
        if binding is None or not isinstance(binding.value, cst.BaseExpression):
            break
        if isinstance(binding.value, cst.List) and _is_changed(resolver, node.value):
            break
        node, place = binding.value, binding.place
    return node, place


def _is_changed(resolver: Resolver, name: str) -> bool:
    """Reports whether a list of that name is changed in place anywhere."""
    changed = re.compile(rf"\b{re.escape(name)}\s*(?:{CHANGING})")
    return resolver.program.source.tells(changed.search)


def _length(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Length:
    value = resolver.value(node, place)
    number = constant(value)
    if number is not None and value[0].origin is None:
        given = number.value
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return Length(number=given)
    found, at = _followed(resolver, node, place)
    if isinstance(found, cst.Call) and callee_tail(found) in CUTTING and len(found.args) == 1:
        inner, at = _followed(resolver, found.args[0].value, at)
        share = _share(resolver, inner, at)
        return Length() if share is None else replace(share, whole=True)
    share = _share(resolver, found, at)
    if share is not None:
        return replace(share, is_float=share.base.startswith("len("))
    kinds = {number_kind(case.what) for case in value}
    measured = found is not None and any(callee_tail(one) == "len" for one in every_call(found))
    return Length(is_float=measured and kinds == {"float"})


def _share(resolver: Resolver, node: cst.CSTNode | None, place: Place) -> Length | None:
    """`0.8 * len(photos)`, either way round."""
    if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.Multiply):
        return None
    for one, other in ((node.left, node.right), (node.right, node.left)):
        value = resolver.value(one, place)
        known = constant(value)
        fraction = known.value if known is not None and value[0].origin is None else None
        if isinstance(fraction, float) and 0 < fraction < 1:
            base, at = _followed(resolver, other, place)
            if base is None or resolver.value(base, at)[0].origin is not None:
                return None
            return Length(
                fraction=fraction,
                base=at.scope.tree.code(base).strip(),
            )
    return None
