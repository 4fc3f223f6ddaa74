"""Edits that rules share: arguments of a call added, changed, removed."""

from __future__ import annotations

from .model import Argument, LoaderCall
from .text import Edit, Source, Span


def editable(call: LoaderCall) -> bool:
    """Reports whether the call has no `*` or `**` that could not be followed."""
    return not call.hidden


def add_argument(source: Source, call: LoaderCall, name: str, code: str) -> tuple[Edit, ...]:
    """Append `name=code`, on its own line where the arguments stand so."""
    text = source.text
    if not call.written:
        return (Edit(Span(call.closing, call.closing), f"{name}={code}"),)
    last = call.written[-1]
    start = max(text.rfind("\n", 0, last.whole.start), text.rfind("\r", 0, last.whole.start)) + 1
    indent = text[start : last.whole.start]
    end = last.whole.end
    if indent.strip():
        if last.after > end:  # a trailing comma on the same line
            return (Edit(Span(last.after, last.after), f" {name}={code}"),)
        return (Edit(Span(end, end), f", {name}={code}"),)
    newline = "\r\n" if "\r\n" in text else "\n"
    if last.after > end:
        # behind the comma and what stands behind it on its line
        line_end = _line_end(text, last.after)
        if line_end >= call.closing:
            return (Edit(Span(last.after, last.after), f"{newline}{indent}{name}={code},"),)
        return (Edit(Span(line_end, line_end), f"{newline}{indent}{name}={code},"),)
    line_end = _line_end(text, end)
    if line_end >= call.closing:
        return (Edit(Span(end, end), f",{newline}{indent}{name}={code}"),)
    return (
        Edit(Span(end, end), ","),
        Edit(Span(line_end, line_end), f"{newline}{indent}{name}={code}"),
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


def remove_argument(source: Source, call: LoaderCall, argument: Argument) -> tuple[Edit, ...]:
    """Take the argument and its comma out; its own line goes with it."""
    text = source.text
    start, end = argument.whole.start, argument.after
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    line_end = _line_end(text, end)
    alone = not text[line_start:start].strip() and line_end < call.closing
    if alone and not text[end:line_end].strip():
        # its whole line, with the line end before it
        before = line_start - 1
        if before > 0 and text[before - 1 : before + 1] == "\r\n":
            before -= 1
        return (Edit(Span(before, line_end), ""),)
    if argument.after > argument.whole.end:
        while end < len(text) and text[end] in " \t" and text[end + 1 : end + 2] != "#":
            end += 1
        if end == call.closing:  # a trailing comma: take the blank before it instead
            return (_with_comma_before(call, argument, Span(start, argument.after)),)
        return (Edit(Span(start, end), ""),)
    return (_with_comma_before(call, argument, argument.whole),)


def _with_comma_before(call: LoaderCall, argument: Argument, span: Span) -> Edit:
    index = call.written.index(argument)
    if index == 0:
        return Edit(span, "")
    keep_comma = span.end > argument.whole.end
    before = call.written[index - 1]
    return Edit(Span(before.after if keep_comma else before.whole.end, span.end), "")


def _line_end(text: str, at: int) -> int:
    while at < len(text) and text[at] not in "\r\n":
        at += 1
    return at
