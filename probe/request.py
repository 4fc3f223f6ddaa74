"""What is to be measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

DEFAULT_SECONDS = 15.0  # to measure in


class TargetError(Exception):
    """A target that cannot mean anything; the words say why."""


class Target(NamedTuple):
    """`train.py:42#2`, `train.py`, `train.py::make_loader` or `pkg.module:make_loader`.

    `nth` counts the constructions that happen on the line, from 1.
    """

    path: Path | None = None
    line: int | None = None
    nth: int = 1
    module: str | None = None
    name: str | None = None  # of a callable

    @property
    def shown(self) -> str:
        """As the user writes it."""
        place = str(self.path) if self.path is not None else str(self.module)
        if self.name is not None:
            return f"{place}{'::' if self.path is not None else ':'}{self.name}"
        if self.line is None:
            return place
        return f"{place}:{self.line}" + (f"#{self.nth}" if self.nth > 1 else "")


def target(words: str) -> Target:
    """Read a target; TargetError where the words have none of its forms."""
    place, colons, name = words.partition("::")
    if colons:
        if not place or not all(part.isidentifier() for part in name.split(".")):
            raise TargetError(f"{words}: write file.py::name, where name is a function in the file")
        return Target(path=Path(place), name=name)
    place, colon, rest = words.rpartition(":")
    if colon and place:
        line, hash_, nth = rest.partition("#")
        if line.isdigit() and (not hash_ or nth.isdigit()):
            if int(line) < 1 or (hash_ and int(nth) < 1):
                raise TargetError(f"{words}: lines and their loaders are counted from 1")
            return Target(path=Path(place), line=int(line), nth=int(nth or 1))
        names = [*place.split("."), *rest.split(".")]
        if all(part.isidentifier() for part in names) and not place.endswith(".py"):
            return Target(module=place, name=rest)
        if place.endswith(".py"):
            raise TargetError(
                f"{words}: what follows the colon must be a line number such as :42 or :42#2 "
                "(or ::name for a function)"
            )
    return Target(path=Path(words))


@dataclass(frozen=True)
class Request:
    """One measurement.

    `lines` are the first and last line on which the meant loader is constructed; without
    them the only loader that is constructed is meant. `script` is run to get there, with
    `text` in its place where it is not saved, or `module` as `python -m` does. Times are
    in seconds: `seconds` to measure in, `reach_seconds` to get to the loader.
    """

    target: Target
    interpreter: str
    script: Path | None = None
    module: str | None = None
    text: str | None = None
    args: tuple[str, ...] = ()
    lines: tuple[int, int] | None = None
    cwd: Path = field(default_factory=Path.cwd)
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    seconds: float = DEFAULT_SECONDS
    reach_seconds: float = 60.0
    epochs: int = 10
    batch_size: int = 32
    observe: bool = True
    construct: bool = False
    fresh: bool = False  # an interpreter for each setting, where forking is not possible
    ranks: int = 1
    max_memory_mb: int | None = None
    max_workers: int | None = None

    @property
    def argv0(self) -> str:
        """What the script sees as its own name."""
        return str(self.script if self.script is not None else self.module)
