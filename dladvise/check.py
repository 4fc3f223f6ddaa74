"""One run of `dladvise check`: from its options to what is printed and the exit status."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import click

from dladvise.advisor import Severity
from dladvise.advisor.settings import SettingsError, defaults

from . import files, output
from . import scan as scanning
from .checking import Change
from .console import complain, say
from .files import STDIN, FileError
from .progress import Progress
from .render_text import Paint
from .result import Result
from .scan import Request, Scan
from .watch import again_on_change

NOTHING, FOUND, WRONG_USE = 0, 1, 2


@dataclass(frozen=True)
class Options:
    """What the command line says beside the paths, by the names of its options."""

    select: str | None
    ignore: str | None
    extend_select: str | None
    fix: bool
    unsafe_fixes: bool
    diff: bool
    show_fixes: bool
    output_format: str
    statistics: bool
    fail_on: str
    exit_zero: bool
    show_hints: bool
    add_ignore: bool
    baseline: str | None
    write_baseline: str | None
    target_cores: int | None
    stdin_filename: str | None
    watch: bool
    no_cache: bool


def check(paths: tuple[str, ...], options: Options) -> int:
    """Check what the paths name, say what was found, and return the exit status."""
    if not paths:
        paths = (STDIN,) if options.stdin_filename else (".",)
    _refuse_contradictions(paths, options)
    request = _request(paths, options)
    request.over(defaults(Path.cwd()))  # a misspelt rule is told once, before any file is read
    if paths == (STDIN,):
        return _check_stdin(request, options)
    if not options.watch:
        return _check_files(request, options)
    _watch(request, options)
    return NOTHING


def _request(paths: tuple[str, ...], options: Options) -> Request:
    change = Change.NONE
    if options.add_ignore:
        change = Change.SUPPRESSIONS
    elif options.fix or options.diff:
        change = Change.ALL_FIXES if options.unsafe_fixes else Change.SAFE_FIXES
    with_hints = options.show_hints or options.fail_on == str(Severity.HINT)
    return Request(
        paths=paths,
        select=options.select,
        ignore=options.ignore,
        extend_select=options.extend_select,
        cores=options.target_cores,
        change=change,
        least=Severity.HINT if with_hints else Severity.INFO,
        baseline=options.baseline,
        cached=not options.no_cache,
    )


def _refuse_contradictions(paths: tuple[str, ...], options: Options) -> None:
    def refuse(words: str) -> NoReturn:
        raise click.UsageError(words)

    from_stdin = STDIN in paths
    if from_stdin and len(paths) > 1:
        refuse("standard input (-) is checked alone, without other paths")
    if options.stdin_filename and not from_stdin:
        refuse("--stdin-filename goes with standard input (-)")
    if options.add_ignore and (options.fix or options.diff):
        refuse("--add-ignore goes without --fix and --diff")
    if from_stdin and (options.watch or options.write_baseline or options.add_ignore):
        refuse("standard input cannot be watched, suppressed or recorded")
    if options.watch and options.output_format not in output.TEXT:
        refuse("--watch writes text")


def _check_files(request: Request, options: Options) -> int:
    progress = Progress()
    try:
        scan = scanning.scan(request, progress)
    finally:
        progress.clear()
    result = scan.result
    if scan.rewrites and not options.diff:
        problems = scanning.write(scan.rewrites)
        result = replace(result, problems=result.problems + tuple(problems))
    if result.n_files == 0 and not result.problems:
        complain([f"no Python files and no notebooks in {', '.join(request.paths)}"])
    return _report(result, scan, request, options)


def _check_stdin(request: Request, options: Options) -> int:
    name = options.stdin_filename or scanning.STDIN_NAME
    raw = files.standard_input()
    scan = scanning.scan_text(request, name, raw)
    if not options.fix or options.diff:
        return _report(scan.result, scan, request, options)
    # the text is what is wanted; what is left to say goes where it does not disturb
    sys.stdout.flush()
    sys.stdout.buffer.write(scan.rewrites[0].new if scan.rewrites else raw)
    sys.stdout.buffer.flush()
    complain(scan.result.problems)
    paint = output.paint_for(sys.stderr)
    for line in output.findings(scan.result, "concise", paint):
        click.echo(line, err=True)
    return _status(scan.result, options)


def _report(result: Result, scan: Scan, request: Request, options: Options) -> int:
    """Print everything in the format asked for; the exit status is returned."""
    complain(result.problems)
    paint = output.paint_for(sys.stdout)
    if options.write_baseline:
        from . import baseline  # few use one

        baseline.write(options.write_baseline, result.records)
        count = output.plural(len(result.records), "finding")
        say([f"{count} recorded in {options.write_baseline}"])
        return WRONG_USE if result.problems else NOTHING
    if request.change is Change.SUPPRESSIONS:
        count = output.plural(scan.n_suppressions, "finding")
        say([f"{count} suppressed in {output.plural(len(scan.rewrites), 'file')}"])
        return _status(result, options)
    if options.diff:
        return _report_diff(result, scan, paint, options)
    name = options.output_format
    if name in output.MACHINE:
        _say_machine(result, name, options)
        return _status(result, options)
    if options.statistics:
        say(output.statistics_lines(result, paint))
    else:
        say(output.findings(result, name, paint))
    if options.show_fixes and result.applied:
        say(output.fix_lines(result.applied, paint))
        say([""])
    say(output.summary(result))
    return _status(result, options)


def _report_diff(result: Result, scan: Scan, paint: Paint, options: Options) -> int:
    for rewrite in scan.rewrites:
        say(output.diff(rewrite, paint))
    count = output.plural(len(result.applied), "finding")
    would = f"{count} would be fixed in {output.plural(len(scan.rewrites), 'file')}"
    click.echo(would if scan.rewrites else "nothing to fix", err=True)
    if result.problems:
        return WRONG_USE
    return FOUND if scan.rewrites and not options.exit_zero else NOTHING


def _say_machine(result: Result, name: str, options: Options) -> None:
    render = output.MACHINE[name]
    if options.statistics and name == "json":
        from .render_machine import statistics_json as render  # with few others
    click.echo(render(result), nl=False, color=True)


def _status(result: Result, options: Options) -> int:
    if result.problems:
        return WRONG_USE
    if options.exit_zero or not result.has_at_least(Severity[options.fail_on.upper()]):
        return NOTHING
    return FOUND


def _watch(request: Request, options: Options) -> None:
    gc.enable()  # this process lives long

    def once() -> None:
        if sys.stdout.isatty():
            click.clear()
        try:
            _check_files(request, options)
        except (FileError, SettingsError) as error:  # a baseline may be repaired meanwhile
            complain(str(error).splitlines())
        click.echo("watching for changes; Ctrl-C ends", err=True)

    try:
        again_on_change(once, lambda: scanning.watched(request))
    except KeyboardInterrupt:
        return
