"""DL016: the lengths given to random_split are none that torch accepts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Module
from ..text import Edit
from ..torch_data_model import DataCall, Length

TRIED = 1000  # lengths of a dataset; beyond, the share that fails stays the same


@rule("DL016", Severity.WARNING)
def split_lengths_mismatch(module: Module) -> Iterator[Hit]:
    """Reports lengths whose sum is not that of the dataset."""
    for call in module.torch_data.calls:
        given = call.arguments.get("lengths")
        if given is None or not call.lengths:
            continue
        message = _refused(call) or _truncated(call)
        if message is not None:
            yield Hit(given.span, message, _fix(module, call))


def _refused(call: DataCall) -> str | None:
    """What is wrong with numbers that torch never accepts."""
    if any(one.is_float for one in call.lengths):
        return "a length is no whole number, and no fraction of 1 either: torch raises an error"
    numbers = [one.number for one in call.lengths if one.number is not None]
    if len(numbers) < len(call.lengths) or not any(isinstance(n, float) for n in numbers):
        return None
    if _are_fractions(numbers):
        return None
    outside = [number for number in numbers if not 0 <= number <= 1]
    if outside and math.isclose(math.fsum(numbers), 1):
        return f"the fraction {outside[0]} is not between 0 and 1: torch raises ValueError"
    return f"the fractions add up to {math.fsum(numbers):g} and not to 1: torch raises ValueError"


def _are_fractions(numbers: Sequence[float]) -> bool:
    """Torch's own condition, for the sum of Python before and since 3.12."""
    if any(not 0 <= number <= 1 for number in numbers):
        return False
    naive = 0.0
    for number in numbers:
        naive += number
    return any(math.isclose(total, 1) and total <= 1 for total in (naive, math.fsum(numbers)))


def _truncated(call: DataCall) -> str | None:
    """What is wrong with shares that are cut to integers one by one."""
    shares = _shares(call.lengths)
    if len(shares) < 2 or not math.isclose(sum(shares), 1) or call.n_samples_fixed:
        return None
    failing = sum(_total(shares, n) != n for n in range(1, TRIED + 1))
    if not failing:
        return None
    return (
        "each length is rounded down, and torch raises ValueError where their sum is too small: "
        f"for {failing * 100 // TRIED} of 100 lengths of the dataset"
    )


def _shares(lengths: Sequence[Length]) -> list[float]:
    """The fractions, where all are cut and of the same length."""
    found = [one.fraction for one in lengths if one.whole and one.fraction is not None]
    same = len({one.base for one in lengths}) == 1
    return found if same and len(found) == len(lengths) else []


def _total(shares: Sequence[float], n_samples: int) -> int:
    return sum(int(share * n_samples) for share in shares)


def _fix(module: Module, call: DataCall) -> Fix | None:
    """Fractions, which torch rounds so that the sum is right; a part may change by one sample."""
    shares = [round(share, 9) for share in _shares(call.lengths)]
    if not shares or not _are_fractions(shares) or not module.target.torch_at_least(1, 13):
        return None
    text = ", ".join(map(repr, shares))
    edit = Edit(call.arguments["lengths"].span, f"[{text}]")
    return Fix("Give fractions", (edit,), Safety.UNSAFE)
