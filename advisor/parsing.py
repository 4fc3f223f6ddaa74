"""Parses a block at most once, and of a class only the members that have changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

import libcst as cst

from .blocks import TOKEN
from .text import Span
from .trees import SyntaxProblem, Tree

_MEMBER = re.compile(r"^(?P<indent>[ \t]+)(?=(?:async\s+)?def\s|class\s|@)", re.MULTILINE)
DEEPEST = 100  # nested brackets or indents; beyond it a parser in C may overflow its stack
WORTH_DIVIDING = 2_000  # characters of a class
MOST_ALIKE = 1_000  # equal members of one class
_CLASS = re.compile(r"(?:\s*(?:#[^\n]*)?\n)*(?:@[^\n]*\n)*class\s")
_OWNER = "class _:\n"  # a member stands in a class of its own to be parsed


@lru_cache(maxsize=256)
def parse(text: str, occurrence: int) -> Tree:
    """The tree of a block; what cannot be read in it is left out and told.

    `occurrence` tells equal blocks of one module apart.
    """
    division = _division(text, occurrence)
    problem = None if division is None else division.problem
    if problem is None:
        module = None if division is None else _assembled(division)
        if module is None:
            module, problem = _parsed(text)
        if module is not None:
            return Tree(text, module, ())
    assert problem is not None
    mended = text
    for member in _members(text) if division is None else division.unreadable:
        inside = text[member.start : member.end]
        if division is not None or _member(inside, "", 0).module is None:
            mended = _blanked(mended, member)
    if mended == text:
        return Tree(text, cst.Module(body=[]), (problem,))
    division = _division(mended, occurrence)
    module = None if division is None or division.problem else _assembled(division)
    if module is None:
        module, _ = _parsed(mended)
    return Tree(mended, module or cst.Module(body=[]), (problem,))


def forget() -> None:
    """Drop the trees that are kept."""
    parse.cache_clear()
    _member.cache_clear()


class _Member(NamedTuple):
    """A member, in a class of its own; None where it cannot be read."""

    module: cst.Module | None
    problem: SyntaxProblem | None


@lru_cache(maxsize=2048)
def _member(text: str, owner: str, occurrence: int) -> _Member:
    """A member by its text; `owner` and `occurrence` tell it from an equal one elsewhere."""
    module, problem = _parsed(_OWNER + text)
    if problem is not None:
        at = max(0, problem.span.start - len(_OWNER))
        problem = SyntaxProblem(problem.message, Span(at, at))
    return _Member(module, problem)


class _Division(NamedTuple):
    """A class taken apart: its head up to where its first member begins, and the members.

    `places` are those of the members, from the `def`; blanks and comments above belong to
    them as well.
    """

    head: str
    indent: str
    parts: tuple[_Member, ...]
    places: tuple[Span, ...]

    @property
    def problem(self) -> SyntaxProblem | None:
        """What cannot be read in the first of the members that cannot be read."""
        start = len(self.head)
        for part, place in zip(self.parts, self.places, strict=True):
            if part.problem is not None:
                return SyntaxProblem(part.problem.message, part.problem.span.moved(start))
            start = place.end
        return None

    @property
    def unreadable(self) -> list[Span]:
        return [
            place
            for part, place in zip(self.parts, self.places, strict=True)
            if part.module is None
        ]


def _division(text: str, occurrence: int) -> _Division | None:
    """A class and its members; None where it is read as a whole."""
    if len(text) < WORTH_DIVIDING or "\r" in text or not _CLASS.match(text):
        return None
    members = _members(text)
    division = _divided(text, members, occurrence)
    if division is not None and division.problem is not None:
        real = _members(text, in_strings=False)  # an example in a docstring is none
        if len(real) < len(members):
            return _divided(text, real, occurrence)
    return division


def _divided(text: str, members: list[Span], occurrence: int) -> _Division | None:
    if len(members) < 2:
        return None
    ends = [_end_of_code(text, member.start) for member in members]
    head = text[: ends[0]]
    parts, places = [], []
    seen: Counter[str] = Counter()
    for member, start, end in zip(members, ends, [*ends[1:], len(text)], strict=True):
        code = text[start:end]
        seen[code] += 1
        parts.append(_member(code, head, 1 + occurrence * MOST_ALIKE + seen[code]))
        places.append(Span(member.start, end))
    if max(seen.values()) >= MOST_ALIKE:
        return None
    first = text[members[0].start :]
    return _Division(head, first[: -len(first.lstrip(" \t"))], tuple(parts), tuple(places))


def _assembled(division: _Division) -> cst.Module | None:
    """The class made of its members; None where they are not what the class consists of."""
    skeleton, _ = _parsed(f"{division.head}{division.indent}pass\n")
    owner = _only_class(skeleton)
    if skeleton is None or owner is None:
        return None
    statements: list[cst.CSTNode] = [*owner.body.body]
    last = statements.pop()
    if not isinstance(last, cst.SimpleStatementLine) or not isinstance(last.body[0], cst.Pass):
        return None  # the members stand in an `if` of the class, or the like
    footer: Sequence[cst.EmptyLine] = ()
    part: cst.Module | None = None
    for part, _ in division.parts:
        own = _only_class(part)
        if own is None or part is None or part.default_indent != skeleton.default_indent:
            return None
        if footer:
            return None
        statements += own.body.body
        footer = own.body.footer if isinstance(own.body, cst.IndentedBlock) else ()
        if part.footer and part is not division.parts[-1].module:
            return None
    assert part is not None
    with _nodes_unchecked():
        body = owner.body.with_changes(body=statements, footer=footer)
        return skeleton.with_changes(
            body=[owner.with_changes(body=body)],
            footer=part.footer,
            has_trailing_newline=part.has_trailing_newline,
        )


def _only_class(module: cst.Module | None) -> cst.ClassDef | None:
    """The class that is all there is in a module."""
    if module is None or len(module.body) != 1:
        return None
    only = module.body[0]
    return only if isinstance(only, cst.ClassDef) else None


def _end_of_code(text: str, at: int) -> int:
    """The end of the last line of code before `at`, where a line starts."""
    while at:
        line = text.rfind("\n", 0, at - 1) + 1
        code = text[line:at].strip()
        if code and not code.startswith("#"):
            return at
        at = line
    return at


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


def _members(text: str, in_strings: bool = True) -> list[Span]:
    """The definitions directly inside a class or other compound statement, with decorators.

    To tell what only stands in a string costs more than to find all that look like one.
    """
    found = list(_MEMBER.finditer(text))
    if not in_strings:
        strings = [match.span() for match in TOKEN.finditer(text) if match[0][0] in "'\""]
        found = [match for match in found if not any(a < match.start() < b for a, b in strings)]
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
