"""Source text, places in it, and changes to it.

Offsets count code points from 0; lines and columns count from 1. Only `Source`
converts between the two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, total_ordering
from itertools import accumulate
from typing import Protocol, TypeAlias

Check: TypeAlias = str | Callable[[str], object]

_LINE_END = re.compile(r"\r\n?|\n")


class Movable(Protocol):
    """What a place may move with: `start` is its offset now, which whoever asks may depend on."""

    offset: int  # the same, for those who do not

    @property
    def start(self) -> int: ...


@total_ordering
class Span:
    """The characters from `start` up to, not including, `end`.

    With a `block` both are given from where it starts, and move with it; `start` and `end` are
    always those in the text as it is now. Places are compared as they are now as well: an edit
    that leaves two blocks alone does not change which of them comes first.
    """

    __match_args__ = ("start", "end")
    __slots__ = ("_block", "_end", "_start")

    def __init__(self, start: int, end: int, block: Movable | None = None) -> None:
        self._start = start
        self._end = end
        self._block = block

    @property
    def start(self) -> int:
        return self._start if self._block is None else self._start + self._block.start

    @property
    def end(self) -> int:
        return self._end if self._block is None else self._end + self._block.start

    @property
    def now(self) -> tuple[int, int]:
        """Both, for looking at what stands there, which moves along."""
        offset = 0 if self._block is None else self._block.offset
        return self._start + offset, self._end + offset

    @property
    def fixed(self) -> Span:
        """The place in the text as it is now, which does not move with a later one."""
        return self if self._block is None else Span(*self.now)

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def moved(self, by: int) -> Span:
        return Span(self._start + by, self._end + by, self._block)

    def in_block(self, block: Movable) -> Span:
        """The place, given from where a block starts, as one that moves with it."""
        return Span(self._start, self._end, block)

    def behind(self, more: int = 0) -> Span:
        """The empty place behind it, or so many characters further."""
        return Span(self._end + more, self._end + more, self._block)

    def part(self, at: int, length: int) -> Span:
        """What begins so many characters behind its start."""
        return Span(self._start + at, self._start + at + length, self._block)

    def to(self, other: Span) -> Span:
        """What goes from where it starts to the end of another one in the same block."""
        assert self._block is other._block
        return Span(self._start, other._end, self._block)

    def __eq__(self, other: object) -> bool:
        return self.now == other.now if isinstance(other, Span) else NotImplemented

    def __lt__(self, other: Span) -> bool:
        return self.now < other.now

    def __hash__(self) -> int:
        return hash(self.now)

    def __repr__(self) -> str:
        start, end = self.now
        return f"Span({start}, {end})"


@dataclass(frozen=True, order=True, slots=True)
class Edit:
    """Replace the text of `span` by `new`; an insertion has an empty span."""

    span: Span
    new: str


@dataclass(frozen=True, order=True, slots=True)
class Position:
    """Line and column, both from 1; `cell` is a notebook's cell, from 1."""

    line: int
    column: int
    cell: int | None = None


@dataclass(frozen=True)
class Cell:
    """One code cell of a notebook: its number there, from 1 over all cells, and its text's place.

    Every cell but the last is followed by one newline that belongs to no cell.
    """

    number: int
    span: Span


@dataclass(frozen=True)
class Source:
    """A module's text. A notebook is the text of its code cells, one after the other."""

    path: str
    text: str
    cells: tuple[Cell, ...] = ()

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset where each line starts; `\\r\\n`, `\\n` and `\\r` end a line."""
        if "\r" in self.text:
            return [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        lengths = (len(line) + 1 for line in self.text.split("\n"))
        return list(accumulate(lengths, initial=0))[:-1]

    def tells(self, check: Check) -> bool:
        """Reports whether a word is anywhere in the text, or what else is asked of all of it.

        What was found is found in another text as well only where `told` is so there.
        """
        answer = self.told[check] = self._answer(check)
        return answer

    def _answer(self, check: Check) -> bool:
        known = self.told.get(check)
        if known is not None:
            return known
        return check in self.text if isinstance(check, str) else bool(check(self.text))

    def tells_the_same(self, told: Mapping[Check, bool], new: Iterable[str]) -> bool:
        """Reports whether all is answered as for another text, and believes those answers then.

        `new` are the lines in which this text differs: a word that is not in the other one is
        looked for there alone.
        """
        lines = tuple(new)
        for check, answer in told.items():
            if isinstance(check, str) and not answer:
                if any(check in one for one in lines):
                    return False
            elif self._answer(check) is not answer:
                return False
        self.told.update(told)
        return True

    @cached_property
    def told(self) -> dict[Check, bool]:
        """What was asked of all of the text, and the answers."""
        return {}

    @property
    def whole(self) -> str:
        """The text, for what depends on all of it."""
        text = self.text
        self.told[lambda other: other == text] = True
        return text

    def code(self, span: Span) -> str:
        """What stands at a place."""
        start, end = span.now
        return self.text[start:end]

    def line_at(self, offset: int) -> int:
        """The line, from 1, of the whole text: cells are not told apart."""
        return bisect_right(self.line_starts, offset)

    def lines_of(self, span: Span) -> tuple[int, int]:
        """The first and the last line that a place is on."""
        return self.line_at(span.start), self.line_at(max(span.start, span.end - 1))

    def position(self, offset: int) -> Position:
        line = self.line_at(offset)
        column = offset - self.line_starts[line - 1] + 1
        for cell in reversed(self.cells):
            if cell.span.start <= offset:
                return Position(line - self.line_at(cell.span.start) + 1, column, cell.number)
        return Position(line, column)

    def edited(self, edits: Iterable[Edit]) -> Source:
        """The source after `edits`; a notebook's cells grow and shrink with their text."""
        edits = sorted(set(edits))
        cells = tuple(
            Cell(cell.number, Span(_moved(start, edits), _moved(end + 1, edits) - 1))
            for cell in self.cells
            for start, end in [(cell.span.start, cell.span.end)]
        )
        return Source(self.path, applied(self.text, edits), cells)

    def edits_to(self, after: Source) -> tuple[Edit, ...]:
        """The edits, of whole lines, that make this `after`, which has the same cells."""
        if not self.cells:
            return tuple(_differences(self.text, after.text))
        return tuple(
            Edit(edit.span.moved(old.start), edit.new)
            for old, new in ((o.span, n.span) for o, n in zip(self.cells, after.cells, strict=True))
            for edit in _differences(
                self.text[old.start : old.end], after.text[new.start : new.end]
            )
        )

    def line(self, number: int) -> str:
        """The text of line `number`, from 1, without its line end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


def changed(old: str, new: str) -> Span:
    """The least stretch of `new` that differs: before and behind it both texts are the same."""
    shortest = min(len(old), len(new))
    start = _common(shortest, lambda n: old[:n] == new[:n])
    rest = shortest - start
    same = _common(rest, lambda n: n == 0 or old[-n:] == new[-n:])
    return Span(start, len(new) - same)


def _common(most: int, agrees: Callable[[int], bool]) -> int:
    """The greatest number up to `most` that agrees, where all below it do."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if agrees(middle):
            least = middle
        else:
            most = middle - 1
    return least


def _differences(before: str, after: str) -> Iterator[Edit]:
    from difflib import SequenceMatcher  # most texts stay as they are

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Edit(Span(starts[a], starts[b]), "".join(new[c:d]))


def _moved(offset: int, edits: list[Edit]) -> int:
    """Where the character at `offset` stands after `edits`."""
    return offset + sum(
        len(edit.new) - (edit.span.end - edit.span.start)
        for edit in edits
        if edit.span.end <= offset and edit.span.start < offset
    )


def applied(text: str, edits: Iterable[Edit]) -> str:
    """`text` after `edits`, which must not overlap."""
    parts: list[str] = []
    end = len(text)
    for edit in sorted(set(edits), reverse=True):
        parts += [text[edit.span.end : end], edit.new]
        end = edit.span.start
    parts.append(text[:end])
    return "".join(reversed(parts))
