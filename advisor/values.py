"""What an expression is known to be.

A value is one of several cases. Each case says what it is, under which conditions,
and whether it is fixed or only a default that a caller or the command line may change.
Unknown is a case of its own: it is neither absent nor false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, TypeAlias

from .text import Span

Constant: TypeAlias = bool | int | float | complex | str | bytes | None
Given: TypeAlias = frozenset[tuple[str, bool]]
ALWAYS: Given = frozenset()
MOST_CASES = 12  # beyond this many cases a value counts as unknown


@dataclass(frozen=True, slots=True)
class Known:
    """A Python constant."""

    value: Constant


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
    """What a dotted name outside this file stands for: a module, class or function.

    `definition` is that of a class or function of the project, where it was found.
    """

    name: str
    definition: Any = field(repr=False, default=None)


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
    stands in this file, or of what is called where it was found in another one. `part` leads
    to a piece of the result, as unpacking does.
    """

    name: str
    where: Any = field(repr=False, default=None)
    within: Any = field(repr=False, default=None)
    part: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A list, tuple, set, dict or generator whose elements stand in this file.

    `where` is the reader's own note of the expression, for a generator function's result of
    the call and of the function.
    """

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
    file: str = ""  # of the other module where it stands

    @property
    def is_parameter(self) -> bool:
        """Whether it is the default of a function's parameter."""
        return self.label.startswith("the default of parameter ")

    @property
    def may_be_overridden(self) -> bool:
        """Whether it is the default of an option of the command line, or of a parameter."""
        return self.label.startswith(("the default of -", "the default of parameter "))

    @property
    def is_of_caller(self) -> bool:
        """Whether a caller of the function decides, by an argument or by giving none."""
        return self.is_parameter or self.label.startswith("parameter ")

    @property
    def is_told_where_given(self) -> bool:
        """Whether a call in another file gives it, as num_workers: it is told of there."""
        return bool(self.file) and self.label == "parameter 'num_workers', as given"

    @property
    def span(self) -> Span | None:
        """Where the default stands; None for another file."""
        return None if self.file else self.locate(self.node)[0]

    @property
    def words(self) -> str:
        """What it is called in messages."""
        if self.file:
            return f"{self.label} in {self.file}, line {self.locate(self.node)[1]}"
        if not self.tells_line:
            return self.label
        return f"{self.label} on line {self.locate(self.node)[1]}"


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

    @property
    def surely_none(self) -> bool:
        """Reports whether it is None, and not merely by a default."""
        return self.what == Known(None) and self.origin is None


Value: TypeAlias = tuple[Case, ...]
NOTHING_KNOWN: Value = (Case(UNKNOWN),)


def known(value: Constant) -> Value:
    """The value that is this constant."""
    return (Case(Known(value)),)


def constant(value: Value) -> Known | None:
    """The one constant that a value is; None where it is something else or may be several."""
    what = value[0].what if len(value) == 1 else None
    return what if isinstance(what, Known) else None


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
    if isinstance(what, Symbol) and what.definition is None and not _is_class(what):
        return None  # a constant of another file may be anything
    if isinstance(what, Text) and what.source:
        return None  # os.getenv() may be None
    return False


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
