"""Jupyter notebooks: their code as one module, and that code written back.

Cells become one text, line by line as they stand; what is IPython and not Python
is replaced by something harmless of the same length, so that every offset is the
notebook's own. Writing back replaces the JSON text of the lines that changed, and
no other character.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from .comments import layout
from .text import Cell, Source, Span

# these run the cell as Python; below any other cell magic stands another language
PYTHON_MAGICS = frozenset({"capture", "debug", "memit", "mprun", "prun", "time", "timeit"})

_MAGIC = re.compile(
    r"""(?P<indent>[ \t]*)(?:
          (?P<start>[%!?])                                     # %pip …, !ls, ?name
        | (?P<target>[\w.,\ \t\[\]'"]+=[ \t]*)[%!](?!=)        # files = !ls
        | [\w.]+(?:\[[^\]\n]*\])?\?\??[ \t]*$                  # name?
        )""",
    re.VERBOSE | re.MULTILINE,
)
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>[\w.!]+)[^\n]*")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class NotebookError(ValueError):
    """The file is no notebook, or the new text cannot be put back; says why, without the path."""


@dataclass(frozen=True)
class Literal:
    """The JSON text of one string, and what it says."""

    span: Span
    value: str


@dataclass(frozen=True)
class CodeCell:
    """A code cell as it stands in the file; `listed` where its source is a list of lines."""

    number: int
    place: Span
    lines: tuple[Literal, ...]
    listed: bool

    @property
    def text(self) -> str:
        return "".join(line.value for line in self.lines)


@dataclass(frozen=True)
class Notebook:
    """A notebook's JSON text, its code cells there, and its code as a source."""

    raw: str
    cells: tuple[CodeCell, ...]
    source: Source


def read(path: str, raw: str) -> Notebook:
    """The notebook in a file's text; one in another language has no code for us."""
    try:
        found, other_language = _Reader(raw).notebook()
    except json.JSONDecodeError as error:
        raise NotebookError(f"is not JSON: {error}") from None
    except RecursionError:
        raise NotebookError("is nested too deeply") from None
    cells = () if other_language else tuple(found)
    parts = []
    places = []
    start = 0
    for cell in cells:
        part = python_only(cell.text)
        parts.append(part)
        places.append(Cell(cell.number, Span(start, start + len(part))))
        start += len(part) + 1
    return Notebook(raw, cells, Source(path, "\n".join(parts), tuple(places)))


def written(notebook: Notebook, new: Source) -> str:
    """The notebook's JSON text with the code of `new`, which has the same cells."""
    raw = notebook.raw
    for cell, old_place, new_place in reversed(
        list(zip(notebook.cells, notebook.source.cells, new.cells, strict=True))
    ):
        before = notebook.source.code(old_place.span)
        after = new.text[new_place.span.start : new_place.span.end]
        if before == after:
            continue
        text = _with_magics(cell.text, before, after)
        literal = _as_list(raw, cell, text) if cell.listed else _quoted(raw, cell, text)
        raw = raw[: cell.place.start] + literal + raw[cell.place.end :]
    # an edit in front of a cell magic, say, would make another cell of it
    if read(new.path, raw).source.text != new.text:
        raise NotebookError("the fixed code cannot be put back into its cells")
    return raw


def python_only(text: str) -> str:
    """A cell's code with everything that is not Python replaced, at the same length."""
    magic = _CELL_MAGIC.match(text)
    if magic:
        if magic["name"] not in PYTHON_MAGICS:
            return _blank(text)
        text = _blank(magic[0]) + text[magic.end() :]
    at = 0
    while match := _MAGIC.search(text, at):
        start = match.start()
        line_start = text.rfind("\n", 0, start) + 1
        if start != line_start:
            at = start + 1
            continue
        end = _command_end(text, start)
        at = end
        source = Source("", text)
        first, _ = layout(source).lines_around(source.line_at(start))
        if first < source.line_at(start):
            continue  # within brackets or a string it is Python
        keep = len(match["indent"]) + len(match["target"] or "")
        # a name of unknown value, not a number that a rule would believe
        command = text[start + keep : end]
        text = text[: start + keep] + "_" + _blank(command[1:]) + text[end:]
    return text


class _Reader:
    """Walks the JSON text; the standard decoder does not tell where things are."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.at = 0

    def notebook(self) -> tuple[list[CodeCell], bool]:
        """The code cells, and whether the notebook says it is in another language."""
        cells: list[CodeCell] | None = None
        language = ""
        for key in self._members():
            if key == "cells":
                cells = [
                    cell
                    for number, _ in enumerate(self._items(), 1)
                    if (cell := self._cell(number)) is not None
                ]
            elif key == "metadata":
                language = _language(self._value())
            else:
                self._value()
        self._skip()
        if self.at < len(self.raw):
            raise json.JSONDecodeError("Extra data", self.raw, self.at)
        if cells is None:
            raise NotebookError('has no "cells": it is no notebook, or older than format 4')
        return cells, language not in ("", "python", "ipython", "python3")

    def _cell(self, number: int) -> CodeCell | None:
        kind = None
        place = Span(0, 0)
        lines: list[Literal] = []
        listed = False
        for key in self._members():
            start = self.at
            if key == "source":
                listed = self.raw.startswith("[", start)
                entries = self._items() if listed else iter([None])
                lines = [self._string() for _ in entries]
                place = Span(start, self.at)
            elif key == "cell_type":
                kind = self._value()
            else:
                self._value()
        return CodeCell(number, place, tuple(lines), listed) if kind == "code" else None

    def _members(self) -> Any:
        """Each key of the object here; the caller reads the value."""
        self._expect("{")
        if self._accept("}"):
            return
        while True:
            self._skip()
            key = self._string().value
            self._expect(":")
            self._skip()
            yield key
            if not self._accept(","):
                break
        self._expect("}")

    def _items(self) -> Any:
        """One None for each item of the array here; the caller reads the item."""
        self._expect("[")
        if self._accept("]"):
            return
        while True:
            self._skip()
            yield None
            if not self._accept(","):
                break
        self._expect("]")

    def _string(self) -> Literal:
        start = self.at
        value = self._value()
        if not isinstance(value, str):
            raise json.JSONDecodeError("Expecting a string", self.raw, start)
        return Literal(Span(start, self.at), value)

    def _value(self) -> Any:
        value, self.at = _DECODER.raw_decode(self.raw, self.at)
        return value

    def _skip(self) -> None:
        space = _SPACE.match(self.raw, self.at)
        self.at = space.end() if space else self.at

    def _accept(self, char: str) -> bool:
        self._skip()
        found = self.raw.startswith(char, self.at)
        self.at += found
        return found

    def _expect(self, char: str) -> None:
        if not self._accept(char):
            raise json.JSONDecodeError(f"Expecting '{char}'", self.raw, self.at)


def _language(metadata: Any) -> str:
    for table, key in (("language_info", "name"), ("kernelspec", "language")):
        inner = metadata.get(table) if isinstance(metadata, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get(key), str):
            return str(inner[key]).lower()
    return ""


def _command_end(text: str, start: int) -> int:
    """The end of a shell command or magic, which a backslash continues on the next line."""
    end = text.find("\n", start)
    while end != -1 and text[start:end].rstrip("\r").endswith("\\"):
        end = text.find("\n", end + 1)
    return len(text) if end == -1 else end


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def _with_magics(original: str, before: str, after: str) -> str:
    """`after`, where the lines that `python_only` replaced are the original ones again."""
    old, blanked, new = (text.split("\n") for text in (original, before, after))
    missing = {index for index, line in enumerate(old) if line != blanked[index]}
    for match in SequenceMatcher(None, blanked, new, autojunk=False).get_matching_blocks():
        for step in range(match.size):
            new[match.b + step] = old[match.a + step]
            missing.discard(match.a + step)
    if missing:
        raise NotebookError("a fix touches a line with IPython syntax")
    return "\n".join(new)


def _as_list(raw: str, cell: CodeCell, text: str) -> str:
    """The JSON list of the lines of `text`, laid out like the cell's own."""
    literals = {line.value: raw[line.span.start : line.span.end] for line in cell.lines}
    lines = [
        literals.get(line) or json.dumps(line, ensure_ascii=_escapes(raw, cell))
        for line in re.findall(r"[^\n]*\n|[^\n]+", text)
    ]
    if not lines or not cell.lines:
        return f"[{', '.join(lines)}]"
    opening = raw[cell.place.start : cell.lines[0].span.start]
    closing = raw[cell.lines[-1].span.end : cell.place.end]
    between = "," + opening[1:]
    if len(cell.lines) > 1:
        between = raw[cell.lines[0].span.end : cell.lines[1].span.start]
    elif opening == "[":
        between = ", "
    return opening + between.join(lines) + closing


def _quoted(raw: str, cell: CodeCell, text: str) -> str:
    return json.dumps(text, ensure_ascii=_escapes(raw, cell))


def _escapes(raw: str, cell: CodeCell) -> bool:
    """Whether the notebook writes other alphabets as \\u escapes."""
    for area in (raw[cell.place.start : cell.place.end], raw):
        if not area.isascii():
            return False
        if re.search(r"\\u(?!00[01])[0-9a-fA-F]{4}", area):
            return True
    return False
