"""Edits that leave alone all that an analysis has looked at: its findings stay, and move.

Most of a file has nothing to do with its loaders. Such a block is never read; as long as it,
and what is written in its place, answers nothing that was asked, a new analysis would find the
same. So it would where only comments and docstrings are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .blocks import TOKEN, different
from .findings import Finding, Move, Rule
from .interest import subjects
from .model import LoaderCall
from .modules import Seen
from .program import Program
from .readable import Readable, readable
from .target import Target
from .text import Check, Source, Span, changed

_TELLS_LINE = re.compile(r"\blines? \d")


@dataclass(frozen=True)
class Settled:
    """An analysis of a text that could be read: the findings before any was suppressed.

    `told` is what it depends on of the text as a whole.
    """

    program: Program
    target: Target
    chosen: tuple[Rule, ...]
    findings: tuple[Finding, ...]
    loaders: tuple[LoaderCall, ...]
    seen: frozenset[Seen]
    told: dict[Check, bool]

    def move_to(self, source: Source) -> Move | None:
        """Where all of it is in another text; None where something else may be found there."""
        text = self.program.source.text
        region = self._unaffected(source)
        if region is None:
            return None
        by = len(source.text) - len(text)

        def move(span: Span) -> Span | None:
            if span.start == span.end and span.start in (region.start, region.end):
                return None  # what is written there may belong to what was changed
            if span.end <= region.start:
                return span
            return span.moved(by) if span.start >= region.end else None

        behind = source.text[region.start : region.end + by]
        moves_lines = text[region.start : region.end].count("\n") != behind.count("\n")
        if moves_lines and any(map(_TELLS_LINE.search, self._messages())):
            return None
        calls = (span.fixed for call in self.loaders for span in (call.span, call.callee))
        return move if all(map(move, calls)) else None

    def moved(self, move: Move) -> list[Finding] | None:
        """The findings there; None where one was touched."""
        found = []
        for finding in self.findings:
            one = finding.moved(move)
            if one is None or not _is_whole(one, finding):
                return None
            found.append(one)
        return found

    def _unaffected(self, source: Source) -> Span | None:
        """The place of what was changed, in the text that was analysed, if that matters to none."""
        program = self.program
        if source.cells or subjects(source.text) != subjects(program.source.text):
            return None
        was = [block.text for block in program.blocks]
        now = [block.text for block in program.memory.split(source.text)]
        before, after = different(was, now)
        gone, new = was[before], now[after]
        # fixes are written with the line ends of the text
        if any("\r" in text for text in gone) != any("\r" in text for text in new):
            return None
        region = None
        if program.is_unread(before):
            if program.is_unaffected(before, new) and all(map(_is_readable, (*gone, *new))):
                region = Span(_start(program, before.start), _start(program, before.stop))
        elif len(gone) == len(new) == 1:
            prose = _changed_prose(gone[0], new[0])
            if prose is not None and program.is_told_the_same(gone[0], new[0]):
                region = prose.moved(_start(program, before.start))
        same = region is not None and source.tells_the_same(self.told, new)
        return region if same else None

    def _messages(self) -> Iterator[str]:
        for finding in self.findings:
            yield finding.message
            yield from (related.message for related in finding.related)
            fixes = (finding.fix, *finding.alternatives)
            yield from (fix.title for fix in fixes if fix is not None)


def _is_whole(one: Finding, before: Finding) -> bool:
    """Reports whether a finding has moved with all that belongs to it."""
    return (
        (one.fix is None) is (before.fix is None)
        and len(one.related) == len(before.related)
        and len(one.alternatives) == len(before.alternatives)
        and (one.argument is None) is (before.argument is None)
    )


def _start(program: Program, number: int) -> int:
    """Where a block starts, or the text ends."""
    blocks = program.blocks
    return blocks[number].start if number < len(blocks) else len(program.source.text)


def _is_readable(block: str) -> bool:
    return readable(block) is Readable.YES


def _changed_prose(before: str, after: str) -> Span | None:
    """What differs in `before`, if in both it is inside of a comment or of a string without use."""
    region = changed(after, before)
    line = before[before.rfind("\n", 0, region.start) + 1 : region.start]
    strings = (before.count(quotes, 0, region.start) for quotes in ('"""', "'''"))
    if "#" not in line and not any(n % 2 for n in strings):
        return None  # most often, and soon seen
    if "\\" in after[region.start : len(after) - len(before) + region.end]:
        return None  # in a string it may be an escape that cannot be read
    around, there = (_prose(text, region.start) for text in (before, after))
    if around is None or there is None:
        return None
    same_rest = len(before) - around.end == len(after) - there.end
    return (
        region if around.start == there.start and same_rest and region.end <= around.end else None
    )


def _prose(text: str, at: int) -> Span | None:
    """The inside of the comment, or of the string that is a statement, at a place."""
    depth = 0
    for match in TOKEN.finditer(text):
        if match.start() >= at:
            return None
        token = match[0]
        depth += (token in "([{") - (token in ")]}")
        if match.end() < at:
            continue
        if token.startswith("#"):
            return Span(match.start() + 1, match.end())
        line = text.rfind("\n", 0, match.start()) + 1
        alone = not text[line : match.start()].strip() and text.startswith(
            ("\n", "\r"), match.end()
        )
        if token.startswith(('"""', "'''")) and alone and not depth:
            inside = Span(match.start() + 3, match.end() - 3)
            return inside if inside.start <= at <= inside.end else None
    return None
