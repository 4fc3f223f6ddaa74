"""Which bindings of a name may be the one in force at a place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .interest import LIBRARIES
from .scopes import Binding, Place
from .values import Given, consistent

Order: TypeAlias = tuple[int, int]  # the number of a block, the order within it
AT_THE_END: Order = (1 << 30, 0)


@dataclass(frozen=True, slots=True)
class Reaching:
    """A binding that may be the one in force, and when it is."""

    binding: Binding
    given: Given


def without_fallbacks(several: Sequence[Reaching]) -> Sequence[Reaching]:
    """Those without what stands in for a known library that is missing: `except ImportError:`."""
    if len(several) < 2:
        return several
    tried = {
        key
        for one in several
        if one.binding.kind == "import" and one.binding.target.partition(".")[0] in LIBRARIES
        for key, holds in one.binding.place.given
        if holds and key.startswith("try ")
    }
    return [
        one
        for one in several
        if not any(key in tried and not holds for key, holds in one.binding.place.given)
    ]


def in_force(
    bindings: Sequence[Binding], at: Place, here: Order, order: Callable[[Place], Order]
) -> list[Reaching]:
    """Those of `bindings` that may give a name its value at `at`, the last one first.

    `here` is when `at` runs, as `order` tells it of the places of the bindings. Whoever
    is called later sees all bindings: its `here` is AT_THE_END.
    """
    earlier = [one for one in bindings if order(one.place) < here]
    around_again = [
        one
        for one in bindings
        if order(one.place) >= here and any(loop in at.loops for loop in one.place.loops)
    ]
    context = at.given
    found: list[Reaching] = []
    covered: list[Given] = []
    for binding in [*reversed(earlier), *around_again]:
        extra = binding.place.given - context
        if consistent(extra, context) is None:
            continue
        negated = frozenset(
            (key, not holds) for one in covered if len(one) == 1 for key, holds in one
        )
        given = consistent(extra, negated)
        if given is not None:
            found.append(Reaching(binding, given))
        covered.append(extra)
        if _always(covered):
            break
    return found


def _always(covered: list[Given]) -> bool:
    """Reports whether one of these sets of conditions must hold."""
    if any(not one for one in covered):
        return True
    if not covered:
        return False
    key = next(iter(covered[0]))[0]
    for holds in (True, False):
        rest = [one - {(key, holds)} for one in covered if (key, not holds) not in one]
        if not _always(rest):
            return False
    return True
