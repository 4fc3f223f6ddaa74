"""Findings that a project lives with for now: recorded in a file, and left out later.

A finding is known by its file, its rule and the text of its line, so that it stays
known when lines move; the same line twice is two findings.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .files import FileError, contents, reason, replace_contents
from .records import Record

VERSION = 1
Key = tuple[str, str, str]


def load(path: str) -> Counter[Key]:
    """The findings recorded in a file; FileError where it is none."""
    if not os.path.exists(path):
        raise FileError(path, f"no such baseline; --write-baseline {path} makes it")
    try:
        table = json.loads(contents(path))
        if table["version"] != VERSION:
            raise FileError(path, f"is a baseline of version {table['version']}, not {VERSION}")
        return Counter(
            {
                (str(entry["path"]), str(entry["code"]), str(entry["text"])): int(entry["count"])
                for entry in table["findings"]
            }
        )
    except (ValueError, KeyError, TypeError):
        raise FileError(path, "is not a baseline") from None


def write(path: str, found: Iterable[Record]) -> None:
    """Record the findings, in an order that makes small differences in git."""
    counts = Counter(_key(record, path) for record in found)
    entries = [
        {"path": key[0], "code": key[1], "text": key[2], "count": counts[key]}
        for key in sorted(counts)
    ]
    text = json.dumps({"version": VERSION, "findings": entries}, indent=1) + "\n"
    if os.path.exists(path):
        replace_contents(path, text.encode())
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(path, f"cannot be written: {reason(error)}") from None


def without(found: Iterable[Record], known: Counter[Key], path: str) -> list[Record]:
    """The findings that the baseline at `path` does not have."""
    left = known.copy()
    new = []
    for record in found:
        key = _key(record, path)
        if left[key] > 0:
            left[key] -= 1
        else:
            new.append(record)
    return new


def _key(record: Record, path: str) -> Key:
    """The paths are those from the baseline's folder, so that any folder can be the current one."""
    here = os.path.relpath(record.path, os.path.dirname(os.path.abspath(path)))
    text = record.lines[0].strip() if record.lines else ""
    return here.replace(os.sep, "/"), record.code, text
