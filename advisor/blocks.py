"""Splits a module into top-level blocks, and parses a block at most once.

A block is a top-level statement with the comments after it. Parsing block by block
means that an edit costs the block it is in, that a syntax error loses only its own
block, and that a block which cannot matter is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from .text import Span
from .trees import SyntaxProblem, Tree

_TOKEN = re.compile(
    r'''"""(?:[^\\]|\\[\s\S])*?"""'''
    r"""|'''(?:[^\\]|\\[\s\S])*?'''"""
    r"""|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'"""
    r"""|\#[^\r\n]*|\\\r?\n|[\[({]|[\])}]|[\r\n]\f*(?=[^\s#)\]}])"""
)
_CLAUSE = re.compile(r"\f*(?:else|elif|except|finally)\b")
# A definition or import at the left margin inside brackets means that a bracket is
# missing above it, as happens while somebody types.
_HARD_START = re.compile(r"\f*(?:(?:async\s+)?def\s|class\s|import\s|from\s+[\w.]+\s+import\b|@\w)")
_MEMBER = re.compile(r"^(?P<indent>[ \t]+)(?=(?:async\s+)?def\s|class\s|@)", re.MULTILINE)
DEEPEST = 100  # nested brackets or indents; beyond it a parser in C may overflow its stack


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
    for match in _TOKEN.finditer(text):
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


@lru_cache(maxsize=256)
def parse(text: str, occurrence: int) -> Tree:
    """The tree of a block; what cannot be read in it is left out and told.

    `occurrence` tells equal blocks of one module apart.
    """
    module, problem = _parsed(text)
    if module is not None:
        return Tree(text, module, ())
    assert problem is not None
    first = problem
    mended = text
    for member in _members(text):
        inside = text[member.start : member.end]
        if _parsed(_dedented(inside))[0] is None:
            mended = _blanked(mended, member)
    if mended != text:
        module, _ = _parsed(mended)
    return Tree(mended, module or cst.Module(body=[]), (first,))


def _parsed(text: str) -> tuple[cst.Module | None, SyntaxProblem | None]:
    if _deepest(text) > DEEPEST or _longest_chain(text) > LONGEST_CHAIN:
        return None, SyntaxProblem("the code is nested too deeply to be read", Span(0, 0))
    try:
        with _nodes_unchecked():
            return cst.parse_module(text.replace("\f", " ")), None
    except cst.ParserSyntaxError as error:
        lines = text.splitlines(keepends=True)
        line = min(max(error.raw_line, 1), max(len(lines), 1)) - 1
        before = sum(len(one) for one in lines[:line])
        at = min(before + max(error.raw_column, 0), max(len(text) - 1, 0))
        words = "this code cannot be read: the syntax is wrong here"
        return None, SyntaxProblem(words, Span(at, at))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the parser is no Exception
        return None, SyntaxProblem(f"this code cannot be read: {type(error).__name__}", Span(0, 0))


@contextmanager
def _nodes_unchecked() -> Iterator[None]:
    """Nodes made inside do not check themselves as if somebody had built them by hand.

    That is a third of the parser's time, and its output is always right.
    """
    checks = cst.CSTNode.__post_init__
    type.__setattr__(cst.CSTNode, "__post_init__", _unchecked)
    try:
        yield
    finally:
        type.__setattr__(cst.CSTNode, "__post_init__", checks)


def _unchecked(node: cst.CSTNode) -> None:
    pass


# Operators that nest to the left or right; libcst 1.9 overflows the stack on some thousands.
_LINK = re.compile(
    _TOKEN.pattern + r"|[,;:\r\n]|[-+~]|[*/%|&^@<>.=]+|\b(?:and|or|not|if|elif|lambda|await)\b"
)
LONGEST_LINE = 2_000  # characters; below it no chain of operators is too long
LONGEST_CHAIN = 1_000
_LINK_SIGNS = b"([{+-~*/%|&^@<>.=\\'\""
_LINK_WORDS = ("and", "or", "not", "if", "lambda", "await")


def _longest_chain(text: str) -> int:
    """The most operators, calls, strings or elifs in a row, one within the other."""
    if len(text) < LONGEST_LINE:
        return 0
    if _count(text, _LINK_SIGNS) + sum(map(text.count, _LINK_WORDS)) < LONGEST_CHAIN:
        return 0
    longest = n_nested = 0
    open_chains = [0]
    for match in _LINK.finditer(text):
        token = match.group()
        if token[0] in "([{":
            open_chains[-1] += 1
            open_chains.append(0)
        elif token[0] in ")]}":
            if len(open_chains) > 1:
                open_chains.pop()
        elif token[0] in ",;:#" or (token[0] in "\r\n" and len(open_chains) == 1):
            open_chains[-1] = 0
        elif token in ("elif", "lambda"):
            n_nested += 1
        elif not token.isspace():
            open_chains[-1] += 1
            longest = max(longest, open_chains[-1])
    return max(longest, n_nested)


def _deepest(text: str) -> int:
    if _count(text, b"([{") <= DEEPEST:
        return 0
    depth = deepest = 0
    for match in _TOKEN.finditer(text):
        first = match.group()[0]
        if first in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in ")]}":
            depth -= 1
    return deepest


def _count(text: str, signs: bytes) -> int:
    """How often the signs stand in `text`; much quicker than to look at its tokens."""
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw) - len(raw.translate(None, signs))


def _members(text: str) -> list[Span]:
    """The definitions directly inside a class or other compound statement."""
    found = list(_MEMBER.finditer(text))
    if not found:
        return []
    indent = min((m["indent"] for m in found), key=len)
    starts = [m.start() for m in found if m["indent"] == indent]
    return [Span(a, b) for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _dedented(member: str) -> str:
    """A member as it would stand in a class of its own."""
    return "class _:\n" + member


def _blanked(text: str, member: Span) -> str:
    """`text` with that member replaced by `pass`, every other offset as it was."""
    body = text[member.start : member.end]
    indent = body[: len(body) - len(body.lstrip(" \t"))]
    first, newline, rest = body.partition("\n")
    filler = (indent + "pass")[: len(first)].ljust(len(first))
    blank = "".join(char if char in "\r\n" else " " for char in rest)
    return text[: member.start] + filler + newline + blank + text[member.end :]
