"""The line of a key in TOML text, which the standard parser does not tell."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\[?\s*(?P<keys>[^\]]+?)\s*\]")
_ASSIGNMENT = re.compile(
    r"""\s*(?P<keys>(?:[\w-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[\w-]+|"[^"\n]*"|'[^'\n]*'))*)\s*="""
)
_KEY = re.compile(r"""[\w-]+|"([^"\n]*)"|'([^'\n]*)'""")


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """The line, from 1, where `keys` is set, or where the table around it begins."""
    best = (0, 1)
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _names(header["keys"])
            here = table
        elif assignment := _ASSIGNMENT.match(line):
            here = table + _names(assignment["keys"])
        else:
            continue
        # a table's own header and a key inside it are both on the way to the key
        if here == keys[: len(here)] and best[0] < len(here):
            best = (len(here), number)
    return best[1]


def _names(keys: str) -> tuple[str, ...]:
    return tuple(next(filter(None, key.groups()), key[0]) for key in _KEY.finditer(keys))
