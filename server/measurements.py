"""What was measured, kept on disk between sessions and bound to the text it was measured on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from dladvise.files import FileError, replace_contents
from dladvise.probe import Recommendation
from dladvise.probe.results import from_json

FORMAT = 1
WORTH = 1.05  # times the throughput: below it nobody is told


@dataclass(frozen=True)
class Measurement:
    """A recommendation for one loader of a file.

    `text` and `applied` are digests of the file's text, as it was and with the recommended
    settings written; in both of them the measurement says what is. `loader` is its key.
    """

    loader: str
    text: str
    applied: str | None
    recommendation: Recommendation

    def is_fresh(self, text: str) -> bool:
        """Reports whether nothing was changed since, but the settings that were recommended."""
        return digest(text) in (self.text, self.applied)

    def is_applied(self, text: str) -> bool:
        """Reports whether the recommended settings are what is written."""
        found = digest(text)
        return found == self.applied or (found == self.text and not self.recommendation.changes)

    def is_news(self, text: str) -> bool:
        """Reports whether it was measured for this text, and other settings are recommended."""
        return self.is_fresh(text) and not self.is_applied(text)

    @property
    def pays(self) -> bool:
        """Whether the recommended settings are faster than those that were written."""
        speedup = self.recommendation.speedup
        return self.recommendation.changes and speedup is not None and speedup.value > WORTH

    @property
    def summary(self) -> str:
        """The workers, and how many times the throughput they give."""
        n = self.recommendation.recommended.num_workers
        words = f"{n} worker{'' if n == 1 else 's'}"
        speedup = self.recommendation.speedup
        if speedup is None or not self.recommendation.changes:
            return words
        return f"{words}: {speedup.value:.1f} ×"  # noqa: RUF001  # the sign of multiplication


class Measurements:
    """All that is known, by file; what is on disk is read when a file is first asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[Path, dict[str, Measurement]] = {}

    def of(self, path: Path | None) -> Mapping[str, Measurement]:
        """Those of a file's loaders, by the key of each."""
        return {} if path is None else self._of(path)

    def add(self, path: Path, measurement: Measurement) -> None:
        """Keep a measurement in place of an earlier one; the disk is no more than a help."""
        known = self._of(path)
        known[measurement.loader] = measurement
        entry = {"format": FORMAT, "path": str(path), "loaders": []}
        entry["loaders"] = [
            {
                "loader": one.loader,
                "text": one.text,
                "applied": one.applied,
                "found": one.recommendation.json(),
            }
            for one in known.values()
        ]
        file = self._file(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_contents(str(file), json.dumps(entry, indent=1).encode())
        except (OSError, FileError):
            return

    def _of(self, path: Path) -> dict[str, Measurement]:
        if path not in self._known:
            self._known[path] = {one.loader: one for one in _read(self._file(path))}
        return self._known[path]

    def _file(self, path: Path) -> Path:
        folder = self._folder or user_cache_path("dladvise") / "measurements"
        return folder / f"{_hash(str(path))}.json"


@lru_cache(maxsize=64)
def digest(text: str) -> str:
    """Of a text without blanks and comments: a formatter changes nothing that counts."""
    code = re.sub(r"\s+|#[^\n]*", "", text)
    return _hash(re.sub(r",(?=[)\]}])", "", code))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _read(file: Path) -> Iterator[Measurement]:
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
        if entry["format"] == FORMAT:
            yield from [_measurement(one) for one in entry["loaders"]]
    except (OSError, ValueError, KeyError, TypeError):
        return  # of another version, or not there


def _measurement(entry: Mapping[str, Any]) -> Measurement:
    found = from_json(entry["found"])
    return Measurement(entry["loader"], entry["text"], entry["applied"], found)
