"""Splits a module into top-level blocks.

A block is a top-level statement with the comments after it. Reading block by block
means that an edit costs the block it is in, that a syntax error loses only its own
block, and that a block which cannot matter is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

_T = TypeVar("_T")

TOKEN = re.compile(
    r'''"""(?:[^\\]|\\[\s\S])*?"""'''
    r"""|'''(?:[^\\]|\\[\s\S])*?'''"""
    r"""|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'"""
    r"""|\#[^\r\n]*|\\\r?\n|[\[({]|[\])}]|[\r\n]\f*(?=[^\s#)\]}])"""
)
_CLAUSE = re.compile(r"\f*(?:else|elif|except|finally)\b")
_WORD = re.compile(r"\w+")
# A definition or import at the left margin inside brackets means that a bracket is
# missing above it, as happens while somebody types.
_HARD_START = re.compile(r"\f*(?:(?:async\s+)?def\s|class\s|import\s|from\s+[\w.]+\s+import\b|@\w)")


@dataclass(frozen=True)
class Block:
    """One top-level statement: its text and where that starts in the module.

    That it starts there is certain, or so only because a bracket above is never closed.
    """

    start: int
    text: str
    is_certain: bool = field(default=True, compare=False)


def split(text: str, near: Sequence[Block] = ()) -> list[Block]:
    """The blocks of `text`; joined they are `text` again.

    `near` are the blocks of a text that is mostly the same: where it is, nothing is looked at.
    """
    kept = _kept(text, near)
    rest = _rest(text, near)
    start = kept[-1].start + len(kept[-1].text) if kept else 0
    blocks = list(kept)
    was_certain = True
    for first, is_certain in _starts(text, start):
        if start < first:
            blocks.append(Block(start, text[start:first], was_certain))
        start, was_certain = first, is_certain
        if is_certain and first in rest:
            by = first - near[rest[first]].start
            same = near[rest[first] :]
            return blocks + [Block(one.start + by, one.text, one.is_certain) for one in same]
    blocks.append(Block(start, text[start:], was_certain))
    return blocks


def _kept(text: str, near: Sequence[Block]) -> Sequence[Block]:
    """The blocks that begin `text` as well; the last of them may go on differently there."""
    n = 0
    while n < len(near) and text.startswith(near[n].text, near[n].start):
        n += 1
        if _is_open(near[n - 1].text):
            break  # it may be closed now, far below
    n = max(0, n - 1)
    while n and not near[n].is_certain:
        n -= 1
    return near[:n]


@lru_cache(maxsize=4096)
def _is_open(block: str) -> bool:
    """Reports whether a bracket, or a string of several lines, is begun and not ended."""
    depth = 0
    for match in TOKEN.finditer(block):
        token = match[0]
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth = max(0, depth - 1)
        elif token in ('""', "''") and block.startswith(token[0], match.end()):
            return True  # without its end it is read as an empty string and what follows
    return depth > 0


def _rest(text: str, near: Sequence[Block]) -> dict[int, int]:
    """Where the blocks that end `text` as well start in it, with their numbers."""
    found: dict[int, int] = {}
    at = len(text)
    for number in range(len(near) - 1, -1, -1):
        block = near[number]
        at -= len(block.text)
        if at < 0 or not text.startswith(block.text, at):
            break
        if block.is_certain:
            found[at] = number
    return found


def _starts(text: str, start: int) -> Iterator[tuple[int, bool]]:
    """Where blocks start, from one that starts at `start`, and whether that is certain."""
    if start == 0:
        start = len(text) - len(text.lstrip("\f"))
    yield start, True
    depth = 0
    passed: list[int] = []  # starts, if the bracket around them is never closed
    decorated = text.startswith("@", start)
    for match in TOKEN.finditer(text, start):
        token = match.group()
        first = token[0]
        if first in "([{":
            depth += 1
        elif first in ")]}":
            depth = max(0, depth - 1)
            if not depth:
                passed.clear()
        elif first in "\r\n":
            at = match.end()
            if depth and not _HARD_START.match(text, at):
                if not _CLAUSE.match(text, at):
                    passed.append(at)
                continue
            if depth:
                for one in passed:
                    yield one, False
                passed.clear()
            depth = 0
            if decorated or _CLAUSE.match(text, at):
                decorated = decorated and text[match.end()] == "@"
                continue
            decorated = text[match.end()] == "@"
            yield at, True
    if depth:
        for one in passed:
            yield one, False


def different(before: Sequence[_T], after: Sequence[_T]) -> tuple[slice, slice]:
    """What stands, in each, between what both begin with and what both end with."""
    shortest = min(len(before), len(after))
    start = 0
    while start < shortest and before[start] == after[start]:
        start += 1
    behind = 0
    while behind < shortest - start and before[-1 - behind] == after[-1 - behind]:
        behind += 1
    return slice(start, len(before) - behind), slice(start, len(after) - behind)


@lru_cache(maxsize=512)
def words(text: str) -> frozenset[str]:
    """The words in a block."""
    return frozenset(_WORD.findall(text))


def forget() -> None:
    """Drop what is kept of blocks."""
    words.cache_clear()
    _is_open.cache_clear()
