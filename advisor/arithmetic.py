"""What operators and comparisons give for values that are known in part."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from .values import UNKNOWN, Known, Number, Text, What, interval, is_none, number_kind, shown

Bounds: TypeAlias = tuple[float | None, float | None]
_Choice: TypeAlias = Callable[[Iterable[Any]], Any]  # min or max

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": operators.truediv,
    "//": operators.floordiv,
    "%": operators.mod,
    "**": lambda a, b: a**b if abs(a) < 1000 and abs(b) < 64 else None,
    "|": operators.or_,
    "&": operators.and_,
    "<<": lambda a, b: a << b if b < 64 else None,
    ">>": operators.rshift,
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "is": lambda a, b: a is b or a == b,
    "==": operators.eq,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def arithmetic(operator: str, left: What, right: What) -> What:
    """The value of `left operator right`."""
    if isinstance(left, Known) and isinstance(right, Known):
        if operator in "*%" and isinstance(left.value, (str, bytes)):
            return Text(str(left.value).partition("%")[0] if operator == "%" else "")
        try:
            return Known(_ARITHMETIC[operator](left.value, right.value))
        except (KeyError, TypeError, ValueError, ArithmeticError):
            return UNKNOWN
    if operator == "+" and (isinstance(left, Text) or isinstance(right, Text)):
        prefix = left.prefix if isinstance(left, Text) else ""
        if isinstance(left, Known) and isinstance(left.value, str):
            prefix = left.value
        return Text(prefix)
    if operator == "%" and isinstance(left, Known) and isinstance(left.value, str):
        return Text(left.value.partition("%")[0])
    kinds = number_kind(left), number_kind(right)
    a, b = interval(left), interval(right)
    if None in kinds or a is None or b is None or operator not in _ARITHMETIC:
        return UNKNOWN
    kind = "float" if "float" in kinds or operator == "/" else "int"
    source = ""
    if _source(left) or _source(right):
        source = f"{shown(left)} {operator} {shown(right)}"
    return Number(kind, *_bounds(operator, a, b), source)


def _source(what: What) -> str:
    return what.source if isinstance(what, Number) else ""


def _bounds(operator: str, a: Bounds, b: Bounds) -> Bounds:
    if operator == "+":
        return _sum(a[0], b[0]), _sum(a[1], b[1])
    if operator == "-":
        return _sum(a[0], _negative(b[1])), _sum(a[1], _negative(b[0]))
    if a[0] is None or a[0] < 0 or b[0] is None or b[0] < 0:
        return None, None
    if operator == "*":
        return a[0] * b[0], None if a[1] is None or b[1] is None else a[1] * b[1]
    if operator in ("/", "//"):
        whole = operator == "//"
        low: float = 0
        if b[1]:
            low = a[0] // b[1] if whole else a[0] / b[1]
        high = a[1]
        if high is not None and b[0] >= 1:
            high = high // b[0] if whole else high / b[0]
        return low, high if b[0] >= 1 else None
    if operator == "%":
        return 0, b[1]
    return None, None


def _sum(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


def _negative(a: float | None) -> float | None:
    return None if a is None else -a


def least(*whats: What) -> What:
    """The value of min()."""
    return _extreme("min", whats)


def greatest(*whats: What) -> What:
    """The value of max()."""
    return _extreme("max", whats)


def _extreme(name: Literal["min", "max"], whats: tuple[What, ...]) -> What:
    choose: _Choice = min if name == "min" else max
    constants = [what.value for what in whats if isinstance(what, Known)]
    if len(constants) == len(whats):
        try:
            return Known(choose(constants))
        except (TypeError, ValueError):
            return UNKNOWN
    # an unknown operand can only lower a minimum or raise a maximum
    ranges = [interval(what) for what in whats]
    lows = [bounds[0] if bounds is not None else None for bounds in ranges]
    highs = [bounds[1] if bounds is not None else None for bounds in ranges]
    low, high = _of_known(choose, lows), _of_known(choose, highs)
    if name == "min" and None in lows:
        low = None
    if name == "max" and None in highs:
        high = None
    if None in ranges and low is None and high is None:
        return UNKNOWN
    kinds = {number_kind(what) for what in whats if interval(what) is not None}
    kind = "int" if kinds <= {"int"} else "float"
    source = f"{name}({', '.join(map(shown, whats))})" if any(map(_source, whats)) else ""
    return Number(kind, low, high, source)


def _of_known(choose: _Choice, bounds: Iterable[float | None]) -> float | None:
    found = [bound for bound in bounds if bound is not None]
    extreme: float | None = choose(found) if found else None
    return extreme


def compared(operator: str, left: What, right: What) -> bool | None:
    """The value of a comparison; None where it cannot be told."""
    if operator in ("is", "==") and isinstance(right, Known) and right.value is None:
        return is_none(left)
    if isinstance(left, Known) and isinstance(right, Known):
        try:
            return _COMPARISONS[operator](left.value, right.value)
        except (KeyError, TypeError):
            return None
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if operator in (">", ">="):
        a, b, operator = b, a, {">": "<", ">=": "<="}[operator]
    if operator not in ("<", "<="):
        return None
    below = _COMPARISONS[operator]
    if a[1] is not None and b[0] is not None and below(a[1], b[0]):
        return True
    if a[0] is not None and b[1] is not None and not below(a[0], b[1]):
        return False
    return None
