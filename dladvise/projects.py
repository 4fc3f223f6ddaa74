"""The configuration for each folder, read once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dladvise.advisor.settings import Settings, SettingsError, defaults, file_in, load


class Projects:
    """Settings by folder, under the command line's options; `problems` are those met so far."""

    def __init__(self, over: Callable[[Settings], Settings], default_root: Path) -> None:
        self.problems: list[str] = []
        self.files: list[Path] = []
        self._over = over
        self._default = over(defaults(default_root))
        self._known: dict[str, Settings | None] = {}

    def settings(self, folder: str) -> Settings | None:
        """The settings for the files of an absolute folder; None where they are broken."""
        if folder not in self._known:
            self._known[folder] = self._read(folder)
        return self._known[folder]

    def excludes(self, folder: str, path: str) -> bool:
        """Reports whether the folder's configuration leaves the absolute path out."""
        settings = self.settings(folder)
        return settings is not None and bool(settings.exclude) and settings.excludes(Path(path))

    def _read(self, folder: str) -> Settings | None:
        try:
            file = file_in(Path(folder))
            if file is not None:
                self.files.append(file)
                return self._over(load(file))
        except SettingsError as error:
            self.problems += error.problems
            return None
        parent = os.path.dirname(folder)
        return self._default if parent == folder else self.settings(parent)
