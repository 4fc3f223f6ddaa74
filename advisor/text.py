"""Source text, places in it, and changes to it.

Offsets count code points from 0; lines and columns count from 1. Only `Source`
converts between the two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """The characters from `start` up to, not including, `end`."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def moved(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)


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
        starts, end = [], 0
        for line in self.text.split("\n"):
            starts.append(end)
            end += len(line) + 1
        return starts

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
