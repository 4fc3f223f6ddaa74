"""Tells all that is known of the one construction that FILE:LINE means."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import click

from dladvise.advisor.constructions import Construction
from dladvise.probe import TargetError
from dladvise.probe import target as read_target

from . import files, known, output
from .aiming import Aim, NoSuchLoader, aimed
from .check import NOTHING, WRONG_USE
from .console import complain, say
from .files import TextFile
from .projects import Projects
from .render_probe import NO_TERMINAL, terminal_width
from .render_text import Paint, Style, printable
from .scan import Request, this_machines_cores


def run(words: str, as_json: bool) -> int:
    """Explain the construction that is meant; the exit status is returned."""
    try:
        aim, file, construction = _meant(words)
    except (NoSuchLoader, TargetError) as error:
        complain([str(error)])
        for line in getattr(error, "loaders", ()):
            click.echo(f"  {line}", err=True)
        return WRONG_USE
    path = Path(file.source.path).absolute()
    projects = Projects(Request().over, Path.cwd())
    settings = projects.settings(str(path.parent))
    if settings is None:
        complain(projects.problems)
        return WRONG_USE
    target = settings.target(*this_machines_cores())
    chosen = settings.rules_for(path)
    found = known.explained(file.source, construction.callee, target, chosen, aim.project)
    if as_json:
        say([json.dumps(known.explanation_json(found), indent=2)])
        return NOTHING
    paint = output.paint_for(sys.stdout)
    place = f"{file.source.path}:{construction.line}"
    say([f"{paint(printable(place), Style.STRONG)}  {printable(construction.shown)}"])
    room = terminal_width() if sys.stdout.isatty() else NO_TERMINAL
    for heading, lines in known.explanation_text(found):
        say(["", *_section(heading, lines, paint, room)])
    return NOTHING


def _meant(words: str) -> tuple[Aim, TextFile, Construction]:
    target = read_target(words)
    if target.path is None:
        raise TargetError(f"{words}: name a file and a line, as train.py:42")
    if str(target.path).endswith(files.NOTEBOOK):
        raise TargetError(f"{words}: lines of a notebook are those of its cells; not explained")
    aim = aimed(target, files.contents(str(target.path)))
    if aim.file is None or aim.construction is None:
        raise TargetError(f"{words}: no one construction is meant there")
    return aim, aim.file, aim.construction


def _section(heading: str, lines: list[str], paint: Paint, room: int) -> list[str]:
    found = [paint(heading, Style.FRAME)]
    for line in lines:
        found += textwrap.wrap(
            printable(line), room, initial_indent="  ", subsequent_indent="      "
        )
    return found
