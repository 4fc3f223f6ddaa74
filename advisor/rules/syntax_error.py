"""DL000: code that cannot be read, and so is not checked."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import Module
from ..text import Span


@rule("DL000", Severity.INFO)
def syntax_error(module: Module) -> Iterator[Hit]:
    """Names the first place that cannot be read; the rest of the file is checked all the same."""
    if not module.problems:
        return
    first = min(module.problems, key=lambda problem: problem.span)
    others = len(module.problems) - 1
    more = "" if not others else f", and so {'is' if others == 1 else 'are'} {others} more below"
    yield Hit(_visible(module, first.span), f"{first.message}{more}")


def _visible(module: Module, span: Span) -> Span:
    """The place, with at least one character that can be underlined."""
    text = module.source.text
    start = min(span.start, max(len(text) - 1, 0))
    while start > 0 and text[start : start + 1].isspace():
        start -= 1
    return Span(start, max(span.end, min(start + 1, len(text))))
