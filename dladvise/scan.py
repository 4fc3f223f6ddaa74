"""From arguments to a result: which files, under which settings, from the cache or anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dladvise.advisor import Safety, Severity, Source, Target
from dladvise.advisor.interest import CONFIGURATIONS, is_configuration
from dladvise.advisor.settings import Settings, overridden

from . import files, walk
from .checking import ALLOWED, Change, Job, Outcome, check_all
from .files import FileError
from .projects import Projects
from .records import Record
from .result import Applied, Result

SUFFIXES = (*walk.SUFFIXES, *CONFIGURATIONS)
STDIN_NAME = "stdin.py"  # relative, so that the current folder's configuration holds


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    paths: tuple[str, ...] = (".",)
    select: str | None = None
    ignore: str | None = None
    extend_select: str | None = None
    cores: int | None = None
    change: Change = Change.NONE
    least: Severity = Severity.INFO  # what is shown
    baseline: str | None = None
    cached: bool = True

    def over(self, settings: Settings) -> Settings:
        """The settings under the options; SettingsError where an option has an unknown rule."""
        return overridden(
            settings,
            select=self.select,
            ignore=self.ignore,
            extend_select=self.extend_select,
            cores=self.cores,
        )


@dataclass(frozen=True)
class Rewrite:
    """A file that is to change, or has changed."""

    path: str
    before: Source
    after: Source
    new: bytes


@dataclass(frozen=True)
class Scan:
    """A result, and the files that are to change."""

    result: Result
    rewrites: tuple[Rewrite, ...]
    n_suppressions: int = 0


def scan(request: Request, progress: Callable[[int, int], None]) -> Scan:
    """Check the files under the paths; `progress` hears how many of how many are done."""
    problems: list[str] = []
    projects = Projects(request.over, Path.cwd())

    def failed(error: FileError) -> None:
        problems.append(str(error))

    paths = walk.found(request.paths, projects.excludes, failed, SUFFIXES)
    jobs = []
    target_of = _targets()
    for path in paths:
        try:
            raw = files.contents(path)
        except FileError as error:
            failed(error)
            continue
        if not files.may_matter(raw, path):
            if is_configuration(path):
                pass  # whatever else it is, it is not ours to complain of
            elif not files.is_text(raw):
                problems.append(f"{path}: is not UTF-8")
            elif path.endswith(files.NOTEBOOK) and not raw.strip().startswith(b"{"):
                problems.append(f"{path}: is not JSON, so no notebook")
            continue
        job = _job(request, path, raw, projects, target_of)
        if job is not None:
            jobs.append(job)
    outcomes = _outcomes(request, jobs, progress)
    return _scan(request, outcomes, len(paths), problems + projects.problems)


def watched(request: Request) -> tuple[str, ...]:
    """The files that a scan would look at now, the configuration's among them."""
    projects = Projects(request.over, Path.cwd())
    paths = walk.found(request.paths, projects.excludes, lambda error: None, SUFFIXES)
    for path in paths:
        projects.settings(os.path.dirname(os.path.abspath(path)))
    return (*paths, *map(str, projects.files))


def scan_text(request: Request, name: str, raw: bytes) -> Scan:
    """Check one text that is in no file, as if it were in the file `name`."""
    projects = Projects(request.over, Path.cwd())
    job = _job(request, name, raw, projects, _targets())
    outcomes = [] if job is None else list(check_all([job], lambda: 1))
    return _scan(request, outcomes, 1, projects.problems)


def write(rewrites: Iterable[Rewrite]) -> list[str]:
    """Write the files that are to change; the problems are returned, one line each."""
    problems = []
    for rewrite in rewrites:
        try:
            files.replace_contents(rewrite.path, rewrite.new)
        except FileError as error:
            problems.append(str(error))
    return problems


def this_machines_cores() -> tuple[int | None, str]:
    """What one process may use here and why; nothing in CI, whose machines train no models."""
    from dladvise.probe import usable_cores  # only for files that matter

    if os.environ.get("CI", "").lower() in ("1", "true"):
        return None, "not assumed in CI; set target.cores or --target-cores"
    cores = usable_cores()
    return cores.usable, cores.source


def _targets() -> Callable[[Settings], Target]:
    known: list[tuple[int | None, str]] = []

    def target_of(settings: Settings) -> Target:
        if not known:
            known.append(this_machines_cores())
        cores, source = known[0]
        return settings.target(cores, "" if cores is None else source)

    return target_of


def _job(
    request: Request,
    path: str,
    raw: bytes,
    projects: Projects,
    target_of: Callable[[Settings], Target],
) -> Job | None:
    """The work on a file; None where its configuration is broken, which is told already."""
    settings = projects.settings(os.path.dirname(os.path.abspath(path)))
    if settings is None:
        return None
    codes = tuple(rule.code for rule in settings.rules_for(Path(path)))
    least = Severity.HINT if request.change is Change.NONE else request.least
    return Job(path, raw, codes, target_of(settings), request.change, least)


def _outcomes(
    request: Request, jobs: list[Job], progress: Callable[[int, int], None]
) -> list[Outcome]:
    store = None
    if request.cached and jobs:
        from dladvise.advisor.modules import Modules

        from . import cache  # some milliseconds, with the hashes

        store = cache.opened(_project(jobs))
        modules = Modules(files.text_of)
    outcomes: dict[str, Outcome] = {}
    keys = {}
    left = []
    for job in jobs:
        if store is not None:
            keys[job.path] = cache.key_of(job)
            kept = store.get(keys[job.path], modules)
            if kept is not None and not _changes(job, kept):
                outcomes[job.path] = Outcome(job.path, kept)
                continue
        left.append(job)
    progress(len(outcomes), len(jobs))
    for outcome in check_all(left, _n_processes):
        outcomes[outcome.path] = outcome
        progress(len(outcomes), len(jobs))
        if store is not None and outcome.problem is None and request.change is Change.NONE:
            store.put(keys[outcome.path], outcome.records, outcome.seen)
    if store is not None and left:
        store.trim()
    return [outcomes[job.path] for job in jobs]


def _changes(job: Job, kept: Iterable[Record]) -> bool:
    """Reports whether the job would change a file with these findings."""
    shown = [record for record in kept if job.least <= record.severity]
    if job.change is Change.SUPPRESSIONS:
        return bool(shown)
    allowed = ALLOWED.get(job.change, frozenset())
    return any(
        record.fix is not None and (Safety.SAFE if record.fix.safe else Safety.UNSAFE) in allowed
        for record in shown
    )


def _scan(request: Request, outcomes: list[Outcome], n_files: int, problems: list[str]) -> Scan:
    shown: list[Record] = []
    applied: list[Applied] = []
    n_hidden = 0
    problems = problems + [outcome.problem for outcome in outcomes if outcome.problem is not None]
    for outcome in outcomes:
        kept = [record for record in outcome.records if request.least <= record.severity]
        n_hidden += len(outcome.records) - len(kept)
        shown += kept
        applied += outcome.applied
    n_all = len(shown)
    if request.baseline is not None:
        from . import baseline  # few use one

        known = baseline.load(request.baseline)
        shown = baseline.without(shown, known, request.baseline)
    result = Result(
        records=tuple(shown),
        n_files=n_files,
        applied=tuple(applied),
        problems=tuple(sorted(problems)),
        n_hints_hidden=n_hidden,
        n_in_baseline=n_all - len(shown),
    )
    rewrites = tuple(
        Rewrite(outcome.path, outcome.before, outcome.after, outcome.new)
        for outcome in outcomes
        if outcome.before is not None and outcome.after is not None and outcome.new is not None
    )
    n_suppressions = sum(outcome.n_suppressions for outcome in outcomes)
    return Scan(result, rewrites, n_suppressions)


def _project(jobs: list[Job]) -> Path:
    """The folder that the cache belongs to: the nearest with a project's marks."""
    start = Path(os.path.dirname(os.path.abspath(jobs[0].path)))
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in ("dladvise.toml", "pyproject.toml", ".git")):
            return folder
    return Path.cwd()


def _n_processes() -> int:
    from dladvise.probe import usable_cores  # only when there is much to do

    return usable_cores().usable
