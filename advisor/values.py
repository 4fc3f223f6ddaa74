"""What an expression is known to be.

A value is one of several cases. Each case says what it is, under which conditions,
and whether it is fixed or only a default that a caller or the command line may change.
Unknown is a case of its own: it is neither absent nor false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, TypeAlias

from .text import Span

Given: TypeAlias = frozenset[tuple[str, bool]]
ALWAYS: Given = frozenset()
MOST_CASES = 12  # beyond this many cases a value counts as unknown


@dataclass(frozen=True, slots=True)
class Known:
    """A Python constant."""

    value: bool | int | float | complex | str | bytes | None


@dataclass(frozen=True, slots=True)
class Number:
    """A number of known type between `low` and `high`, both None where unbounded.

    `source` names the call it comes from, such as `os.cpu_count()`.
    """

    kind: str  # int or float
    low: float | None = None
    high: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A string that begins with `prefix`; `source` names where it comes from."""

    prefix: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a dotted name outside this file stands for: a module, class or function."""

    name: str


@dataclass(frozen=True, slots=True)
class Defined:
    """A function, lambda or class of this file; `where` is the reader's own."""

    kind: str  # function, lambda or class
    name: str
    where: Any = field(repr=False, compare=True)
    bound: bool = False  # a method taken from an object: its first parameter is filled


@dataclass(frozen=True, slots=True)
class Made:
    """What calling `name` gave; for a class, an object of it.

    `where` is the reader's own note of the call, and `within` of the class where it
    stands in this file. `part` leads to a piece of the result, as unpacking does.
    """

    name: str
    where: Any = field(repr=False, default=None)
    within: Any = field(repr=False, default=None)
    part: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A list, tuple, set, dict or generator whose elements stand in this file."""

    kind: str
    where: Any = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Not given at all; torch's default holds."""


UNKNOWN = Unknown()
ABSENT = Absent()
What: TypeAlias = Known | Number | Text | Symbol | Defined | Made | Group | Unknown | Absent


@dataclass(frozen=True)
class Origin:
    """Where a default comes from: "the default of --workers", and its place.

    Finding the place is slow, so it is looked for when it is asked for: `locate` gives
    the place of `node`, and the line it is on.
    """

    label: str
    node: Any = field(repr=False)
    locate: Callable[[Any], tuple[Span, int]] = field(repr=False, compare=False)
    tells_line: bool = False

    @property
    def span(self) -> Span:
        return self.locate(self.node)[0]

    @property
    def words(self) -> str:
        return (
            f"{self.label} on line {self.locate(self.node)[1]}" if self.tells_line else self.label
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One thing a value can be.

    `origin` is None for what is fixed in the code. `via` lists the calls through which
    the value reached a parameter.
    """

    what: What
    given: Given = ALWAYS
    origin: Origin | None = None
    via: tuple[Any, ...] = field(default=(), compare=False)


Value: TypeAlias = tuple[Case, ...]
NOTHING_KNOWN: Value = (Case(UNKNOWN),)


def known(value: bool | int | float | str | None) -> Value:
    return (Case(Known(value)),)


def consistent(*givens: Given) -> Given | None:
    """All conditions together; None where they exclude each other."""
    union = frozenset().union(*givens)
    return None if any((key, not holds) in union for key, holds in union) else union


def united(cases: Iterable[Case]) -> Value:
    """The cases without repetition; unknown where they are too many."""
    unique = tuple(dict.fromkeys(cases))
    return unique if 0 < len(unique) <= MOST_CASES else NOTHING_KNOWN


def combined(function: Callable[..., What], *values: Value) -> Value:
    """`function` of every consistent choice of cases."""
    found: list[Case] = []
    for choice in product(*values):
        given = consistent(*(case.given for case in choice))
        if given is None:
            continue
        origin = next((case.origin for case in choice if case.origin), None)
        found.append(Case(function(*(case.what for case in choice)), given, origin))
    return united(found)


def under(cases: Iterable[Case], given: Given) -> list[Case]:
    """The cases that can be when `given` holds, with that added to their conditions."""
    found = []
    for case in cases:
        together = consistent(case.given, given)
        if together is not None:
            found.append(replace(case, given=together) if together != case.given else case)
    return found


def truth(what: What) -> bool | None:
    """Whether it counts as true; None where that cannot be told."""
    if isinstance(what, Known):
        return bool(what.value)
    if isinstance(what, Number):
        if what.low is not None and what.low > 0:
            return True
        return True if what.high is not None and what.high < 0 else None
    if isinstance(what, Defined) or (isinstance(what, Symbol) and _is_class(what)):
        return True
    if isinstance(what, Text) and what.prefix:
        return True
    return None


def is_none(what: What) -> bool | None:
    """Whether it is None; None where that cannot be told."""
    if isinstance(what, Known):
        return what.value is None
    if isinstance(what, (Unknown, Absent)) or (isinstance(what, Made) and not _constructs(what)):
        return None
    if isinstance(what, Number) and what.source.startswith("os."):
        return None  # os.cpu_count() may be None
    if isinstance(what, Symbol) and not _is_class(what):
        return None  # a constant of another file may be anything
    return isinstance(what, Text) and what.source != "" and None


_BUILTIN_CLASSES = frozenset(
    f"builtins.{name}"
    for name in ("enumerate", "filter", "list", "map", "object", "range", "reversed", "set",
                 "tuple", "zip")
)  # fmt: skip


def _is_class(symbol: Symbol) -> bool:
    """Whether the name is that of a builtin, or written as classes are: `RandomSampler`."""
    tail = symbol.name.rpartition(".")[2]
    return symbol.name.startswith("builtins.") or (tail[:1].isupper() and not tail.isupper())


def _constructs(made: Made) -> bool:
    """Whether the call is that of a class, which gives an object and never None."""
    tail = made.name.rpartition(".")[2]
    return not made.part and (tail[:1].isupper() or made.name in _BUILTIN_CLASSES)


def interval(what: What) -> tuple[float | None, float | None] | None:
    """Lower and upper bound of a number; None for what may be no number."""
    if isinstance(what, Known) and isinstance(what.value, (int, float)):
        return what.value, what.value
    if isinstance(what, Number):
        return what.low, what.high
    return None


def number_kind(what: What) -> str | None:
    """int or float; None for what may be neither."""
    if isinstance(what, Number):
        return what.kind
    if isinstance(what, Known) and isinstance(what.value, (bool, int)):
        return "int"
    if isinstance(what, Known) and isinstance(what.value, float):
        return "float"
    return None


def shown(what: What) -> str:
    """A short text for messages."""
    if isinstance(what, Known):
        return repr(what.value)
    if isinstance(what, (Number, Text)) and what.source:
        return what.source
    if isinstance(what, Number):
        return f"{'an' if what.kind == 'int' else 'a'} {what.kind}"
    if isinstance(what, (Symbol, Made)):
        return what.name.rpartition(".")[2]
    if isinstance(what, Defined):
        return what.name
    if isinstance(what, Group):
        return f"a {what.kind}"
    return "a string" if isinstance(what, Text) else "an unknown value"


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b if abs(a) < 1000 and abs(b) < 64 else None,
    "|": lambda a, b: a | b,
    "&": lambda a, b: a & b,
    "<<": lambda a, b: a << b if b < 64 else None,
    ">>": lambda a, b: a >> b,
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
    if None in kinds or operator not in _ARITHMETIC:
        return UNKNOWN
    kind = "float" if "float" in kinds or operator == "/" else "int"
    a, b = interval(left), interval(right)
    assert a is not None and b is not None
    low, high = _bounds(operator, a, b)
    source = (
        " ".join(part for part in (shown(left), operator, shown(right)) if part)
        if (_source(left) or _source(right))
        else ""
    )
    return Number(kind, low, high, source)


def _source(what: What) -> str:
    return what.source if isinstance(what, Number) else ""


Bounds: TypeAlias = tuple[float | None, float | None]


def _bounds(operator: str, a: Bounds, b: Bounds) -> Bounds:
    if operator == "+":
        return _sum(a[0], b[0]), _sum(a[1], b[1])
    if operator == "-":
        return _sum(a[0], _negative(b[1])), _sum(a[1], _negative(b[0]))
    positive = a[0] is not None and a[0] >= 0 and b[0] is not None and b[0] >= 0
    if not positive:
        return None, None
    assert a[0] is not None and b[0] is not None
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
        return 0, None if b[1] is None else b[1]
    return None, None


def _sum(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


def _negative(a: float | None) -> float | None:
    return None if a is None else -a


def least(*whats: What) -> What:
    """The value of min()."""
    return _extreme(whats, min)


def greatest(*whats: What) -> What:
    """The value of max()."""
    return _extreme(whats, max)


def _extreme(whats: tuple[What, ...], choose: Callable[..., Any]) -> What:
    if all(isinstance(what, Known) for what in whats):
        try:
            return Known(choose(what.value for what in whats if isinstance(what, Known)))
        except (TypeError, ValueError):
            return UNKNOWN
    lows: list[float | None] = []
    highs: list[float | None] = []
    kinds = set()
    for what in whats:
        bounds = interval(what)
        if bounds is None:
            # an unknown operand: it can only lower a minimum or raise a maximum
            bounds, kind = (None, None), None
        else:
            kind = number_kind(what)
        lows.append(bounds[0])
        highs.append(bounds[1])
        kinds.add(kind)
    if choose is min:
        low = None if None in lows else min(x for x in lows if x is not None)
        high = min((x for x in highs if x is not None), default=None)
    else:
        low = max((x for x in lows if x is not None), default=None)
        high = None if None in highs else max(x for x in highs if x is not None)
    kind = "int" if kinds <= {"int", None} else "float"
    if None in kinds and low is None and high is None:
        return UNKNOWN
    sources = [_source(what) for what in whats if _source(what)]
    name = "min" if choose is min else "max"
    source = f"{name}({', '.join(shown(what) for what in whats)})" if sources else ""
    return Number(kind, low, high, source)


def compared(operator: str, left: What, right: What) -> bool | None:
    """The value of a comparison; None where it cannot be told."""
    if operator in ("is", "==") and isinstance(right, Known) and right.value is None:
        return is_none(left)
    if isinstance(left, Known) and isinstance(right, Known):
        try:
            return {
                "is": lambda a, b: a is b or a == b,
                "==": lambda a, b: a == b,
                "<": lambda a, b: a < b,
                "<=": lambda a, b: a <= b,
                ">": lambda a, b: a > b,
                ">=": lambda a, b: a >= b,
            }[operator](left.value, right.value)
        except (KeyError, TypeError):
            return None
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if operator in (">", ">="):
        a, b, operator = b, a, {">": "<", ">=": "<="}[operator]
    if operator == "<":
        if a[1] is not None and b[0] is not None and a[1] < b[0]:
            return True
        return False if a[0] is not None and b[1] is not None and a[0] >= b[1] else None
    if operator == "<=":
        if a[1] is not None and b[0] is not None and a[1] <= b[0]:
            return True
        return False if a[0] is not None and b[1] is not None and a[0] > b[1] else None
    return None
