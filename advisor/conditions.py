"""What conditions decide: and, or, not, comparisons, and the ways to a place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from .arithmetic import compared
from .scopes import Guard, Place, condition_key
from .values import (
    ALWAYS,
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Given,
    Known,
    Origin,
    Value,
    consistent,
    truth,
    under,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver

MOST_WAYS = 16  # in which a place is reached; more tell a rule nothing
_COMPARISONS: dict[type[cst.BaseCompOp], tuple[str, bool]] = {
    cst.Is: ("is", True), cst.IsNot: ("is", False), cst.Equal: ("==", True),
    cst.NotEqual: ("==", False), cst.LessThan: ("<", True), cst.LessThanEqual: ("<=", True),
    cst.GreaterThan: (">", True), cst.GreaterThanEqual: (">=", True),
}  # fmt: skip


class Truth(NamedTuple):
    """That a condition holds (or fails), when that can be, and the default that says so."""

    holds: bool
    given: Given
    origin: Origin | None


def truths(resolver: Resolver, test: cst.BaseExpression, place: Place) -> list[Truth]:
    """Whether `test` can hold and can fail, under which conditions, by which default."""
    found: list[Truth] = []
    for case in resolver.value(test, place):
        decided = truth(case.what)
        if decided is not None:
            found.append(Truth(decided, case.given, case.origin))
        else:
            found += _either(test, place, case)
    return found


def _either(test: cst.BaseExpression, place: Place, case: Case) -> list[Truth]:
    """Both outcomes of a condition of which nothing is known, told apart by its text."""
    key, straight = condition_key(test, place.scope.tree)
    return [
        Truth(holds, given, case.origin)
        for holds in (True, False)
        if (given := consistent(case.given, frozenset({(key, holds == straight)}))) is not None
    ]


def truth_value(found: Iterable[Truth]) -> Value:
    """True and False, as far as each can be."""
    return united(Case(Known(one.holds), one.given, one.origin) for one in found)


def choice(resolver: Resolver, node: cst.IfExp, place: Place) -> Value:
    """`body if test else orelse`; what a default chooses is a default too."""
    found: list[Case] = []
    for one in truths(resolver, node.test, place):
        branch = node.body if one.holds else node.orelse
        given = one.given
        if one.origin is not None and one.origin.may_be_overridden:
            given = given | {(one.origin.label, True)}
        found += _by(one.origin, under(resolver.value(branch, place), given))
    return united(found)


def boolean(resolver: Resolver, node: cst.BooleanOperation, place: Place) -> Value:
    """`left and right`, `left or right`."""
    both = isinstance(node.operator, cst.And)
    found: list[Case] = []
    for case in resolver.value(node.left, place):
        decided = truth(case.what)
        if decided is not None:
            if decided == both:
                right = resolver.value(node.right, place)
                found += _by(case.origin, under(right, case.given))
            else:
                found.append(case)
            continue
        for one in _either(node.left, place, case):
            if one.holds == both:
                found += under(resolver.value(node.right, place), one.given)
            else:
                what = Known(one.holds) if _is_condition(node.left) else case.what
                found.append(Case(what, one.given, case.origin))
    return united(found)


def _is_condition(node: cst.BaseExpression) -> bool:
    """Reports whether an expression is either True or False."""
    if isinstance(node, cst.Comparison):
        return True
    return isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not)


def _by(origin: Origin | None, cases: list[Case]) -> list[Case]:
    """The cases, chosen by a default where `origin` is one: then they are defaults too."""
    if origin is None:
        return cases
    return [Case(c.what, c.given, c.origin or origin, c.via) for c in cases]


def comparison(resolver: Resolver, node: cst.Comparison, place: Place) -> Value:
    """A comparison of two values; unknown for chains."""
    if len(node.comparisons) != 1:
        return NOTHING_KNOWN
    operator, straight = _COMPARISONS.get(type(node.comparisons[0].operator), ("", True))
    if not operator:
        return _undecided(node, place)
    right = resolver.value(node.comparisons[0].comparator, place)
    found: list[Case] = []
    for a in resolver.value(node.left, place):
        for b in right:
            given = consistent(a.given, b.given)
            if given is None:
                continue
            decided = compared(operator, a.what, b.what)
            if decided is None:
                found += under(_undecided(node, place), given)
            else:
                found.append(Case(Known(decided == straight), given, a.origin or b.origin))
    return united(found)


def _undecided(node: cst.Comparison, place: Place) -> Value:
    return truth_value(_either(node, place, Case(UNKNOWN)))


def ways(resolver: Resolver, place: Place) -> list[Given]:
    """The ways in which `place` can be reached, as far as its conditions tell.

    Empty where the defaults known here cannot lead to it.
    """
    found: list[Given] = [ALWAYS]
    for guard in place.guards:
        through = _through(resolver, guard)
        found = [
            both
            for way in found
            for option in through
            if (both := consistent(way, option)) is not None
        ][:MOST_WAYS]
    return found


def _through(resolver: Resolver, guard: Guard) -> list[Given]:
    """The ways in which one condition can come true."""
    own = frozenset({guard.fact})
    if guard.test is None or guard.place is None:
        return [own]
    found = [
        together
        for one in truths(resolver, guard.test, guard.place)
        if one.holds == guard.written and (together := consistent(one.given, own)) is not None
    ]
    if found or is_left_out(resolver, guard.test, guard.place):
        return found or [own]
    against = _defaults_against(resolver, guard.test, guard.place, guard.written)
    if not against:
        return []
    return [own | {(origin.label, False) for origin in against}]


def _defaults_against(
    resolver: Resolver, test: cst.BaseExpression, place: Place, wanted: bool
) -> set[Origin]:
    """The defaults by which alone a condition is not as `wanted`: `if args.train:`.

    Whoever gives another value gets past it.
    """
    found: set[Origin] = set()
    for one in truths(resolver, test, place):
        if one.holds == wanted or one.origin is None or not one.origin.may_be_overridden:
            return set()
        found.add(one.origin)
    if wanted and isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        for part in (test.left, test.right):
            found |= _defaults_against(resolver, part, place, wanted)
    return found


def is_left_out(resolver: Resolver, test: cst.BaseExpression, place: Place) -> bool:
    """Reports whether a condition asks for what is None only as nobody here gives it."""
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        with_none = test.comparisons[0].comparator
        if not isinstance(with_none, cst.Name) or with_none.value != "None":
            return False
        test = test.left
    return all(
        case.what == Known(None) and case.origin is not None and case.origin.is_parameter
        for case in resolver.value(test, place)
    )
