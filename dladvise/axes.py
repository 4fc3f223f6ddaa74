"""Axes of a chart: round numbers along one, and numbers of workers along the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

APART = 22.0  # between two numbers of workers, so that their labels are side by side


class Scale(NamedTuple):
    """An axis from 0 to `top`, with a tick at every multiple of `step`."""

    top: float
    step: float

    @property
    def ticks(self) -> list[float]:
        return [index * self.step for index in range(round(self.top / self.step) + 1)]


def scale(most: float, n_steps: int) -> Scale:
    """An axis that reaches `most` in about so many steps of 1, 2 or 5 times a power of ten."""
    if not 0 < most < math.inf:
        return Scale(1.0, 1.0)
    least = most / n_steps
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
    return Scale(math.ceil(most / step - 1e-9) * step, step)


def tick(value: float, most: float) -> str:
    """0, 25, 2,000, 15k, 2M, 0.004, 2e-7: in the unit of `most`, the end of its axis."""
    for unit, letter, least in ((1e9, "G", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4)):
        if most >= least:
            return f"{value / unit:,.4g}{letter}" if value else "0"
    if 0 < value < 1e-3:
        digits, _, power_of_ten = f"{value:.3e}".partition("e")
        return f"{float(digits):g}e{int(power_of_ten)}"
    return f"{value:,.5g}"


class Places(NamedTuple):
    """Where each number of workers is along an axis, and how they are spaced."""

    of: dict[int, float]
    spacing: str


def places(workers: Sequence[int], left: float, right: float) -> Places:
    """Linear where all of them are far enough from each other, else logarithmic, else even."""
    ordered = sorted(set(workers))
    if len(ordered) < 2:
        return Places({n: (left + right) / 2 for n in ordered}, "linear")
    spacings: dict[str, Callable[[int], float]] = {
        "linear": float,
        "logarithmic": lambda n: math.log2(1 + n),
        "evenly spaced": lambda n: float(ordered.index(n)),
    }
    found = [
        Places(_spread(ordered, spaced, left, right), name) for name, spaced in spacings.items()
    ]
    return next((one for one in found if _nearest(one) >= APART), found[-1])


def _spread(
    ordered: Sequence[int], spaced: Callable[[int], float], left: float, right: float
) -> dict[int, float]:
    first, last = spaced(ordered[0]), spaced(ordered[-1])
    return {n: left + (right - left) * (spaced(n) - first) / (last - first) for n in ordered}


def _nearest(found: Places) -> float:
    return min(after - before for before, after in pairwise(found.of.values()))
