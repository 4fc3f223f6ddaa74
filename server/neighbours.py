"""What analyses see of the modules around a text: their files, or what is typed into them.

What is being typed is seen by others once the typing pauses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dladvise.advisor.modules import MARKS, Modules, Seen
from dladvise.files import text_of

if TYPE_CHECKING:
    from dladvise.advisor.project import Project

_Signature = tuple[int, int] | None  # a file's time and size; None where it is not there


class Neighbours:
    """The modules that the open documents lead to; only the analyst reads them."""

    def __init__(self) -> None:
        self._typed: dict[str, str] = {}  # the text of open documents, by path
        self._files: dict[str, _Signature] = {}  # that were read
        self._folders: dict[str, tuple[_Signature, frozenset[str]]] = {}  # and what is in them
        self._project: Project | None = None

    def project(self) -> Project:
        """What is known of them; the first call imports the reader."""
        if self._project is None:
            from dladvise.advisor.project import Project

            self._project = Project(Modules(self._contents, self._listed))
        return self._project

    def holds(self, seen: Iterable[Seen]) -> bool:
        """Reports whether all was seen as it is now."""
        modules = self.project().modules
        return all(modules.holds(one) for one in seen)

    def typed(self, texts: Mapping[str, str]) -> frozenset[str]:
        """The typing pauses: the paths of those texts that others now see otherwise."""
        before, self._typed = self._typed, dict(texts)
        return frozenset(
            path
            for path in before.keys() | texts.keys()
            if path in self._files and before.get(path) != texts.get(path)
        )

    def changed_files(self) -> tuple[frozenset[str], bool]:
        """The files that are not what they were, and whether modules came or went."""
        changed = {path for path, was in self._files.items() if _signature(path) != was}
        moved = False
        for folder, (was, names) in self._folders.items():
            now = _signature(folder)
            if now != was:
                moved = moved or _names(folder) != names
                self._folders[folder] = now, names
        return frozenset(changed), moved

    def forget(self, paths: Iterable[str]) -> None:
        """Read these anew, and what depends on them."""
        for path in paths:
            self._files.pop(path, None)
            if self._project is not None:
                self._project.forget(path)

    def forget_all(self) -> None:
        """Look for every module anew."""
        self._files.clear()
        self._folders.clear()
        self._project = None

    def _contents(self, path: str) -> str | None:
        self._files[path] = _signature(path)
        typed = self._typed.get(path)
        return text_of(path) if typed is None else typed

    def _listed(self, folder: str) -> None:
        self._folders[folder] = _signature(folder), _names(folder)


def _names(folder: str) -> frozenset[str]:
    """What may be modules in a folder, or packages, or the marks of a project."""
    try:
        found = os.listdir(folder)
    except OSError:
        return frozenset()
    return frozenset(one for one in found if one.endswith(".py") or "." not in one or one in MARKS)


def _signature(path: str) -> _Signature:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
