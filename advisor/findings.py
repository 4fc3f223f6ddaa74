"""What a rule reports, and how a rule is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, TypeAlias

from .text import Edit, Span

if TYPE_CHECKING:
    from .model import LoaderCall, Module
    from .modules import Seen
    from .text import Source
    from .values import Origin


# Where a place is in another text; None where it was changed.
Move: TypeAlias = Callable[[Span], Span | None]


class Severity(IntEnum):
    """How bad it is; a greater one is worse."""

    HINT = 0  # portability or taste; shown on request
    INFO = 1  # costs time or memory, as far as can be told without measuring
    WARNING = 2  # wrong in the stated setting
    ERROR = 3  # raises, or is certainly not what was meant

    def __str__(self) -> str:
        return self.name.lower()


class Safety(Enum):
    """Whether a fix may change what the program computes."""

    SAFE = "safe"  # same batches, same order, same results; or an error gone
    UNSAFE = "unsafe"  # may change what the program does

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Fix:
    """Edits that settle a finding; `title` is a verb phrase."""

    title: str
    edits: tuple[Edit, ...]
    safety: Safety = Safety.SAFE

    @property
    def fixed(self) -> Fix:
        """The same, at places that do not move with a later text."""
        edits = tuple(Edit(edit.span.fixed, edit.new) for edit in self.edits)
        return Fix(self.title, edits, self.safety)

    def moved(self, move: Move) -> Fix | None:
        """The same in another text; None where one of its edits touches what was changed."""
        edits = [(move(edit.span), edit.new) for edit in self.edits]
        found = tuple(Edit(span, new) for span, new in edits if span is not None)
        return Fix(self.title, found, self.safety) if len(found) == len(edits) else None


@dataclass(frozen=True)
class Related:
    """Another place that explains a finding."""

    span: Span
    message: str


def pointed(origin: Origin | None, message: str) -> tuple[Related, ...]:
    """The place of a default; nothing where there is none, or it stands in another file."""
    span = origin.span if origin is not None else None
    return () if span is None else (Related(span, message),)


@dataclass(frozen=True)
class Hit:
    """What a rule yields; it cannot name another rule's code.

    `severity` is the rule's own where None. `alternatives` are further fixes that
    an editor offers and `--fix` never applies.
    """

    span: Span
    message: str
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
    severity: Severity | None = None
    alternatives: tuple[Fix, ...] = ()


_URL = "https://github.com/dladvise/dladvise/blob/main/advisor/rules/{}.md"


def url(name: str) -> str:
    """Where the document of the rule with that name can be read."""
    return _URL.format(name.replace("-", "_"))


@dataclass(frozen=True)
class Rule:
    """A check with its public code and name; off by default where `opt_in`."""

    code: str
    name: str
    severity: Severity
    check: Callable[[Module], Iterator[Hit]]
    opt_in: bool = False

    @property
    def url(self) -> str:
        """Where its document can be read."""
        return url(self.name)

    def __call__(self, module: Module) -> Iterator[Finding]:
        for hit in self.check(module):
            yield Finding(
                self,
                self.severity if hit.severity is None else hit.severity,
                hit.span.fixed,
                hit.message,
                None if hit.fix is None else hit.fix.fixed,
                tuple(Related(one.span.fixed, one.message) for one in hit.related),
                tuple(fix.fixed for fix in hit.alternatives),
            )


@dataclass(frozen=True)
class Finding:
    """A hit, stamped with its rule and put in its place."""

    rule: Rule
    severity: Severity
    span: Span
    message: str
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
    alternatives: tuple[Fix, ...] = ()
    argument: Span | None = None  # what it is about, on a later line of the same call

    def moved(self, move: Move) -> Finding | None:
        """The same in another text, with those of its fixes and places that were not changed.

        None where it stands in what was changed.
        """
        span = move(self.span)
        if span is None:
            return None
        related = ((move(one.span), one.message) for one in self.related)
        alternatives = (fix.moved(move) for fix in self.alternatives)
        return replace(
            self,
            span=span,
            fix=None if self.fix is None else self.fix.moved(move),
            related=tuple(Related(place, words) for place, words in related if place is not None),
            alternatives=tuple(fix for fix in alternatives if fix is not None),
            argument=None if self.argument is None else move(self.argument),
        )


@dataclass(frozen=True)
class Report:
    """All findings of one source, in order of place, suppressed ones left out.

    `loaders` are the constructions in it; `broken` says that some of it could not be read.
    `seen` is what it depends on of the project's other modules. With `move` the loaders are
    those of an earlier text, and it says where they are now.
    """

    source: Source
    findings: tuple[Finding, ...]
    loaders: tuple[LoaderCall, ...] = ()
    broken: bool = False
    seen: frozenset[Seen] = frozenset()
    move: Move | None = None


def rule(
    code: str, severity: Severity, *, opt_in: bool = False
) -> Callable[[Callable[[Module], Iterator[Hit]]], Rule]:
    """Declare a rule; its name is the function's."""

    def declare(check: Callable[[Module], Iterator[Hit]]) -> Rule:
        return Rule(code, check.__name__.replace("_", "-"), severity, check, opt_in)

    return declare
