"""What the target of a probe means: a file, and the loaders that are meant in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dladvise.advisor import Source
from dladvise.advisor.constructions import Construction, Lines, at, constructions, statement_at
from dladvise.advisor.interest import is_configuration
from dladvise.advisor.modules import Modules
from dladvise.advisor.project import Project
from dladvise.probe import Target, TargetError

from . import files
from .files import NOTEBOOK, TextFile

MOST_LISTED = 20
NEAREST = 3


class NoSuchLoader(Exception):
    """The target means no loader, or several; `loaders` are lines about those there are."""

    def __init__(self, words: str, loaders: Iterable[str] = ()) -> None:
        super().__init__(words)
        self.loaders = tuple(loaders)


@dataclass(frozen=True)
class Aim:
    """What the target means.

    `file` is None for a function of a module, `lines` for any function. `meant` are the
    constructions on the lines; there is none where a call makes the loader elsewhere.
    """

    target: Target
    project: Project  # the modules around the file
    file: TextFile | None = None
    raw: bytes = b""
    lines: Lines | None = None
    meant: tuple[Construction, ...] = ()

    @property
    def construction(self) -> Construction | None:
        """The one construction that made the measured loader, where that is certain."""
        if len(self.meant) == 1:
            return self.meant[0]
        return self.meant[self.target.nth - 1] if self.target.nth <= len(self.meant) else None


def aimed(target: Target, raw: bytes) -> Aim:
    """What a target in a file with these bytes means; NoSuchLoader where it is not one loader."""
    path = str(target.path)
    if path.endswith(NOTEBOOK):
        raise TargetError(
            f"{path}: a notebook is not run; name a function that makes the loader, as "
            "package.module:make_loader, or export the notebook as a script"
        )
    if is_configuration(path):
        raise TargetError(
            f"{path}: a configuration is checked, and not run; name the line of the script "
            "that makes the loader"
        )
    file = files.decoded(path, raw)
    project = around()
    found = constructions(file.source, project.imports(path))
    if target.name is not None:
        meant = tuple(one for one in found if one.function == target.name)
        return Aim(target, project, file, raw, meant=meant)
    if target.line is not None:
        lines, meant = _on_line(target, target.line, file.source, found)
        return Aim(target, project, file, raw, lines, meant)
    if not found:
        raise NoSuchLoader(
            f"{path}: constructs no DataLoader that can be recognised; name the line that "
            f"makes it, as {path}:LINE"
        )
    if len(found) > 1:
        raise NoSuchLoader(f"{path}: say which of its loaders", _listed(path, found))
    only = target._replace(line=found[0].line)
    return Aim(only, project, file, raw, found[0].lines, found)


def around() -> Project:
    """The modules around files as they lie on the disk."""
    return Project(Modules(files.text_of))


def _on_line(
    target: Target, line: int, source: Source, found: Sequence[Construction]
) -> tuple[Lines, tuple[Construction, ...]]:
    """The lines on which the loader is made, and its constructions there."""
    meant = at(found, line)
    if not meant or any(line not in one.lines for one in meant):
        statement = statement_at(source, line)
        if not meant and statement is not None:
            # the head of the function, or of the loop, around it
            meant = tuple(one for one in found if one.line in statement.whole)
        if not meant and statement is not None and statement.calls:
            return statement.own, ()  # of what makes the loader elsewhere
        if len(meant) > 1:
            words = f"{target.shown}: say which of its loaders"
            raise NoSuchLoader(words, _listed(str(target.path), meant))
    if not meant:
        raise _nothing_there(target, line, source, found)
    first = min(one.lines.first for one in meant)
    return Lines(first, max(one.lines.last for one in meant)), meant


def _nothing_there(
    target: Target, line: int, source: Source, found: Sequence[Construction]
) -> NoSuchLoader:
    n_lines = len(source.text.splitlines())
    what = "nothing is called there" if line <= n_lines else f"the file has {n_lines} lines"
    if not found:
        return NoSuchLoader(f"{target.shown}: {what}")
    nearest = sorted(found, key=lambda one: abs(one.line - line))[:NEAREST]
    nearest.sort(key=lambda one: one.line)
    words = f"{target.shown}: {what}; the nearest loaders are"
    return NoSuchLoader(words, _listed(str(target.path), nearest))


def _listed(path: str, found: Sequence[Construction]) -> Iterator[str]:
    """`train.py:42  train_loader = DataLoader(...) in main`, a line each."""
    on_line = [one.line for one in found]
    rows = []
    for index, one in enumerate(found[:MOST_LISTED]):
        nth = on_line[: index + 1].count(one.line)
        mark = f"#{nth}" if on_line.count(one.line) > 1 else ""
        rows.append((f"{path}:{one.line}{mark}", one.shown))
    width = max(len(place) for place, _ in rows)
    for place, shown in rows:
        yield f"{place:<{width}}  {shown}"
    if len(found) > MOST_LISTED:
        yield f"and {len(found) - MOST_LISTED} more"
