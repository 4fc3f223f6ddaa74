"""Reads rule documents: prose for the hover, programs for the tests.

A fenced block's info string is `python bad`, `python fixed` or `python good`,
followed by words that say for what machine the program is meant (`cores=8`) and
what is expected besides (`severity=hint`, `also=DL405`). CONTRIBUTING.md has the
notation; in short, comments under a line of a bad block mark the findings there:

    loader = DataLoader(photos, num_workers=8)
    #                                       ^ the workers are started again for every epoch
    #        ~~~~~~~~~~ a place that the finding refers to

`#<1-6> message` marks columns 1 to 6, where a caret cannot stand under its line,
and `#<1-6>~ message` is the same for a place referred to. The marks are not part
of the program.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from dladvise.advisor import Severity, Target

MARK = re.compile(r"^\s*#\s*(?P<place>\^+|~+) (?P<message>\S.*)$")
COLUMNS = re.compile(r"^\s*#<(?P<first>\d+)-(?P<last>\d+)>(?P<related>~?) (?P<message>\S.*)$")


class BadDocument(Exception):
    """The document breaks the notation; the text says where and how."""


@dataclass(frozen=True, order=True)
class Expected:
    """A finding's line and first and last column, from 1, and its message."""

    line: int
    first: int
    last: int
    message: str


@dataclass(frozen=True)
class Case:
    """One program of a document, and what must be found in it."""

    name: str  # document, line of the first line of code, heading
    kind: str  # bad or good
    code: str
    target: Target = field(default_factory=Target)
    severity: Severity | None = None  # the rule's own where None
    also: frozenset[str] = frozenset()  # codes of other rules that speak here too
    expected: tuple[Expected, ...] = ()
    related: tuple[Expected, ...] = ()
    fixed: str | None = None


def cases(path: Path) -> list[Case]:
    """The programs of the document at `path`, each `fixed` joined to its `bad`."""
    found: list[Case] = []
    heading = ""
    fixable = False  # whether the block before this one may be followed by `fixed`
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[index + 1].content
        if token.type != "fence":
            continue
        line = (token.map or [0])[0] + 2
        language, *words = token.info.split() or [""]
        if language != "python":
            fixable = False
            continue  # a snippet of TOML, a shell command: not ours to check
        kind, *settings = words or [""]
        where = f"{path.name}:{line}"
        if kind == "fixed":
            if not fixable or settings:
                raise BadDocument(f"{where}: 'fixed' stands directly after its 'bad', alone")
            found[-1] = replace(found[-1], fixed=token.content)
        elif kind in ("bad", "good"):
            found.append(_case(where, kind, token.content, settings, heading))
        else:
            raise BadDocument(f"{where}: a block is 'python bad', 'python fixed' or 'python good'")
        fixable = kind == "bad"
    return found


def sections(path: Path) -> list[str]:
    """The document's headings below its title."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    return [
        tokens[index + 1].content
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag != "h1"
    ]


def parses(code: str) -> bool:
    """Reports whether the whole program is Python."""
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def _case(where: str, kind: str, text: str, settings: list[str], heading: str) -> Case:
    code, expected, related = _unmarked(where, text)
    if bool(expected) != (kind == "bad"):
        raise BadDocument(f"{where}: a bad program has a mark, a good one has none")
    case = Case(
        f"{where} {heading}",
        kind,
        code,
        expected=tuple(sorted(expected)),
        related=tuple(sorted(related)),
    )
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in SETTINGS:
            raise BadDocument(f"{where}: {setting!r} is none of {', '.join(SETTINGS)}")
        try:
            case = SETTINGS[name](case, value)
        except (KeyError, ValueError) as problem:
            raise BadDocument(f"{where}: {setting!r} cannot be read") from problem
    return case


def _unmarked(where: str, text: str) -> tuple[str, list[Expected], list[Expected]]:
    """The program without its marks, the findings and the places they refer to."""
    lines: list[str] = []
    expected: list[Expected] = []
    related: list[Expected] = []
    for line in text.splitlines(keepends=True):
        if mark := MARK.match(line.rstrip("\n")):
            first, last = mark.start("place") + 1, mark.end("place")
            into = related if mark["place"].startswith("~") else expected
        elif mark := COLUMNS.match(line.rstrip("\n")):
            first, last = int(mark["first"]), int(mark["last"])
            into = related if mark["related"] else expected
        else:
            lines.append(line)
            continue
        if not lines or last > len(lines[-1].rstrip("\n")):
            raise BadDocument(f"{where}: {line.strip()!r} marks what is not on the line above")
        into.append(Expected(len(lines), first, last, mark["message"]))
    return "".join(lines), expected, related


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _aimed(case: Case, **known: Any) -> Case:
    return replace(case, target=replace(case.target, **known))


SETTINGS: dict[str, Callable[[Case, str], Case]] = {
    "cores": lambda case, value: _aimed(
        case, cores=int(value), cores_from="target.cores in pyproject.toml"
    ),
    "python": lambda case, value: _aimed(case, python=_version(value)),
    "torch": lambda case, value: _aimed(case, torch=_version(value)),
    "platforms": lambda case, value: _aimed(case, platforms=frozenset(value.split(","))),
    "start-method": lambda case, value: _aimed(case, start_method=value),
    "gpu": lambda case, value: _aimed(case, gpu={"yes": True, "no": False}[value]),
    "severity": lambda case, value: replace(case, severity=Severity[value.upper()]),
    "also": lambda case, value: replace(case, also=frozenset(value.split(","))),
}
