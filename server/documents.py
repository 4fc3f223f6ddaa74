"""The texts that the client has open, exactly as it has them.

Positions count lines and code units of the encoding that was agreed on; a line ends with
\\n, \\r\\n or \\r and nothing else. Whoever reads gets a Source, which never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lsprotocol import types as lsp

from dladvise.advisor import Cell, Edit, Source, Span
from dladvise.advisor.notebook import python_only

Encoding = lsp.PositionEncodingKind
PYTHON = frozenset({"python", "python3"})


class Place(NamedTuple):
    """A range in a document of the client's."""

    uri: str
    range: lsp.Range


@dataclass
class Document:
    """One text; `version` is None for one that the client does not have open."""

    uri: str
    source: Source
    version: int | None = None
    language: str = "python"
    encoding: Encoding | str = Encoding.Utf16

    def offset(self, position: lsp.Position) -> int:
        """The offset of a position; one beyond the end means the end of the line, or text."""
        starts = self.source.line_starts
        if position.line >= len(starts):
            return len(self.source.text)
        line = self.source.line(position.line + 1)
        return starts[position.line] + _code_points(line, position.character, self.encoding)

    def position(self, offset: int) -> lsp.Position:
        """The position of an offset; what stands between \\r and \\n is the end of the line."""
        line = self.source.line_at(offset)
        text = self.source.line(line)[: offset - self.source.line_starts[line - 1]]
        return lsp.Position(line - 1, _code_units(text, self.encoding))

    def range(self, span: Span) -> lsp.Range:
        return lsp.Range(self.position(span.start), self.position(span.end))

    def span(self, range_: lsp.Range) -> Span:
        start, end = self.offset(range_.start), self.offset(range_.end)
        return Span(min(start, end), max(start, end))

    def change(self, changes: Iterable[lsp.TextDocumentContentChangeEvent]) -> None:
        """Make the client's changes, each upon the text that the last one left."""
        for change in changes:
            text = change.text
            if not isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
                span = self.span(change.range)
                old = self.source.text
                text = old[: span.start] + text + old[span.end :]
            self.source = Source(self.source.path, text)


@dataclass
class Text:
    """A document that is analysed by itself."""

    document: Document

    @property
    def uri(self) -> str:
        return self.document.uri

    @property
    def path(self) -> Path | None:
        return path_of(self.uri)

    @property
    def source(self) -> Source:
        return self.document.source

    @property
    def documents(self) -> tuple[Document, ...]:
        return (self.document,)

    def place(self, span: Span) -> Place:
        """Where a span of the source stands."""
        return Place(self.uri, self.document.range(span))

    def span(self, uri: str, range_: lsp.Range) -> Span:
        """What a range means in the source."""
        return self.document.span(range_)

    def parts(self, edits: Iterable[Edit]) -> Iterator[tuple[Document, lsp.TextEdit]]:
        """Edits of the source as those of the client's documents."""
        for edit in edits:
            yield self.document, lsp.TextEdit(self.document.range(edit.span), edit.new)


@dataclass
class Notebook:
    """A notebook: its Python cells are one program, in order."""

    uri: str
    version: int
    cells: list[lsp.NotebookCell]
    texts: dict[str, Document] = field(default_factory=dict)
    _source: tuple[tuple[tuple[int, str], ...], Source] | None = field(default=None, repr=False)

    @property
    def path(self) -> Path | None:
        return path_of(self.uri)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Those of its Python cells."""
        return tuple(document for _, document in self._code())

    @property
    def source(self) -> Source:
        """The program; the same object until a cell changes."""
        code = self._code()
        key = tuple((number, document.source.text) for number, document in code)
        if self._source is None or self._source[0] != key:
            parts, cells, start = [], [], 0
            for number, text in key:
                part = python_only(text)
                parts.append(part)
                cells.append(Cell(number, Span(start, start + len(part))))
                start += len(part) + 1
            source = Source(str(self.path or self.uri), "\n".join(parts), tuple(cells))
            self._source = key, source
        return self._source[1]

    def place(self, span: Span) -> Place:
        """Where a span of the source stands; one that reaches beyond its cell is cut."""
        cell, document = self._at(span.start)
        end = min(span.end, cell.span.end)
        inside = Span(span.start, end).moved(-cell.span.start)
        return Place(document.uri, document.range(inside))

    def span(self, uri: str, range_: lsp.Range) -> Span:
        for cell, document in zip(self.source.cells, self.documents, strict=True):
            if document.uri == uri:
                return document.span(range_).moved(cell.span.start)
        raise KeyError(uri)

    def parts(self, edits: Iterable[Edit]) -> Iterator[tuple[Document, lsp.TextEdit]]:
        for edit in edits:
            cell, document = self._at(edit.span.start)
            inside = edit.span.moved(-cell.span.start)
            yield document, lsp.TextEdit(document.range(inside), edit.new)

    def _code(self) -> list[tuple[int, Document]]:
        return [
            (number, self.texts[cell.document])
            for number, cell in enumerate(self.cells, 1)
            if cell.kind == lsp.NotebookCellKind.Code
            and cell.document in self.texts
            and self.texts[cell.document].language in PYTHON
        ]

    def _at(self, offset: int) -> tuple[Cell, Document]:
        pairs = list(zip(self.source.cells, self.documents, strict=True))
        return next((pair for pair in reversed(pairs) if pair[0].span.start <= offset), pairs[0])


Unit = Text | Notebook


class Documents:
    """Everything that is open: `units` by the URI of a document or notebook."""

    def __init__(self) -> None:
        self.encoding: Encoding | str = Encoding.Utf16
        self.units: dict[str, Unit] = {}
        self._unit_of: dict[str, Unit] = {}  # by the URI of a document or cell

    def unit(self, uri: str) -> Unit | None:
        """The unit that a document, cell or notebook belongs to; None where it is not open."""
        return self._unit_of.get(uri) or self.units.get(uri)

    def open(self, item: lsp.TextDocumentItem) -> Text:
        text = Text(self._document(item))
        self.units[item.uri] = self._unit_of[item.uri] = text
        return text

    def close(self, uri: str) -> None:
        self.units.pop(uri, None)
        self._unit_of.pop(uri, None)

    def open_notebook(self, params: lsp.DidOpenNotebookDocumentParams) -> Notebook:
        given = params.notebook_document
        notebook = Notebook(given.uri, given.version, list(given.cells))
        self.units[given.uri] = notebook
        self._open_cells(notebook, params.cell_text_documents)
        return notebook

    def change_notebook(self, params: lsp.DidChangeNotebookDocumentParams) -> None:
        """Make the client's changes."""
        notebook = self.units[params.notebook_document.uri]
        assert isinstance(notebook, Notebook)
        notebook.version = params.notebook_document.version
        cells = params.change.cells
        if cells is None:
            return
        if cells.structure is not None:
            array = cells.structure.array
            end = array.start + array.delete_count
            notebook.cells[array.start : end] = list(array.cells or ())
            for closed in cells.structure.did_close or ():
                notebook.texts.pop(closed.uri, None)
                self._unit_of.pop(closed.uri, None)
            self._open_cells(notebook, cells.structure.did_open or ())
        for cell in cells.data or ():
            known = [one.document for one in notebook.cells]
            if cell.document in known:
                notebook.cells[known.index(cell.document)] = cell
        for content in cells.text_content or ():
            document = notebook.texts.get(content.document.uri)
            if document is not None:
                document.change(content.changes)
                document.version = content.document.version

    def close_notebook(self, uri: str) -> list[str]:
        """Forget a notebook; the URIs of its cells are returned."""
        notebook = self.units.pop(uri, None)
        if not isinstance(notebook, Notebook):
            return []
        for cell in notebook.texts:
            self._unit_of.pop(cell, None)
        return list(notebook.texts)

    def _open_cells(self, notebook: Notebook, items: Iterable[lsp.TextDocumentItem]) -> None:
        for item in items:
            notebook.texts[item.uri] = self._document(item)
            self._unit_of[item.uri] = notebook

    def _document(self, item: lsp.TextDocumentItem) -> Document:
        path = path_of(item.uri)
        source = Source(str(path) if path else item.uri, item.text)
        return Document(item.uri, source, item.version, item.language_id, self.encoding)


def path_of(uri: str) -> Path | None:
    """The file that a URI names; None for `untitled:` and the like."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    place = unquote(parts.path)
    if parts.netloc:
        place = f"//{parts.netloc}{place}"
    elif len(place) > 2 and place[0] == "/" and place[2] == ":":
        place = place[1:]  # /c:/… on Windows
    return Path(place)


def uri_of(path: Path) -> str:
    return path.absolute().as_uri()


def _code_points(line: str, units: int, encoding: Encoding | str) -> int:
    """How many code points of a line its first `units` code units are; at most all."""
    if encoding == Encoding.Utf32 or line.isascii():
        return min(units, len(line))
    seen = 0
    for index, char in enumerate(line):
        if seen >= units:
            return index
        seen += _width(char, encoding)
    return len(line)


def _code_units(text: str, encoding: Encoding | str) -> int:
    if encoding == Encoding.Utf32 or text.isascii():
        return len(text)
    return sum(_width(char, encoding) for char in text)


def _width(char: str, encoding: Encoding | str) -> int:
    """The code units of a character."""
    code = ord(char)
    if encoding == Encoding.Utf8:
        return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return 1 if code < 0x10000 else 2
