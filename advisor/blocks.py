"""Splits a module into top-level blocks.

A block is a top-level statement with the comments after it. Reading block by block
means that an edit costs the block it is in, that a syntax error loses only its own
block, and that a block which cannot matter is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

TOKEN = re.compile(
    r'''"""(?:[^\\]|\\[\s\S])*?"""'''
    r"""|'''(?:[^\\]|\\[\s\S])*?'''"""
    r"""|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'"""
    r"""|\#[^\r\n]*|\\\r?\n|[\[({]|[\])}]|[\r\n]\f*(?=[^\s#)\]}])"""
)
_CLAUSE = re.compile(r"\f*(?:else|elif|except|finally)\b")
# A definition or import at the left margin inside brackets means that a bracket is
# missing above it, as happens while somebody types.
_HARD_START = re.compile(r"\f*(?:(?:async\s+)?def\s|class\s|import\s|from\s+[\w.]+\s+import\b|@\w)")


@dataclass(frozen=True)
class Block:
    """One top-level statement: its text and where that starts in the module."""

    start: int
    text: str


def split(text: str, near: Sequence[Block] = ()) -> list[Block]:
    """The blocks of `text`; joined they are `text` again.

    `near` are the blocks of a text that is mostly the same: where it is, nothing is looked at.
    """
    kept = _kept(text, near)
    rest = _rest(text, near)
    start = kept[-1].start + len(kept[-1].text) if kept else 0
    blocks = list(kept)
    for first in _starts(text, start):
        if start < first:
            blocks.append(Block(start, text[start:first]))
        start = first
        if first in rest:
            by = first - near[rest[first]].start
            blocks += [Block(one.start + by, one.text) for one in near[rest[first] :]]
            return blocks
    blocks.append(Block(start, text[start:]))
    return blocks


def _kept(text: str, near: Sequence[Block]) -> Sequence[Block]:
    """The blocks that begin `text` as well; the last of them may go on differently there."""
    n = 0
    while n < len(near) and text.startswith(near[n].text, near[n].start):
        n += 1
        if _opens_a_string(near[n - 1].text):
            break  # it may be closed now, far below
    return near[: max(0, n - 1)]


@lru_cache(maxsize=4096)
def _opens_a_string(block: str) -> bool:
    """Reports whether a string of several lines is begun and not ended."""
    if '"""' not in block and "'''" not in block:
        return False
    # without its end it is read as an empty string and what follows
    return any(
        match[0] in ('""', "''") and block.startswith(match[0][0], match.end())
        for match in TOKEN.finditer(block)
    )


def _rest(text: str, near: Sequence[Block]) -> dict[int, int]:
    """Where the blocks that end `text` as well start in it, with their numbers."""
    found: dict[int, int] = {}
    at = len(text)
    for number in range(len(near) - 1, -1, -1):
        block = near[number]
        at -= len(block.text)
        if at < 0 or not text.startswith(block.text, at):
            break
        found[at] = number
    return found


def _starts(text: str, start: int) -> Iterator[int]:
    """Where blocks start, from one that starts at `start`."""
    if start == 0:
        start = len(text) - len(text.lstrip("\f"))
    yield start
    depth = 0
    decorated = text.startswith("@", start)
    for match in TOKEN.finditer(text, start):
        token = match.group()
        first = token[0]
        if first in "([{":
            depth += 1
        elif first in ")]}":
            depth = max(0, depth - 1)
        elif first in "\r\n":
            at = match.end()
            if depth and not _HARD_START.match(text, at):
                continue
            depth = 0
            if decorated or _CLAUSE.match(text, at):
                decorated = decorated and text[match.end()] == "@"
                continue
            decorated = text[match.end()] == "@"
            yield at
