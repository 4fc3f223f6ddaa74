"""One run of `dladvise probe`: from its options to what is printed and the exit status."""

from __future__ import annotations

import difflib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from dladvise import probe
from dladvise.advisor import settings as configuration
from dladvise.advisor.applying import CannotWrite
from dladvise.advisor.settings import SettingsError
from dladvise.probe import Recommendation, Request, TargetError, UserCodeFailed
from dladvise.probe.ranks import follow, launched
from dladvise.probe.request import DEFAULT_SECONDS
from dladvise.probe.results import INTERRUPTED, MEASURED, NOT_ENOUGH, WRONG_USE, target_json

from . import files, interpreters, output
from .aiming import Aim, NoSuchLoader, aimed, around
from .console import complain, say
from .files import STDIN, FileError
from .interpreters import Interpreter, InterpreterError
from .projects import Projects
from .recommended import recommended
from .render_live import Live
from .render_probe import report, table
from .report_files import ReportFiles
from .scan import Rewrite


@dataclass(frozen=True)
class Options:
    """What the command line says beside the target, by the names of its options."""

    script: str | None
    module: str | None
    interpreter: str | None
    construct: bool
    nproc_per_node: int
    seconds: float | None
    reach_seconds: float
    epochs: int
    batch_size: int
    observe: bool
    fresh: bool
    max_workers: int | None
    max_memory: int | None
    stdin_filename: str | None
    json: bool
    apply: bool
    diff: bool
    report: str | None
    plot: str | None
    show_output: bool

    @property
    def files(self) -> ReportFiles:
        return ReportFiles(self.report, self.plot)


def run(words: str, arguments: tuple[str, ...], options: Options) -> int:
    """Measure the loader that the target means, say what was found, return the exit status."""
    _refuse_contradictions(words, options)
    options.files.refuse()
    try:
        aim = _aim(words, options)
        interpreter, asked = _request(aim, arguments, options)
    except (NoSuchLoader, TargetError, InterpreterError) as error:
        complain([str(error)])
        for line in getattr(error, "loaders", ()):
            click.echo(f"  {line}", err=True)
        return WRONG_USE
    longest_s = asked.reach_seconds + asked.seconds
    live = Live(sys.stderr, output.paint_for(sys.stderr), longest_s, os.environ)
    try:
        with _ended_in_order(), live:
            us = launched(asked.env)
            if us is not None and us.rank > 0:
                follow(asked)  # rank 0 measures, and says what was found
                return MEASURED
            on_output = live.output if options.show_output else None
            found = probe.measure(asked, live.tell, on_output=on_output)
    except probe.ProbeError as error:
        return _failed(error, asked, live, interpreter, options)
    except KeyboardInterrupt:
        complain(["interrupted"])
        return INTERRUPTED
    except Terminated as ended:
        return 128 + ended.signum
    return _report(found, aim, options)


def _refuse_contradictions(words: str, options: Options) -> None:
    def refuse(reason: str) -> NoReturn:
        raise click.UsageError(reason)

    if words == STDIN and not options.stdin_filename:
        refuse("standard input needs --stdin-filename, such as --stdin-filename train.py:42")
    if words != STDIN and options.stdin_filename:
        refuse("--stdin-filename goes with standard input (-)")
    if options.script and options.module:
        refuse("give a script or a module to run, not both")
    if words == STDIN and (options.script or options.module):
        refuse("standard input holds the script that is run: leave out --script and --module")
    if words == STDIN and options.apply:
        refuse("--apply writes into a file: with standard input, use --diff")
    if options.json and options.diff:
        refuse("--json prints one object and --diff a patch: choose one")
    if options.apply and options.diff:
        refuse("--diff shows what --apply would write: choose one")


# How it is run


def _aim(words: str, options: Options) -> Aim:
    target = probe.target(options.stdin_filename or words)
    if (target.path is None or target.name is not None) and (options.script or options.module):
        raise TargetError(f"{target.shown}: a function is called by itself, without a script")
    if target.path is None:
        return Aim(target, around())
    raw = files.standard_input() if words == STDIN else files.contents(str(target.path))
    return aimed(target, raw)


def _request(aim: Aim, arguments: tuple[str, ...], options: Options) -> tuple[Interpreter, Request]:
    script = Path(options.script) if options.script else aim.target.path
    if options.script and not Path(options.script).is_file():
        raise FileError(options.script, "no such file")
    folder = Path.cwd() if script is None or options.module else script.absolute().parent
    settings = settings_for(folder)
    if options.interpreter is not None:
        interpreter = interpreters.named(options.interpreter, "--interpreter", Path.cwd())
    else:
        interpreter = interpreters.configured(settings) or interpreters.found(folder)
    module = options.module or aim.target.module
    unsaved = options.stdin_filename is not None and aim.file is not None
    return interpreter, Request(
        target=aim.target,
        interpreter=interpreter.path,
        script=None if module else script,
        module=module,
        text=aim.file.source.text if unsaved and aim.file is not None else None,
        args=arguments or settings.args,
        lines=None if aim.lines is None else (aim.lines.first, aim.lines.last),
        env={**os.environ, **dict(settings.env)},
        seconds=options.seconds or settings.seconds or DEFAULT_SECONDS,
        reach_seconds=options.reach_seconds,
        epochs=options.epochs,
        batch_size=options.batch_size,
        observe=options.observe,
        construct=options.construct,
        fresh=options.fresh,
        ranks=options.nproc_per_node,
        max_memory_mb=options.max_memory,
        max_workers=options.max_workers,
    )


def settings_for(folder: Path) -> configuration.Settings:
    projects = Projects(lambda settings: settings, Path.cwd())
    settings = projects.settings(str(folder))
    if settings is None:
        raise SettingsError(projects.problems)
    return settings


class Terminated(BaseException):
    """Somebody asked this process to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


ENDING = ("SIGTERM", "SIGHUP")  # SIGHUP: the terminal is gone; Windows has none


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Signals unwind as Ctrl-C does, so that what was started is ended; a second does nothing."""
    signals = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]

    def terminate(signum: int, frame: FrameType | None) -> NoReturn:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        raise Terminated(signum)

    before = {one: signal.signal(one, terminate) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


# What is said


def _failed(
    error: probe.ProbeError, asked: Request, live: Live, interpreter: Interpreter, options: Options
) -> int:
    words = str(error)
    if isinstance(error, UserCodeFailed):
        if "No module named 'torch'" in words:
            complain(
                [
                    f"{interpreter.path} ({interpreter.source}) has no torch: name the "
                    "project's interpreter with --interpreter"
                ]
            )
            return WRONG_USE
        if error.traceback:
            click.echo(error.traceback.rstrip("\n"), err=True)
    elif error.status == NOT_ENOUGH and options.json:
        curve = [point.json() for point in live.points]
        found = {"target": target_json(asked.target), "curve": curve, "reason": words}
        say([json.dumps(found, indent=2)])
    elif live.points and not options.json:
        say(table(live.points, None, output.paint_for(sys.stdout), sys.stdout))
    complain(words.splitlines())
    return error.status


def _report(found: Recommendation, aim: Aim, options: Options) -> int:
    if options.json:
        say([json.dumps(found.json(), indent=2)])
    else:
        hint = ""
        if not (options.apply or options.diff or options.stdin_filename) and aim.construction:
            hint = f"--apply writes it into {aim.target.path}"
        say(report(found, output.paint_for(sys.stdout), sys.stdout, hint))
    if found.changes and (options.apply or options.diff):
        _write(found, aim, options)
    for path in options.files.write(found):
        click.echo(f"wrote {path}", err=options.json)
    return MEASURED


def _write(found: Recommendation, aim: Aim, options: Options) -> None:
    """Write the recommended settings, or show that; where it cannot be, say what to write."""

    def tell(line: str) -> None:
        click.echo(line, err=options.json)

    try:
        rewrite, notes = _rewrite(found, aim)
        if options.diff:
            say(output.diff(rewrite, output.paint_for(sys.stdout)))
        else:
            if files.contents(rewrite.path) != aim.raw:
                raise CannotWrite(f"{rewrite.path} was changed while it was measured")
            files.replace_contents(rewrite.path, rewrite.new)
            for line in _changed_lines(rewrite):
                tell(f"wrote {line}")
    except (CannotWrite, FileError) as error:
        complain([f"not written: {error}", f"write by hand: {found.arguments}"])
        return
    complain(notes)


def _rewrite(found: Recommendation, aim: Aim) -> tuple[Rewrite, tuple[str, ...]]:
    """The file with the recommended settings, and what else changes with them."""
    if aim.file is None:
        raise CannotWrite("name the file that constructs the loader, as file.py:LINE")
    construction = aim.construction
    if construction is None:
        raise CannotWrite(f"{aim.target.shown} does not say which construction made the loader")
    before = aim.file.source
    written = recommended(before, construction.callee, found, aim.project)
    after = before.edited(written.edits)
    return Rewrite(before.path, before, after, aim.file.encoded(after)), written.notes


def _changed_lines(rewrite: Rewrite) -> Iterator[str]:
    """`train.py:42: num_workers=4,` for every line that is new."""
    old, new = rewrite.before.text.splitlines(), rewrite.after.text.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag in ("replace", "insert"):
            for index in range(start, end):
                yield f"{rewrite.path}:{index + 1}: {new[index].strip()}"
