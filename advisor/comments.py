"""Where a text's comments are, and which of its lines belong together.

Works on text that does not parse: a string that never ends, ends with its line;
a bracket that never closes, closes before the next `def`, `class` or import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .interest import is_configuration
from .text import Source, Span

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\r\n]*)
      | (?P<prefix>(?<![A-Za-z0-9_])[A-Za-z]{0,2})(?P<quote>\"{3}|'{3}|"|')
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<joined>\\(?:\r\n|[\r\n]))
      | (?P<newline>\r\n|[\r\n])""",
    re.VERBOSE,
)
_NEW_STATEMENT = re.compile(
    r"(?:async\s+def|def|class)\s+\w+\s*[(:\[]|import\s+\w|from\s+[\w.]+\s+import\b"
)
_IN_STRING = {
    quote: re.compile(rf"\\.|{quote}" + ("" if len(quote) == 3 else r"|(?=[\r\n])"), re.DOTALL)
    for quote in ('"""', "'''", '"', "'")
}
_IN_FSTRING = {
    quote: re.compile(
        rf"\\.|\{{\{{|(?P<field>\{{)|(?P<end>{quote}"
        + (")" if len(quote) == 3 else r"|(?=[\r\n]))"),
        re.DOTALL,
    )
    for quote in ('"""', "'''", '"', "'")
}
# Behind a quote or a block's `|` it may be text; a comment of ours is rarely there.
_IN_YAML = re.compile(r"(?m)(?:^|(?<=[ \t]))(#[^\r\n]*)")
_IN_SPEC = re.compile(r"(?P<open>\{)|(?P<end>\}|(?=[\r\n]))")


@dataclass(frozen=True)
class Layout:
    """The comments of a text, in order, and how its lines hang together.

    `statements` are the first and last line of each logical line that has more
    than one; `closed` are the lines whose end lies in a string or behind a
    backslash, where no comment can stand.
    """

    comments: list[Span] = field(default_factory=list)
    statements: list[tuple[int, int]] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)

    def lines_around(self, line: int) -> tuple[int, int]:
        """The first and last line of the logical line that `line` is part of."""
        for first, last in self.statements:
            if first <= line <= last:
                return first, last
        return line, line


def layout(source: Source) -> Layout:
    """The layout of a source; the cells of a notebook do not reach into each other."""
    found = Layout()
    if is_configuration(source.path):
        found.comments.extend(Span(*match.span(1)) for match in _IN_YAML.finditer(source.text))
        return found
    if not source.cells:
        _read(source, 0, len(source.text), found)
    for cell in source.cells:
        _read(source, cell.span.start, cell.span.end, found)
    return found


def _read(source: Source, at: int, end: int, found: Layout) -> None:
    text = source.text
    depth = 0
    first = source.line_at(at)  # of the logical line being read
    while match := _TOKEN.search(text, at, end):
        at = match.end()
        kind = match.lastgroup
        if kind == "comment":
            found.comments.append(Span(match.start(), at))
        elif kind == "quote":
            at = min(_string_end(text, match), end)
            from_line, to_line = source.line_at(match.start()), source.line_at(at)
            found.closed.update(range(from_line, to_line))
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "joined":
            found.closed.add(source.line_at(match.start()))
        else:
            line = source.line_at(match.start())
            if depth > 0 and _NEW_STATEMENT.match(text, at):
                depth = 0
                first = line
            if depth == 0:
                if first < line:
                    found.statements.append((first, line))
                first = line + 1
    last = source.line_at(end)
    if first < last and depth == 0:
        found.statements.append((first, last))


def _string_end(text: str, start: re.Match[str]) -> int:
    """Where the string ends that opens at `start`."""
    quote = start["quote"]
    if "f" in start["prefix"].lower() or "t" in start["prefix"].lower():
        return _fstring_end(text, start.end(), quote)
    at = start.end()
    while match := _IN_STRING[quote].search(text, at):
        at = match.end()
        if not match[0].startswith("\\"):
            return at
    return _line_end(text, start.end())


def _fstring_end(text: str, begin: int, quote: str) -> int:
    at = begin
    while match := _IN_FSTRING[quote].search(text, at):
        at = match.end()
        if match["end"] is not None:
            return at
        if match["field"]:
            at = _field_end(text, at)
    return _line_end(text, begin)


def _field_end(text: str, at: int) -> int:
    """Where the replacement field ends whose brace opened just before `at`."""
    depth = 0
    while match := _TOKEN.search(text, at):
        colon = text.find(":", at, match.start()) if depth == 0 else -1
        if colon >= 0:
            return _spec_end(text, colon + 1)
        at = match.end()
        if match.lastgroup == "quote":
            at = _string_end(text, match)
        elif match.lastgroup == "open":
            depth += 1
        elif match.lastgroup == "close":
            if depth == 0:
                return at
            depth -= 1
    return at


def _spec_end(text: str, at: int) -> int:
    while match := _IN_SPEC.search(text, at):
        at = match.end()
        if not match["open"]:
            return at
        at = _field_end(text, at)
    return at


def _line_end(text: str, at: int) -> int:
    match = re.compile(r"[\r\n]|\Z").search(text, at)
    return match.start() if match else len(text)
