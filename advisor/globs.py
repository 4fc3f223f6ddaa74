"""Path patterns as the configuration has them: gitignore's, with `{a,b}` as well."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, path: str) -> bool:
    """Reports whether `path` (relative, with slashes) or a folder above it fits the pattern.

    A pattern without a slash fits a name at any depth, one with a slash the path
    from the root.
    """
    return _compiled(pattern).match(path) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    body = pattern.removeprefix("./").rstrip("/")
    anchored = "/" in body
    body = body.removeprefix("/")
    start = "" if anchored else "(?:.*/)?"
    return re.compile(f"{start}{_translated(body)}(?:/.*)?\\Z", re.DOTALL)


_PIECE = re.compile(
    r"(?P<deep>\*\*/)|(?P<rest>\*\*)|(?P<some>\*)|(?P<one>\?)"
    r"|\[(?P<not>!?)(?P<set>\]?[^\]/]*)\]|(?P<open>\{(?=[^{}]*\}))|(?P<char>.)",
    re.DOTALL,
)


def _translated(pattern: str) -> str:
    parts = []
    in_braces = False
    for piece in _PIECE.finditer(pattern):
        char = piece["char"]
        if piece["deep"]:
            parts.append("(?:.*/)?")
        elif piece["rest"]:
            parts.append(".*")
        elif piece["some"]:
            parts.append("[^/]*")
        elif piece["one"]:
            parts.append("[^/]")
        elif piece["set"]:
            characters = piece["set"].replace("\\", "\\\\").replace("[", "\\[")
            characters = re.sub(r"\A(\^)|\A(\])", r"\\\g<0>", characters)
            parts.append(f"[{'^' if piece['not'] else ''}{characters}]")
        elif piece["open"]:
            in_braces = True
            parts.append("(?:")
        elif in_braces and char in ",}":
            in_braces = char == ","
            parts.append("|" if in_braces else ")")
        else:
            parts.append(re.escape(piece[0]))
    return "".join(parts)
