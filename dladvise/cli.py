"""The `dladvise` command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem, get_completion_class

from dladvise.advisor import Severity, all_rules, document
from dladvise.advisor.settings import SettingsError, defaults, find_rule

from . import __version__, baseline, explain, files, output
from . import scan as scanning
from .checking import Change
from .files import STDIN, FileError
from .progress import Progress
from .projects import Projects
from .render_machine import statistics_json
from .render_text import Paint
from .result import Result
from .scan import Request, Scan
from .watch import again_on_change

NOTHING, FOUND, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
SHELLS = ("bash", "zsh", "fish")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status is returned."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 shows \u escapes
            stream.reconfigure(errors="backslashreplace")
    try:
        status = cli.main(argv, prog_name="dladvise", standalone_mode=False)
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return WRONG_USE
    except (FileError, SettingsError) as error:
        complain(str(error).splitlines())
        return WRONG_USE
    return status if isinstance(status, int) else NOTHING


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="dladvise %(version)s")
def cli() -> None:
    """Advice on PyTorch's DataLoader: static checks, and facts of this machine.

    Exit status: 0 nothing found, 1 findings, 2 wrong use or a file that cannot be read.
    """


def completed_code(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The rules whose codes continue what was typed, also behind a comma."""
    head, comma, last = begun.rpartition(",")
    return [
        CompletionItem(f"{head}{comma}{rule.code}", help=rule.name)
        for rule in all_rules()
        if rule.code.startswith(last.upper())
    ]


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True))
@click.option(
    "--select",
    metavar="CODES",
    shell_complete=completed_code,
    help="Rules to look for instead of the usual ones: DL003, DL1 (all that begin so), ALL.",
)
@click.option(
    "--ignore", metavar="CODES", shell_complete=completed_code, help="Rules to leave out."
)
@click.option(
    "--extend-select",
    metavar="CODES",
    shell_complete=completed_code,
    help="Rules to look for in addition.",
)
@click.option("--fix", is_flag=True, help="Make the safe fixes.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: the unsafe ones too.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--show-fixes", is_flag=True, help="List the fixes that were made.")
@click.option(
    "--output-format",
    type=click.Choice(output.FORMATS),
    default="text",
    show_default=True,
    help="How findings are written.",
)
@click.option("--statistics", is_flag=True, help="Show counts by rule instead of findings.")
@click.option(
    "--fail-on",
    type=click.Choice([str(severity) for severity in sorted(Severity, reverse=True)]),
    default=str(Severity.WARNING),
    show_default=True,
    help="The least severity that makes the exit status 1.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 in spite of findings.")
@click.option("--show-hints", is_flag=True, help="Show findings of severity hint as well.")
@click.option("--add-ignore", is_flag=True, help="Write a suppressing comment for every finding.")
@click.option(
    "--baseline", "known", metavar="FILE", help="Leave out the findings recorded in FILE."
)
@click.option("--write-baseline", metavar="FILE", help="Record the findings in FILE.")
@click.option(
    "--target-cores",
    type=click.IntRange(min=1),
    metavar="N",
    help="Cores that one training process may use.",
)
@click.option("--stdin-filename", metavar="NAME", help="The name of what standard input holds.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write .dladvise_cache.")
def check(paths: tuple[str, ...], **options: Any) -> int:
    """Check files, folders (by default the current one) or standard input (-).

    Folders are searched for .py, .pyi and .ipynb files that git does not ignore.
    """
    if not paths:
        paths = (STDIN,) if options["stdin_filename"] else (".",)
    _refuse_contradictions(paths, options)
    request = _request(paths, options)
    request.over(defaults(Path.cwd()))  # a misspelt rule is told once, before any file is read
    if paths == (STDIN,):
        return _check_stdin(request, options)
    if not options["watch"]:
        return _check_files(request, options)
    _watch(request, options)
    return NOTHING


@cli.command()
@click.argument("code", required=False, shell_complete=completed_code)
@click.option("--all", "every", is_flag=True, help="All rules.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How the document is written.",
)
def rule(code: str | None, every: bool, output_format: str) -> None:
    """Show the document of the rule CODE, a code such as DL003 or a name."""
    if (code is None) is not every:
        raise click.UsageError("give the code of a rule, or --all")
    try:
        rules = all_rules() if code is None else (find_rule(code),)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if output_format == "json":
        found = [explain.rule_json(entry) for entry in rules]
        say([json.dumps(found if every else found[0], indent=2)])
        return
    paint = output.paint_for(sys.stdout)
    for number, entry in enumerate(rules):
        if number:
            say([""])
        if output_format == "markdown":
            say([document(entry).rstrip("\n")])
        else:
            say(explain.rule_text(entry, paint))


@cli.command()
@click.argument("path", default=".", type=click.Path())
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
def config(path: str, output_format: str) -> int:
    """Show the effective configuration for PATH, and where each value came from."""
    place = Path(path).absolute()
    if not place.exists():
        raise FileError(path, "no such file or directory")
    request = Request()
    projects = Projects(request.over, Path.cwd())
    settings = projects.settings(str(place if place.is_dir() else place.parent))
    if settings is None:
        complain(projects.problems)
        return WRONG_USE
    cores, source = scanning.this_machines_cores()
    target = settings.target(cores, source)
    if output_format == "json":
        say([explain.config_json(settings, target)])
    else:
        say(explain.config_text(settings, target, output.paint_for(sys.stdout)))
    return NOTHING


@cli.command()
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
def machine(output_format: str) -> None:
    """Show what this machine offers a loader: usable cores and why, memory, torch, GPU."""
    from dladvise import probe  # the other commands do without

    facts = probe.machine()
    if output_format == "json":
        say([json.dumps(facts._asdict(), indent=2)])
    else:
        say(explain.machine_text(facts, probe.usable_cores()))


@cli.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete dladvise's commands, options and codes.

    \b
    bash:  dladvise completion bash > ~/.local/share/bash-completion/completions/dladvise
    zsh:   dladvise completion zsh > ~/.zfunc/_dladvise   (with ~/.zfunc in fpath)
    fish:  dladvise completion fish > ~/.config/fish/completions/dladvise.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # click knows the three
    say([found(cli, {}, "dladvise", "_DLADVISE_COMPLETE").source()])


def say(lines: Iterable[str]) -> None:
    """Print lines to standard output as they are, their colours too."""
    for line in lines:
        click.echo(line, color=True)


def complain(lines: Iterable[str]) -> None:
    """Print what is wrong to standard error, one line each."""
    for line in lines:
        click.echo(f"dladvise: {line}", err=True)


def _request(paths: tuple[str, ...], options: dict[str, Any]) -> Request:
    change = Change.NONE
    if options["add_ignore"]:
        change = Change.SUPPRESSIONS
    elif options["fix"] or options["diff"]:
        change = Change.ALL_FIXES if options["unsafe_fixes"] else Change.SAFE_FIXES
    with_hints = options["show_hints"] or options["fail_on"] == str(Severity.HINT)
    return Request(
        paths=paths,
        select=options["select"],
        ignore=options["ignore"],
        extend_select=options["extend_select"],
        cores=options["target_cores"],
        change=change,
        least=Severity.HINT if with_hints else Severity.INFO,
        baseline=options["known"],
        cached=not options["no_cache"],
    )


def _refuse_contradictions(paths: tuple[str, ...], options: dict[str, Any]) -> None:
    def refuse(words: str) -> NoReturn:
        raise click.UsageError(words)

    from_stdin = STDIN in paths
    if from_stdin and len(paths) > 1:
        refuse("standard input (-) is checked alone, without other paths")
    if options["stdin_filename"] and not from_stdin:
        refuse("--stdin-filename goes with standard input (-)")
    if options["add_ignore"] and (options["fix"] or options["diff"]):
        refuse("--add-ignore goes without --fix and --diff")
    if from_stdin and (options["watch"] or options["write_baseline"] or options["add_ignore"]):
        refuse("standard input cannot be watched, suppressed or recorded")
    if options["watch"] and options["output_format"] not in output.TEXT:
        refuse("--watch writes text")


def _check_files(request: Request, options: dict[str, Any]) -> int:
    progress = Progress()
    try:
        scan = scanning.scan(request, progress)
    finally:
        progress.clear()
    result = scan.result
    if scan.rewrites and not options["diff"]:
        problems = scanning.write(scan.rewrites)
        result = replace(result, problems=result.problems + tuple(problems))
    if result.n_files == 0 and not result.problems:
        complain([f"no Python files and no notebooks in {', '.join(request.paths)}"])
    return _report(result, scan, request, options)


def _check_stdin(request: Request, options: dict[str, Any]) -> int:
    name = options["stdin_filename"] or scanning.STDIN_NAME
    raw = files.standard_input()
    scan = scanning.scan_text(request, name, raw)
    if not options["fix"] or options["diff"]:
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


def _report(result: Result, scan: Scan, request: Request, options: dict[str, Any]) -> int:
    """Print everything in the format asked for; the exit status is returned."""
    complain(result.problems)
    paint = output.paint_for(sys.stdout)
    if options["write_baseline"]:
        baseline.write(options["write_baseline"], result.records)
        count = output.plural(len(result.records), "finding")
        say([f"{count} recorded in {options['write_baseline']}"])
        return WRONG_USE if result.problems else NOTHING
    if request.change is Change.SUPPRESSIONS:
        count = output.plural(scan.n_suppressions, "finding")
        say([f"{count} suppressed in {output.plural(len(scan.rewrites), 'file')}"])
        return _status(result, options)
    if options["diff"]:
        return _report_diff(result, scan, paint, options)
    name = options["output_format"]
    if name in output.MACHINE:
        _say_machine(result, name, options)
        return _status(result, options)
    if options["statistics"]:
        say(output.statistics_lines(result, paint))
    else:
        say(output.findings(result, name, paint))
    if options["show_fixes"] and result.applied:
        say(output.fix_lines(result.applied, paint))
        say([""])
    say(output.summary(result))
    return _status(result, options)


def _report_diff(result: Result, scan: Scan, paint: Paint, options: dict[str, Any]) -> int:
    for rewrite in scan.rewrites:
        say(output.diff(rewrite, paint))
    count = output.plural(len(result.applied), "finding")
    would = f"{count} would be fixed in {output.plural(len(scan.rewrites), 'file')}"
    click.echo(would if scan.rewrites else "nothing to fix", err=True)
    if result.problems:
        return WRONG_USE
    return FOUND if scan.rewrites and not options["exit_zero"] else NOTHING


def _say_machine(result: Result, name: str, options: dict[str, Any]) -> None:
    render: Callable[[Result], str] = output.MACHINE[name]
    if options["statistics"] and name == "json":
        render = statistics_json
    click.echo(render(result), nl=False, color=True)


def _status(result: Result, options: dict[str, Any]) -> int:
    if result.problems:
        return WRONG_USE
    if options["exit_zero"] or not result.has_at_least(Severity[options["fail_on"].upper()]):
        return NOTHING
    return FOUND


def _watch(request: Request, options: dict[str, Any]) -> None:
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
