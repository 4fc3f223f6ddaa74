"""Edits that rules share: arguments of a call added, changed, removed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .findings import Fix, Safety
from .model import Argument, LoaderCall
from .text import Edit, Source, Span
from .torch_api import DEFAULTS

# Code that may be written a second time: it does nothing but name something.
REPEATABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def editable(call: LoaderCall) -> bool:
    """Reports whether the call has no `*` or `**` that could not be followed."""
    return not call.hidden


def add_argument(source: Source, call: LoaderCall, name: str, code: str) -> tuple[Edit, ...]:
    """Append `name=code`, on its own line where the arguments stand so."""
    text = source.text
    given = f"{call.prefix}{name}={code}"
    if not call.written:
        return (Edit(Span(call.closing, call.closing), given),)
    last = call.written[-1]
    start = _line_start(text, last.whole.start)
    indent = text[start : last.whole.start]
    end = last.whole.end
    if indent.strip():
        if last.after > end:  # a trailing comma on the same line
            return (Edit(Span(last.after, last.after), f" {given}"),)
        return (Edit(Span(end, end), f", {given}"),)
    newline = "\r\n" if "\r\n" in text else "\n"
    if last.after > end:
        # behind the comma and what stands behind it on its line
        line_end = _line_end(text, last.after)
        if line_end >= call.closing:
            return (Edit(Span(last.after, last.after), f"{newline}{indent}{given},"),)
        return (Edit(Span(line_end, line_end), f"{newline}{indent}{given},"),)
    line_end = _line_end(text, end)
    if line_end >= call.closing or not text[end:line_end].strip():
        return (Edit(Span(end, end), f",{newline}{indent}{given}"),)
    return (
        Edit(Span(end, end), ","),
        Edit(Span(line_end, line_end), f"{newline}{indent}{given}"),
    )


def set_argument(source: Source, call: LoaderCall, name: str, code: str) -> tuple[Edit, ...]:
    """Give `name` the value `code`: change it where it stands, append it where not."""
    argument = call.arguments.get(name)
    if argument is None:
        return add_argument(source, call, name, code)
    return (Edit(argument.span, code),)


def removable(call: LoaderCall, argument: Argument) -> bool:
    """Reports whether the argument can be taken out of the text of the call."""
    if argument.splatted or argument not in call.written:
        return False
    if not argument.positional:
        return True
    later = call.written[call.written.index(argument) + 1 :]
    return not any(one.positional for one in later)


def removal(
    source: Source, call: LoaderCall, argument: Argument, safety: Safety = Safety.SAFE
) -> Fix | None:
    """The fix that leaves the argument at torch's default; None where the text has none."""
    if not editable(call) or argument.splatted:
        return None
    if removable(call, argument):
        edits = remove_argument(source, call, argument)
        return Fix(f"Remove {call.prefix}{argument.name}", edits, safety)
    default = repr(DEFAULTS[argument.name])
    return Fix(f"Set {argument.name} to {default}", (Edit(argument.span, default),), safety)


def remove_argument(source: Source, call: LoaderCall, argument: Argument) -> tuple[Edit, ...]:
    """Take the argument and its comma out; its own line goes with it."""
    return remove_arguments(source, call, (argument,))


def remove_arguments(
    source: Source, call: LoaderCall, arguments: Sequence[Argument]
) -> tuple[Edit, ...]:
    """Take several arguments and their commas out; all comments beside them stay."""
    text = source.text
    found: list[Edit] = []
    last = call.written[-1]
    tail = _tail(text, call, arguments)
    inline_tail = bool(tail) and last.after == last.whole.end and not _alone(text, call, last)
    for argument in arguments:
        if not (inline_tail and argument in tail):
            found += _removed(text, call, argument)
    if inline_tail:
        found += _tail_removed(text, call, tail)
    return tuple(sorted(found))


def _removed(text: str, call: LoaderCall, argument: Argument) -> list[Edit]:
    """One argument with the comma behind it."""
    start, end = argument.whole.start, argument.after
    if _alone(text, call, argument):
        line_end = _line_end(text, end)
        behind = text[end:line_end]
        if behind.strip() not in ("", "\\"):
            return [Edit(Span(start, line_end - len(behind.lstrip())), "")]
        start = _line_start(text, start)
        return [Edit(Span(_before_line_end(text, start), line_end), "")]
    if "#" in text[argument.whole.end : end]:  # a comment before the comma
        return [Edit(argument.whole, ""), Edit(Span(end - 1, end), "")]
    rest = re.compile(r"[ \t]*").match(text, end)
    assert rest is not None
    if rest.end() < call.closing and text[rest.end()] not in "\r\n#\\":
        return [Edit(Span(start, rest.end()), "")]
    while text[start - 1] in " \t":
        start -= 1
    return [Edit(Span(start, end), "")]


def _tail(text: str, call: LoaderCall, arguments: Sequence[Argument]) -> list[Argument]:
    """Those of the arguments that the call ends with, as far as no comment is between them."""
    found: list[Argument] = []
    for one in reversed(call.written):
        if one not in arguments:
            break
        if found and "#" in text[one.whole.end : found[-1].whole.start]:
            break
        found.append(one)
    return found


def _tail_removed(text: str, call: LoaderCall, tail: list[Argument]) -> list[Edit]:
    """The last arguments, without a comma behind them: the comma before them goes too."""
    left = len(call.written) - len(tail)
    first = call.written[left]
    end = call.written[-1].whole.end
    if left == 0:
        return [Edit(Span(first.whole.start, end), "")]
    before = call.written[left - 1]
    if "#" not in text[before.whole.end : first.whole.start]:
        return [Edit(Span(before.whole.end, end), "")]
    return [Edit(Span(first.whole.start, end), "")]


def _alone(text: str, call: LoaderCall, argument: Argument) -> bool:
    """Reports whether its lines hold nothing else but a comment or a backslash behind it."""
    if text[_line_start(text, argument.whole.start) : argument.whole.start].strip():
        return False
    if "#" in text[argument.whole.end : argument.after]:
        return False
    line_end = _line_end(text, argument.after)
    behind = text[argument.after : line_end].strip()
    return line_end < call.closing and (behind in ("", "\\") or behind.startswith("#"))


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _line_end(text: str, at: int) -> int:
    while at < len(text) and text[at] not in "\r\n":
        at += 1
    return at


def _before_line_end(text: str, start: int) -> int:
    """Where the line end before the line that starts at `start` begins."""
    return start - 2 if text[start - 2 : start] == "\r\n" else start - 1
