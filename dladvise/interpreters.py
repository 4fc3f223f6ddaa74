"""Which Python runs the user's script."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dladvise.advisor.settings import Settings

ENVIRONMENTS = (".venv", "venv")
ROOT_MARKS = ("pyproject.toml", "dladvise.toml", "setup.py", "setup.cfg", ".git")


class InterpreterError(Exception):
    """There is no such interpreter, or none at all; the words say what was looked for."""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter, and the words for where it was found."""

    path: str
    source: str


def named(word: str, source: str, folder: Path) -> Interpreter:
    """The interpreter that the user names: a file, an environment's folder, or a command.

    Relative paths start at `folder`. InterpreterError where there is none.
    """
    place = folder / Path(word).expanduser()
    if place.is_dir():
        found = in_environment(place)
        if found is None:
            raise InterpreterError(f"{source} {word}: there is no Python in this folder")
        return Interpreter(str(found), source)
    if os.access(place, os.X_OK):
        return Interpreter(str(place), source)
    if place.exists():
        raise InterpreterError(f"{source} {word}: is not a program")
    command = shutil.which(word) if os.path.basename(word) == word else None
    if command is None:
        raise InterpreterError(f"{source} {word}: there is no such interpreter")
    return Interpreter(command, source)


def configured(settings: Settings) -> Interpreter | None:
    """The interpreter that the configuration names; None where it names none."""
    if settings.interpreter is None:
        return None
    source = f"{settings.source('probe.interpreter')}: interpreter"
    return named(settings.interpreter, source, settings.root)


def found(script_folder: Path, environ: Mapping[str, str] = os.environ) -> Interpreter:
    """The interpreter of the project that a script belongs to.

    That of the active environment, of one beside or above the script in its project, of
    conda, dladvise's own if it has torch, and last the `python3` on the PATH.
    """
    for one in _candidates(script_folder, environ):
        return one
    raise InterpreterError("no Python found to run the script with: give one with --interpreter")


def _candidates(script_folder: Path, environ: Mapping[str, str]) -> Iterator[Interpreter]:
    yield from _of_variable("VIRTUAL_ENV", environ)
    for folder in _up_to_root(script_folder.absolute()):
        for name in ENVIRONMENTS:
            python = in_environment(folder / name)
            if python is not None:
                yield Interpreter(str(python), f"{name} in {folder}")
    yield from _of_variable("CONDA_PREFIX", environ)
    if sys.executable and find_spec("torch") is not None:
        yield Interpreter(sys.executable, "dladvise's own")
    for command in ("python3", "python"):
        path = shutil.which(command, path=environ.get("PATH"))
        if path is not None:
            yield Interpreter(path, f"{command} on the PATH")


def in_environment(folder: Path) -> Path | None:
    """The interpreter of a virtual or conda environment; None where there is none."""
    places = (folder / "bin" / "python", folder / "Scripts" / "python.exe", folder / "python.exe")
    return next((place for place in places if place.is_file()), None)


def _of_variable(name: str, environ: Mapping[str, str]) -> Iterator[Interpreter]:
    folder = environ.get(name)
    python = in_environment(Path(folder)) if folder else None
    if python is not None:
        yield Interpreter(str(python), f"${name}")


def _up_to_root(folder: Path) -> Iterable[Path]:
    """The folder and those above it, up to the first that looks like a project's root.

    Where none does, the folder alone: an environment far above belongs to something else.
    """
    above = [folder]
    for one in (folder, *folder.parents):
        if one not in above:
            above.append(one)
        if any((one / mark).exists() for mark in ROOT_MARKS):
            return above
    return above[:1]
