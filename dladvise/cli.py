"""The `dladvise` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from dladvise.advisor import Severity, all_rules, document
from dladvise.advisor.setting_values import find_rule
from dladvise.advisor.settings import SettingsError

from . import __version__, output
from .check import NOTHING, WRONG_USE, Options
from .check import check as run_check
from .console import complain, say
from .files import FileError
from .option_groups import Grouped, option_of
from .projects import Projects
from .scan import Request, this_machines_cores

INTERRUPTED = 130
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
    """Advice on PyTorch's DataLoader: static checks, and measurements on this machine.

    Exit status: 0 nothing found or all measured, 1 findings or a script that failed, 2 wrong
    use or a file that cannot be read, 3 not enough measured, 130 interrupted.
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
@click.option("--baseline", metavar="FILE", help="Leave out the findings recorded in FILE.")
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

    Folders are searched for .py, .pyi, .ipynb, .yaml and .yml files that git does not ignore.
    """
    return run_check(paths, Options(**options))


@cli.command(cls=Grouped)
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- SCRIPT ARGS]")
@option_of(
    "The run", "--script", metavar="FILE", help="Run this script; TARGET is in a file of it."
)
@option_of("The run", "-m", "--module", metavar="NAME", help="Run this module as python -m does.")
@option_of("The run", "--interpreter", metavar="PATH", help="The Python that runs it.")
@option_of(
    "The run",
    "--construct",
    is_flag=True,
    help="Measure as soon as the loader is constructed, not when it is iterated.",
)
@option_of(
    "The run",
    "--nproc-per-node",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Run it N times through torch's launcher; the slowest rank counts.",
)
@option_of("The run", "--show-output", is_flag=True, help="Show on stderr what the script prints.")
@option_of(
    "The run",
    "--stdin-filename",
    metavar="NAME",
    help="The TARGET whose unsaved text standard input (-) holds, such as train.py:42.",
)
@option_of(
    "The measurement",
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Time to measure in.  [default: 15]",
)
@option_of(
    "The measurement",
    "--reach-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60,
    show_default=True,
    metavar="N",
    help="Time to get to the loader in.",
)
@option_of(
    "The measurement",
    "--epochs",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Epochs that workers are started for.",
)
@option_of(
    "The measurement",
    "--batch-size",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    metavar="N",
    help="For a function that returns a Dataset.",
)
@option_of(
    "The measurement",
    "--observe/--no-observe",
    default=True,
    show_default=True,
    help="Let the training loop run some batches, to see how fast it takes them.",
)
@option_of(
    "The measurement",
    "--fresh",
    is_flag=True,
    help="A new interpreter for each setting, instead of a forked process.",
)
@option_of(
    "The measurement",
    "--max-workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Try no more workers than N.",
)
@option_of(
    "The measurement",
    "--max-memory",
    type=click.IntRange(min=1),
    metavar="MB",
    help="Stop where it takes more memory than that.",
)
@option_of("The answer", "--json", is_flag=True, help="Print one JSON object.")
@option_of("The answer", "--apply", is_flag=True, help="Write the settings into the file.")
@option_of("The answer", "--diff", is_flag=True, help="Show what --apply would write.")
@option_of("The answer", "--report", metavar="FILE", help="Write a page with charts: FILE.html.")
@option_of("The answer", "--plot", metavar="FILE", help="Write the chart: FILE.svg or FILE.png.")
def probe(target: str, arguments: tuple[str, ...], **options: Any) -> int:
    """Run a script up to a loader, and measure which settings suit it.

    TARGET is train.py:42 (the loader made on that line), train.py (its only loader),
    train.py::make_loader or package.module:make_loader (a function without arguments that
    returns a DataLoader or a Dataset). The script runs as you would run it; what it does
    before its loader is read, it does.

    Exit status: 0 measured, 1 the code that was run failed, 2 wrong use, 3 not enough could
    be measured in the time, 130 interrupted.
    """
    from . import probing  # libcst, sockets and psutil: only those who measure need them

    return probing.run(target, arguments, probing.Options(**options))


@cli.command()
@click.option("--stdio", is_flag=True, hidden=True)  # clients add both, whatever they are told
@click.option("--clientProcessId", "client_process_id", type=int, hidden=True)
def server(stdio: bool, client_process_id: int | None) -> int:
    """Speak the Language Server Protocol on stdin and stdout, for an editor."""
    from dladvise.server import serve  # pygls: only for those who serve

    return serve()


@cli.command()
@click.argument("code", required=False, shell_complete=completed_code)
@click.option("--all", "every", is_flag=True, help="All rules.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How it is written.",
)
@click.option("--prove", is_flag=True, help="Show on this machine what the rule claims.")
@click.option("--interpreter", metavar="PYTHON", help="The Python, with torch, for --prove.")
def rule(
    code: str | None, every: bool, output_format: str, prove: bool, interpreter: str | None
) -> int:
    """Show the document of the rule CODE, a code such as DL003 or a name.

    With --prove, a small program does what the rule warns of, and does it well, and what came
    of both is printed. Exit status then: 0 shown, 1 not shown here, 2 there is nothing to run.
    """
    if (code is None) is not every:
        raise click.UsageError("give the code of a rule, or --all")
    if prove and every:
        raise click.UsageError("--prove shows one rule: give its code")
    if prove and output_format == "markdown":
        raise click.UsageError("--prove writes text or json")
    if interpreter is not None and not prove:
        raise click.UsageError("--interpreter goes with --prove")
    try:
        rules = all_rules() if code is None else (find_rule(code),)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if prove:
        from . import proving  # a document needs none of it

        return proving.run(rules[0], interpreter, output_format == "json")
    import json

    from . import explain  # only where a rule is explained

    if output_format == "json":
        found = [explain.rule_json(entry) for entry in rules]
        say([json.dumps(found if every else found[0], indent=2)])
        return NOTHING
    paint = output.paint_for(sys.stdout)
    for number, entry in enumerate(rules):
        if number:
            say([""])
        if output_format == "markdown":
            say([document(entry).rstrip("\n")])
        else:
            say(explain.rule_text(entry, paint))
    return NOTHING


@cli.command("explain")
@click.argument("target", metavar="FILE:LINE")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
def explain_(target: str, output_format: str) -> int:
    """Show all that is known of the loader made at FILE:LINE, and what each rule says on it."""
    from . import explaining  # libcst, and all that a check needs

    return explaining.run(target, output_format == "json")


@cli.command()
@click.argument("path", default=".", type=click.Path())
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
def config(path: str, output_format: str) -> int:
    """Show the effective configuration for PATH, and where each value came from."""
    from . import explain  # a check explains nothing

    place = Path(path).absolute()
    if not place.exists():
        raise FileError(path, "no such file or directory")
    request = Request()
    projects = Projects(request.over, Path.cwd())
    settings = projects.settings(str(place if place.is_dir() else place.parent))
    if settings is None:
        complain(projects.problems)
        return WRONG_USE
    cores, source = this_machines_cores()
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
    import json

    from dladvise import probe  # the other commands do without

    from . import explain

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
