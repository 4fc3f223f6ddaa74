"""Findings for people: with the lines that they are about, or one line each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum

from dladvise.advisor import Severity

from .records import Record, RelatedPlace

TAB = "    "
WIDEST = 160  # of an excerpt, in columns; more than that helps no one
CUT = "…"
# Characters that turn a line around, and can make it look like other code.
TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


class Style(Enum):
    """What a piece of the output is, with the terminal's words for how it looks."""

    PLAIN = ""
    STRONG = "1"
    FRAME = "1;34"
    ERROR = "1;31"
    WARNING = "1;33"
    INFO = "1;36"
    HINT = "1;35"
    HELP = "1;32"


class Paint(Enum):
    """Whether the output is coloured."""

    COLOUR = "colour"
    NONE = "none"

    def __call__(self, text: str, style: Style) -> str:
        if self is Paint.NONE or style is Style.PLAIN or not text:
            return text
        return f"\033[{style.value}m{text}\033[0m"


SEVERITY_STYLE = {
    Severity.ERROR: Style.ERROR,
    Severity.WARNING: Style.WARNING,
    Severity.INFO: Style.INFO,
    Severity.HINT: Style.HINT,
}


def full(found: Iterable[Record], paint: Paint) -> Iterator[str]:
    """Every finding with its excerpt, an empty line after each."""
    for record in found:
        yield from _finding(record, paint)
        yield ""


def concise(found: Iterable[Record], paint: Paint) -> Iterator[str]:
    """One line for every finding."""
    for record in found:
        code = paint(record.code, SEVERITY_STYLE[record.severity])
        fixable = " [*]" if record.fix is not None and record.fix.safe else ""
        yield f"{printable(record.place)}: {code}{fixable} {printable(record.message)}"


def printable(text: str) -> str:
    """The text without characters that would command the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _shown_control(char) for char in text)


def _finding(record: Record, paint: Paint) -> Iterator[str]:
    style = SEVERITY_STYLE[record.severity]
    head = paint(f"{record.severity}[{record.code}]", style)
    yield f"{head} {record.name}: {paint(printable(record.message), Style.STRONG)}"
    numbers = [record.region.line, record.region.end_line]
    numbers += [related.region.line for related in record.related]
    gutter = len(str(max(numbers)))
    yield f"{' ' * gutter}{paint('-->', Style.FRAME)} {printable(record.place)}"
    yield from _excerpt(record, gutter, paint, style)
    for related in record.related:
        yield from _related(related, record, gutter, paint)
    mark = f"{' ' * gutter} {paint('=', Style.FRAME)}"
    if record.fix is not None:
        kind = "--fix" if record.fix.safe else "--fix --unsafe-fixes"
        yield f"{mark} {paint('help', Style.HELP)}: {printable(record.fix.title)} ({kind})"
    yield f"{mark} {record.url}"


def _excerpt(record: Record, gutter: int, paint: Paint, style: Style) -> Iterator[str]:
    region = record.region
    bar = paint("|", Style.FRAME)
    empty = f"{' ' * gutter} {bar}"
    yield empty
    n_lines = region.end_line - region.line + 1
    skipped = len(record.lines) < n_lines and region.end_column > 1
    for index, text in enumerate(record.lines):
        is_last = index == len(record.lines) - 1
        number = region.line + index
        if is_last and skipped:
            number = region.end_line
            yield f"{' ' * gutter} {paint('...', Style.FRAME)}"
        start = region.column if index == 0 else 1 + len(text) - len(text.lstrip())
        end = region.end_column if number == region.end_line else len(text) + 1
        line, pointer = underlined(text, start, end, "^")
        yield f"{paint(str(number).rjust(gutter), Style.FRAME)} {bar} {line}".rstrip()
        if pointer:
            yield f"{empty} {_painted(pointer, paint, style)}"


def _related(related: RelatedPlace, record: Record, gutter: int, paint: Paint) -> Iterator[str]:
    region = related.region
    bar = paint("|", Style.FRAME)
    cell = "" if region.cell is None else f"cell {region.cell}:"
    yield f"{' ' * gutter} {bar}"
    if related.path != record.path or region.cell != record.region.cell:
        place = f"{related.path}:{cell}{region.line}:{region.column}"
        yield f"{' ' * gutter}{paint(':::', Style.FRAME)} {printable(place)}"
    end = region.end_column if region.end_line == region.line else len(related.text) + 1
    line, pointer = underlined(related.text, region.column, end, "-")
    yield f"{paint(str(region.line).rjust(gutter), Style.FRAME)} {bar} {line}".rstrip()
    note = f"{pointer or '-'} {printable(related.message)}"
    yield f"{' ' * gutter} {bar} {_painted(note, paint, Style.FRAME)}"


def _painted(pointer: str, paint: Paint, style: Style) -> str:
    marks = pointer.lstrip(" ")
    return pointer[: len(pointer) - len(marks)] + paint(marks, style)


def underlined(text: str, start: int, end: int, mark: str) -> tuple[str, str]:
    """A line as it is shown, and the marks below columns `start` up to `end`, both from 1."""
    cells = [_shown(char) for char in text]
    before = "".join(cells[: start - 1])
    marked = "".join(cells[start - 1 : max(start, end) - 1])
    after = "".join(cells[max(start, end) - 1 :])
    indent = width(before)
    n_marks = max(1, width(marked))
    if indent + n_marks + width(after) > WIDEST:
        before, marked, after = _cut(before, marked, after)
        indent, n_marks = width(before), max(1, width(marked))
    return before + marked + after, " " * indent + mark * n_marks


def _cut(before: str, marked: str, after: str) -> tuple[str, str, str]:
    """The three parts shortened to what stands around the marked one."""
    around = WIDEST // 4
    if width(before) > around:
        before = CUT + before[-around:]
    if width(marked) > WIDEST // 2:
        return before, marked[: WIDEST // 2], CUT
    if width(after) > around:
        after = after[:around] + CUT
    return before, marked, after


def width(text: str) -> int:
    """The columns that a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    if char == "\N{ZERO WIDTH JOINER}" or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 1


def _shown(char: str) -> str:
    if char == "\t":
        return TAB
    if char.isprintable() or unicodedata.category(char) in ("Cf", "Zs"):
        turns = unicodedata.bidirectional(char) in TURNING
        return _shown_control(char) if turns else char
    return _shown_control(char)


def _shown_control(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)  # the picture of the control character
    return "\N{REPLACEMENT CHARACTER}"
