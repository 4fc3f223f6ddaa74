"""Findings of files that did not change, kept between runs.

A key is the hash of everything that the findings depend on but other modules, which are
looked for again, so that nothing is ever out of date, and several runs can share the
folder. What cannot be read is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from dladvise import advisor
from dladvise.advisor.modules import Modules, Seen

from . import __version__
from .checking import Job
from .records import Record, from_json

FOLDER = ".dladvise_cache"
MOST_ENTRIES = 20_000  # then the older half goes; about 40 MB


@dataclass(frozen=True)
class Cache:
    """The folder with one small file for every file checked."""

    folder: Path

    def get(self, key: str, modules: Modules) -> tuple[Record, ...] | None:
        """The findings under a key; None where there are none, or not any more.

        Nor where the modules around the file are not what they were.
        """
        try:
            entries, seen = json.loads(self._place(key).read_bytes())
            if not all(modules.holds(Seen(*one)) for one in seen):
                return None
            return tuple(
                from_json(entry["finding"], entry["lines"], entry["related"]) for entry in entries
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, key: str, found: tuple[Record, ...], seen: Iterable[Seen]) -> None:
        """Keep the findings, and what they depend on beside the key.

        A full disk or a folder without permission is no reason to stop.
        """
        entries = [
            {
                "finding": record.as_json(),
                "lines": record.lines,
                "related": [related.text for related in record.related],
            }
            for record in found
        ]
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps([entries, sorted(seen)]).encode())
            os.replace(temporary, self._place(key))

    def trim(self) -> None:
        """Forget the older half when there are very many."""
        with contextlib.suppress(OSError):
            with os.scandir(self.folder) as scan:
                entries = [(entry.stat().st_mtime, entry.path) for entry in scan]
            if len(entries) > MOST_ENTRIES:
                for _, path in sorted(entries)[: len(entries) // 2]:
                    os.unlink(path)

    def _place(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def opened(project: Path) -> Cache | None:
    """The cache in a project's folder, else in the user's; None where neither can be written."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for folder in (project / FOLDER, Path(home) / "dladvise"):
        place = folder / __version__
        try:
            place.mkdir(parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("# made by dladvise\n*\n")
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return Cache(place)
    return None


def key_of(job: Job) -> str:
    """The hash of what the findings in a file depend on."""
    # a set's order is another one in every process
    target = repr((replace(job.target, platforms=frozenset()), sorted(job.target.platforms)))
    parts = [_own_code(), target, ",".join(job.codes), job.path]
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=20)
    digest.update(job.raw)
    return digest.hexdigest()


@cache
def _own_code() -> str:
    """What identifies the analyzer, a development checkout's too."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(__version__.encode())
    pending = [os.path.dirname(advisor.__file__)]
    files = []
    while pending:
        with os.scandir(pending.pop()) as scan:
            for entry in scan:
                if entry.is_dir() and entry.name != "__pycache__":
                    pending.append(entry.path)
                elif entry.name.endswith(".py"):
                    stat = entry.stat()
                    files.append(f"{entry.path} {stat.st_size} {stat.st_mtime_ns}")
    digest.update("\n".join(sorted(files)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
