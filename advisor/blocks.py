"""Splits a module into top-level blocks.

A block is a top-level statement with the comments after it. Reading block by block
means that an edit costs the block it is in, that a syntax error loses only its own
block, and that a block which cannot matter is never parsed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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


def split(text: str) -> list[Block]:
    """The blocks of `text`; joined they are `text` again."""
    start = len(text) - len(text.lstrip("\f"))
    starts = [0, start] if start else [0]
    depth = 0
    decorated = text.startswith("@", start)
    for match in TOKEN.finditer(text):
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
            starts.append(at)
    ends = [*starts[1:], len(text)]
    return [Block(start, text[start:end]) for start, end in zip(starts, ends, strict=True)]
