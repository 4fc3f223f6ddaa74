"""Which settings hold for a file: its project's, under those of the editor for its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from dladvise.advisor import Rule, Target
from dladvise.advisor.settings import FILE_NAME, PYPROJECT, Settings, defaults
from dladvise.probe import usable_cores
from dladvise.projects import Projects
from dladvise.walk import NEVER

from .options import OFF, Options

_Signature = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Effective:
    """What holds for one file: `rules` are those to look for, in order of code."""

    options: Options
    settings: Settings
    target: Target
    rules: tuple[Rule, ...]
    root: Path  # of the folder that the user opened, else of the project


@dataclass
class Folder:
    """A folder that the user opened; the one without `root` is for all other files."""

    root: Path | None
    options: Options = field(default_factory=Options)
    effective: dict[Path | None, tuple[Settings, Effective]] = field(default_factory=dict)
    _known: dict[str, tuple[_Signature, Settings]] = field(default_factory=dict)

    def settings(self, place: str, problems: list[str]) -> Settings:
        """The settings for the files of a folder; the last good ones while they are broken."""
        signature = _signature(place)
        kept = self._known.get(place)
        if kept is not None and kept[0] == signature:
            return kept[1]
        projects = Projects(lambda settings: settings, self.root or Path(place))
        settings = projects.settings(place)
        problems += projects.problems
        if settings is None:
            settings = kept[1] if kept else defaults(self.root or Path(place))
        self._known[place] = signature, settings
        return settings

    def is_stale(self) -> bool:
        """Reports whether a configuration file has changed since it was read."""
        return any(_signature(place) != kept[0] for place, kept in self._known.items())


class Folders:
    """The workspace; `problems` are lines about configurations that nobody was told yet."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._rest = Folder(None)
        self._folders: dict[str, Folder] = {}
        cores = usable_cores()
        self._cores, self._cores_from = cores.usable, cores.source

    @property
    def roots(self) -> tuple[Path, ...]:
        return tuple(folder.root for folder in self._folders.values() if folder.root is not None)

    def add(self, root: Path) -> None:
        self._folders.setdefault(str(root), Folder(root, self._rest.options))

    def remove(self, root: Path) -> None:
        self._folders.pop(str(root), None)

    def configure(self, options: Options, root: Path | None = None) -> None:
        """Set the editor's options for a folder; without one, for everything else."""
        self.problems += options.problems
        folder = self._rest if root is None else self._folders.get(str(root))
        if folder is not None:
            folder.options = replace(options, problems=())
            folder.effective.clear()

    def effective(self, path: Path | None) -> Effective:
        """What holds for a file; without a path, for a text that was never saved."""
        folder = self._of(path)
        place = path.parent if path is not None else folder.root or Path.cwd()
        projects = folder.settings(str(place), self.problems)
        kept = folder.effective.get(path)
        if kept is None or kept[0] is not projects:
            kept = folder.effective[path] = projects, self._effective(path, folder, projects)
        return kept[1]

    def _effective(self, path: Path | None, folder: Folder, projects: Settings) -> Effective:
        settings = folder.options.over(projects)
        rules = settings.rules() if path is None else settings.rules_for(path)
        off = {code for code, severity in folder.options.severity.items() if severity == OFF}
        if path is not None and _is_left_out(path, settings):
            rules = ()
        return Effective(
            folder.options,
            settings,
            settings.target(self._cores, self._cores_from),
            tuple(rule for rule in rules if rule.code not in off),
            folder.root or settings.root,
        )

    def excludes(self, folder: Path, path: Path) -> bool:
        """Reports whether the settings for a folder leave something in it out."""
        return self.effective(folder / "any.py").settings.excludes(path)

    def is_stale(self) -> bool:
        """Reports whether any configuration file that was read has changed."""
        return any(folder.is_stale() for folder in (self._rest, *self._folders.values()))

    def _of(self, path: Path | None) -> Folder:
        """The innermost folder that holds the file."""
        if path is None:
            return next(iter(self._folders.values()), self._rest)
        holding = [
            folder
            for folder in self._folders.values()
            if folder.root is not None and path.is_relative_to(folder.root)
        ]
        return max(holding, key=lambda folder: len(str(folder.root)), default=self._rest)


def _is_left_out(path: Path, settings: Settings) -> bool:
    """Reports whether a check of the project would pass the file over: it is no one's own code."""
    within = Path(settings.relative(path)).parts[:-1]
    return settings.excludes(path) or not NEVER.isdisjoint(within)


def _signature(place: str) -> _Signature:
    """What changes when a configuration file for that folder is written, made or removed."""
    found = []
    for folder in (place, *_above(place)):
        for name in (FILE_NAME, PYPROJECT):
            file = os.path.join(folder, name)
            try:
                found.append((file, os.stat(file).st_mtime_ns))
            except OSError:
                continue
    return tuple(found)


def _above(place: str) -> Iterable[str]:
    while (parent := os.path.dirname(place)) != place:
        yield parent
        place = parent
