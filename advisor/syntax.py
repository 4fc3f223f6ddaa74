"""libcst's parser without its traps: code nested too deeply, panics, and needless checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst

from .blocks import TOKEN
from .text import Span
from .trees import SyntaxProblem

DEEPEST = 100  # nested brackets or indents; beyond it a parser in C may overflow its stack


def parsed(text: str) -> tuple[cst.Module | None, SyntaxProblem | None]:
    """The tree of a text, or why there is none."""
    if _deepest(text) > DEEPEST or _longest_chain(text) > LONGEST_CHAIN:
        return None, SyntaxProblem("the code is nested too deeply to be read", Span(0, 0))
    try:
        with nodes_unchecked():
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
def nodes_unchecked() -> Iterator[None]:
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
    TOKEN.pattern + r"|[,;:\r\n]|[-+~]|[*/%|&^@<>.=]+|\b(?:and|or|not|if|elif|lambda|await)\b"
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
    for match in TOKEN.finditer(text):
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
