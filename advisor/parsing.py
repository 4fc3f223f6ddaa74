"""Parses a block at most once, and of a long one only what has changed.

A class, a function or a loop is taken apart into the pieces of its suite: each long compound
statement, and the short ones between. A piece is parsed in suites of its own and kept; put
together again, the pieces are the tree that libcst makes of the whole.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import libcst as cst

from .blocks import TOKEN
from .syntax import nodes_unchecked, parsed
from .text import Span
from .trees import SyntaxProblem, Tree

WORTH_DIVIDING = 800  # characters of a statement
LONG = 4  # lines of a statement that is a piece by itself
_BLANKS = r"(?:[ \t]*(?:#[^\n]*)?\n)*"
_COMPOUND = re.compile(
    _BLANKS + r"(?P<margin>[ \t]*)(?:@[^\n]*\n(?P=margin))*"
    r"(?:(?:async[ \t]+)?(?:def|class|for|with)|while|if)\b"
)
_TOKEN = re.compile(rf"{TOKEN.pattern}|\n")
_FIRST = re.compile(_BLANKS + r"(?P<indent>[ \t]*)")
_MEMBER = re.compile(r"^(?P<indent>[ \t]+)(?=(?:async\s+)?def\s|class\s|@)", re.MULTILINE)
_LONG_STRING = re.compile(r'"""(?:[^\\]|\\[\s\S])*?"""' + r"|'''(?:[^\\]|\\[\s\S])*?'''")


@lru_cache(maxsize=256)
def parse(text: str, occurrence: int = 0, *, in_pieces: bool = False) -> Tree:
    """The tree of a block; what cannot be read in it is left out and told.

    `occurrence` tells blocks that begin alike apart. To read it in pieces takes longer at
    first, and much less when one of them has been edited.
    """
    module, problem = _read(text, (), f"{occurrence}") if in_pieces else parsed(text)
    if module is not None:
        return Tree(text, module, ())
    assert problem is not None
    mended = text
    for member in _members(text):
        if _piece(text[member.start : member.end], ("",), "member").module is None:
            mended = _blanked(mended, member)
    module = None
    if mended != text:
        module, _ = _read(mended, (), f"{occurrence}") if in_pieces else parsed(mended)
    return Tree(text if module is None else mended, module or cst.Module(body=[]), (problem,))


def forget() -> None:
    """Drop the trees that are kept."""
    parse.cache_clear()
    _piece.cache_clear()


# A statement taken apart


class _Piece(NamedTuple):
    """Some statements of a suite; None where they cannot be read."""

    module: cst.Module | None
    problem: SyntaxProblem | None


@lru_cache(maxsize=1024)
def _piece(text: str, around: tuple[str, ...], owner: str) -> _Piece:
    """The statements `text`, in the innermost of suites whose statements are indented as `around`.

    `owner` tells a piece from an equal one elsewhere: a node stands in one place only.
    """
    return _Piece(*_read(text, around, owner))


def _read(
    text: str, around: tuple[str, ...], owner: str
) -> tuple[cst.Module | None, SyntaxProblem | None]:
    division = _division(text)
    module = None if division is None else _assembled(text, division, around, owner)
    if module is not None:
        return module, None
    suites = _suites_around(around)
    module, problem = parsed(suites + text)
    if problem is not None and suites:
        at = max(0, problem.span.start - len(suites))
        problem = SyntaxProblem(problem.message, Span(at, at))
    return module, problem


def _suites_around(indents: tuple[str, ...]) -> str:
    return "".join(f"{indent}if 1:\n" for indent in indents)


class _Division(NamedTuple):
    """A compound statement: how far it and its suite are indented, and where its pieces start."""

    margin: str
    indent: str
    starts: tuple[int, ...]


def _division(text: str) -> _Division | None:
    """How to take a text apart; None where it is no long statement with one suite."""
    header = None if len(text) < WORTH_DIVIDING or "\r" in text else _COMPOUND.match(text)
    if header is None:
        return None
    body = _end_of_header(text, header.end())
    first = _FIRST.match(text, body)
    assert first is not None
    margin, indent = header["margin"], first["indent"]
    if len(indent) <= len(margin) or not indent.startswith(margin):
        return None
    strings = [match.span() for match in _LONG_STRING.finditer(text, body)]
    statements: list[int] = []
    is_long: list[bool] = []
    decorated = False
    for match in _lines(margin, indent).finditer(text, body):
        at = match.start()
        if any(start < at < end for start, end in strings):
            continue
        if match["margin"] is not None:
            return None  # an else, or another statement
        if not decorated:
            if statements:
                is_long.append(text.count("\n", statements[-1], at) >= LONG)
            statements.append(at)
        decorated = match["decorator"] is not None
    if not statements:
        return None
    is_long.append(text.count("\n", statements[-1]) >= LONG)
    starts = [
        start
        for start, is_piece, after_piece in zip(
            statements[1:], is_long[1:], is_long[:-1], strict=True
        )
        if is_piece or after_piece
    ]
    if not starts:
        return None
    return _Division(margin, indent, (body, *(_end_of_code(text, at) for at in starts)))


@lru_cache(maxsize=64)
def _lines(margin: str, indent: str) -> re.Pattern[str]:
    """The first lines of a suite's statements, and whatever stands at the margin before it."""
    clause = r"(?:else|elif|except|finally|case)\b"
    return re.compile(
        rf"^(?:{indent}(?=(?P<decorator>@)|[^\s#)\]}}])(?!{clause})|(?P<margin>{margin}(?=[^\s#])))",
        re.MULTILINE,
    )


def _end_of_header(text: str, at: int) -> int:
    """Where the line after a statement's header begins."""
    depth = 0
    for match in _TOKEN.finditer(text, at):
        token = match[0]
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        elif token == "\n" and not depth:
            return match.end()
    return len(text)


def _assembled(
    text: str, division: _Division, around: tuple[str, ...], owner: str
) -> cst.Module | None:
    """The statement made of its pieces; None where they are not what it consists of."""
    head = text[: division.starts[0]]
    skeleton, _ = parsed(f"{_suites_around(around)}{head}{division.indent}pass\n")
    outer = _suites(skeleton, len(around))
    if skeleton is None or outer is None or len(outer[-1].body) != 1:
        return None
    whole = outer[-1].body[0]
    body = getattr(whole, "body", None)
    if not isinstance(body, cst.IndentedBlock):
        return None
    statements: list[cst.CSTNode] = []
    inside = (*around, division.margin)
    module: cst.Module | None = None
    suites: list[cst.Module | cst.IndentedBlock] | None = None
    seen: Counter[str] = Counter()
    for start, end in zip(division.starts, (*division.starts[1:], len(text)), strict=True):
        if suites is not None and any(suite.footer for suite in suites):
            return None
        code = text[start:end]
        begin = code.lstrip().partition("\n")[0]
        seen[begin] += 1
        module = _piece(code, inside, f"{owner}\n{head}\n{seen[begin]}").module
        suites = _suites(module, len(inside))
        if module is None or suites is None or module.default_indent != skeleton.default_indent:
            return None
        statements += suites[-1].body
    assert module is not None and suites is not None
    with nodes_unchecked():
        last = suites.pop()
        changed = whole.with_changes(body=last.with_changes(body=statements, header=body.header))
        while len(suites) > 1:
            suite = suites.pop().with_changes(body=[changed])
            changed = suites[-1].body[0].with_changes(body=suite)
        return module.with_changes(body=[changed], header=skeleton.header)


def _suites(module: cst.Module | None, depth: int) -> list[cst.Module | cst.IndentedBlock] | None:
    """A module and the suites that statements were put in; None where something else is there."""
    if module is None:
        return None
    found: list[cst.Module | cst.IndentedBlock] = [module]
    for _ in range(depth):
        only = found[-1].body[0] if len(found[-1].body) == 1 else None
        if not isinstance(only, cst.If) or not isinstance(only.body, cst.IndentedBlock):
            return None
        found.append(only.body)
    return found


def _end_of_code(text: str, at: int) -> int:
    """The end of the last line of code before `at`, where a line starts."""
    while at:
        line = text.rfind("\n", 0, at - 1) + 1
        code = text[line:at].strip()
        if code and not code.startswith("#"):
            return at
        at = line
    return at


# What cannot be read


def _members(text: str) -> list[Span]:
    """What look like the definitions directly inside a compound statement, with decorators."""
    found = list(_MEMBER.finditer(text))
    if not found:
        return []
    indent = min((m["indent"] for m in found), key=len)
    starts = []
    decorated = False
    for match in found:
        if match["indent"] == indent:
            if not decorated:
                starts.append(match.start())
            decorated = text[match.end()] == "@"
    return [Span(a, b) for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _blanked(text: str, member: Span) -> str:
    """`text` with that member replaced by `pass`, every other offset as it was."""
    body = text[member.start : member.end]
    indent = body[: len(body) - len(body.lstrip(" \t"))]
    first, newline, rest = body.partition("\n")
    filler = (indent + "pass")[: len(first)].ljust(len(first))
    blank = "".join(char if char in "\r\n" else " " for char in rest)
    return text[: member.start] + filler + newline + blank + text[member.end :]
