"""Which files to check: a tree is walked once, and what git ignores is left out.

So are folders that hold no one's own code.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .files import FileError, reason

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".pyi", ".ipynb")

# Folders of tools and builds; those that ruff leaves out as well.
NEVER = frozenset(
    [
        ".bzr",
        ".direnv",
        ".dladvise_cache",
        ".eggs",
        ".git",
        ".git-rewrite",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pants.d",
        ".pyenv",
        ".pytest_cache",
        ".pytype",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        "__pycache__",
        "__pypackages__",
        "_build",
        "buck-out",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "venv",
    ]
)


def found(
    arguments: Iterable[str],
    excludes: Callable[[str, str], bool],
    failed: Callable[[FileError], None],
    suffixes: tuple[str, ...] = SUFFIXES,
) -> list[str]:
    """The files that the arguments mean, in order of path, each once.

    Those in a folder end with one of the suffixes: code, unless others are given.
    `excludes(folder, path)` reports whether the configuration for `folder` leaves
    the path in it out; a file that is named is never left out.
    """
    paths: dict[str, None] = {}
    linked: set[str] = set()
    for argument in arguments:
        argument = os.path.normpath(argument)
        try:
            mode = os.stat(argument).st_mode
        except OSError as error:
            failed(FileError(argument, reason(error)))
            continue
        if stat.S_ISDIR(mode):
            prefix = "" if argument == "." else argument + os.sep
            for path, is_link in _Walk(excludes, failed, suffixes).files(argument, prefix):
                if is_link:
                    linked.add(path)
                paths[path] = None
        else:
            paths[argument] = None
    if linked:  # a file that is reached by its own name too is checked once
        real = {os.path.realpath(path) for path in paths if path not in linked}
        for path in sorted(linked):
            target = os.path.realpath(path)
            if target in real:
                del paths[path]
            real.add(target)
    return sorted(paths, key=lambda path: path.split(os.sep))


class _Walk:
    """One walk through one tree."""

    def __init__(
        self,
        excludes: Callable[[str, str], bool],
        failed: Callable[[FileError], None],
        suffixes: tuple[str, ...],
    ) -> None:
        self.excludes = excludes
        self.failed = failed
        self.suffixes = suffixes

    def files(self, root: str, prefix: str) -> Iterator[tuple[str, bool]]:
        """The files below `root`, shown with `prefix`, and whether each is a link."""
        absolute = os.path.abspath(root)
        yield from self._folder(root, prefix, absolute, _ignores_above(absolute), is_root=True)

    def _folder(
        self,
        folder: str,
        shown: str,
        absolute: str,
        ignores: list[tuple[int, GitIgnoreSpec]],
        *,
        is_root: bool = False,
    ) -> Iterator[tuple[str, bool]]:
        try:
            with os.scandir(folder) as scan:
                entries = list(scan)
        except OSError as error:
            self.failed(FileError(folder, reason(error)))
            return
        names = {entry.name for entry in entries}
        if "pyvenv.cfg" in names and not is_root:
            return
        if ".gitignore" in names:
            spec = _ignore_file(os.path.join(absolute, ".gitignore"))
            ignores = [*ignores, (len(absolute.rstrip(os.sep)) + 1, spec)] if spec else ignores
        below = absolute.rstrip(os.sep) + os.sep
        for entry in entries:
            name = entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if name in NEVER or _is_ignored(below + name + "/", ignores):
                        continue
                    if self.excludes(absolute, below + name):
                        continue
                    yield from self._folder(
                        entry.path, shown + name + os.sep, below + name, ignores
                    )
                elif name.endswith(self.suffixes) and entry.is_file():
                    if _is_ignored(below + name, ignores) or self.excludes(absolute, below + name):
                        continue
                    yield shown + name, entry.is_symlink()
            except OSError:
                continue  # a link to itself, or gone since: nothing to check


def _is_ignored(path: str, ignores: list[tuple[int, GitIgnoreSpec]]) -> bool:
    """Reports whether git would leave the path out; the innermost file with an opinion decides."""
    for base, spec in reversed(ignores):
        opinion = spec.check_file(path[base:]).include
        if opinion is not None:
            return opinion
    return False


def _ignores_above(folder: str) -> list[tuple[int, GitIgnoreSpec]]:
    """The ignore files that hold in `folder` and stand above it, outermost first."""
    above: list[str] = []
    place = folder
    while not os.path.exists(os.path.join(place, ".git")):
        above.append(place)
        parent = os.path.dirname(place)
        if parent == place:
            return []  # no repository
        place = parent
    above.append(place)
    ignores = []
    for level in reversed(above):
        base = len(level.rstrip(os.sep)) + 1
        if level == place:
            spec = _ignore_file(os.path.join(_git_folder(place), "info", "exclude"))
            ignores += [(base, spec)] if spec else []
        if level != folder:  # its own is read with its entries
            spec = _ignore_file(os.path.join(level, ".gitignore"))
            ignores += [(base, spec)] if spec else []
    # what is named although git ignores it is wanted
    return [] if folder != place and _is_ignored(folder + "/", ignores) else ignores


def _git_folder(repository: str) -> str:
    """The folder of the repository's own files; a worktree has a file that points there."""
    git = os.path.join(repository, ".git")
    if os.path.isdir(git):
        return git
    try:
        pointed = Path(git).read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        pointed = os.path.join(repository, pointed)
        common = Path(pointed, "commondir")
        if common.is_file():
            return os.path.join(pointed, common.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return git
    return pointed


def _ignore_file(path: str) -> GitIgnoreSpec | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return None
    from pathspec import GitIgnoreSpec  # a tree without ignore files needs no library

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        # git passes over a pattern that it does not understand
        return GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
