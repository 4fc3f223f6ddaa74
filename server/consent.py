"""The workspaces whose scripts the user lets run, kept between sessions."""

from __future__ import annotations

import json
from pathlib import Path

from platformdirs import user_state_path


class Consent:
    """What the user has agreed to, once for each workspace."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or user_state_path("dladvise") / "workspaces.json"
        self._given: set[str] = set()

    def given(self, root: Path) -> bool:
        """Reports whether the user has agreed to run what is in this folder."""
        return str(root) in self._given or str(root) in self._read()

    def give(self, root: Path) -> None:
        """Keep it; where it cannot be written it holds for this session."""
        self._given.add(str(root))
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(sorted(self._read() | self._given), indent=1))
        except OSError:
            return

    def _read(self) -> set[str]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return set()
        return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()
