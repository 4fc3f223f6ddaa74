"""One file checked, and many, in several processes where that is worth it."""

from __future__ import annotations

import ast
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from dladvise.advisor import (
    Finding,
    Report,
    Rule,
    Safety,
    Severity,
    Source,
    Target,
    all_rules,
    analyze,
    fixed,
)
from dladvise.advisor.engine import forget, reading
from dladvise.advisor.ignores import ignoring

from .files import FileError, TextFile, decoded, text_of
from .records import Record, records
from .result import Applied, named

if TYPE_CHECKING:
    from dladvise.advisor.modules import Seen
    from dladvise.advisor.project import Project

# A search for garbage takes about as long as reading a hundredth of this.
WORTH_COLLECTING_BYTES = 200_000

# Below that, starting processes costs more than they save (about 20,000 lines).
WORTH_PROCESSES_BYTES = 700_000
MOST_PROCESSES = 8  # some 60 MB each; more would wait for the longest file anyway
PARTS = 12  # of the files, for each process: neighbours read the same modules


class Change(Enum):
    """What is to become of a file's text."""

    NONE = "none"
    SAFE_FIXES = "safe"
    ALL_FIXES = "all"
    SUPPRESSIONS = "suppressions"


ALLOWED = {
    Change.SAFE_FIXES: frozenset({Safety.SAFE}),
    Change.ALL_FIXES: frozenset({Safety.SAFE, Safety.UNSAFE}),
}


@dataclass(frozen=True)
class Job:
    """A file to check, its rules by their codes; nothing below `least` is of interest."""

    path: str
    raw: bytes
    codes: tuple[str, ...]
    target: Target
    change: Change = Change.NONE
    least: Severity = Severity.HINT


@dataclass(frozen=True)
class Outcome:
    """What was found in a file: after its change, where there is one.

    `before` and `after` are its texts then, and `new` the bytes to write. `seen` is what
    its findings depend on beside its own text.
    """

    path: str
    records: tuple[Record, ...] = ()
    problem: str | None = None
    applied: tuple[Applied, ...] = ()
    n_suppressions: int = 0
    before: Source | None = None
    after: Source | None = None
    new: bytes | None = None
    seen: frozenset[Seen] = frozenset()


_project: Project | None = None  # what this process has read of the modules around the files


def _modules_around() -> Project:
    global _project
    if _project is None:
        from dladvise.advisor.modules import Modules
        from dladvise.advisor.project import Project

        _project = Project(Modules(text_of))
    return _project


def check(job: Job) -> Outcome:
    """Check one file. Whatever happens, it is told and does not stop the others."""
    was_enabled = gc.isenabled()
    # A tree of many thousand nodes is made and dropped whole: looking for garbage while
    # it grows takes as long as parsing.
    gc.disable()
    try:
        file = decoded(job.path, job.raw)
        return _changed(job, file)
    except FileError as error:
        return Outcome(job.path, problem=str(error))
    except RecursionError:
        return Outcome(job.path, problem=f"{job.path}: is nested too deeply to be read")
    except Exception as error:
        if os.environ.get("DLADVISE_DEBUG"):
            raise
        words = f"{type(error).__name__}: {error}".splitlines()[0]
        problem = f"{job.path}: not checked, a mistake in dladvise, please report it ({words})"
        return Outcome(job.path, problem=problem)
    finally:
        if was_enabled:
            gc.enable()


def check_all(jobs: list[Job], n_processes: Callable[[], int]) -> Iterator[Outcome]:
    """The outcome of every job, in any order."""
    global _project
    _project = None  # files may have changed since
    n_bytes = sum(len(job.raw) for job in jobs)
    count = 1 if n_bytes < WORTH_PROCESSES_BYTES else min(n_processes(), len(jobs), MOST_PROCESSES)
    if count < 2:
        yield from map(_check_one_of_many, jobs)
    else:
        yield from _in_processes(jobs, count)


_read_bytes = 0  # since the last search for garbage, in this process


def _check_one_of_many(job: Job) -> Outcome:
    """Check one file, and drop what was kept for reading it once more."""
    global _read_bytes
    outcome = check(job)
    forget()
    _read_bytes += len(job.raw)
    if _read_bytes > WORTH_COLLECTING_BYTES:
        _read_bytes = 0
        gc.collect()
    return outcome


def _changed(job: Job, file: TextFile) -> Outcome:
    rules = named(all_rules())
    chosen = tuple(rules[code] for code in job.codes)

    def report_of(source: Source) -> Report:
        report = analyze(source, job.target, chosen, project=_modules_around())
        kept = tuple(found for found in report.findings if job.least <= found.severity)
        return replace(report, findings=kept)

    report = report_of(file.source)
    if job.change is Change.NONE:
        return Outcome(job.path, records(report), seen=report.seen)
    if job.change is Change.SUPPRESSIONS:
        return _suppressed(job, file, report, report_of)
    after, done = fixed(report, report_of, ALLOWED[job.change])
    if not done:
        return Outcome(job.path, records(report))
    _still_parses(job.path, file.source, after.source)
    return _written(job, file, after, applied=_applied(job.path, done))


def _suppressed(
    job: Job, file: TextFile, report: Report, report_of: Callable[[Source], Report]
) -> Outcome:
    edits = ignoring(file.source, report.findings)
    if not edits:
        return Outcome(job.path, records(report))
    after = report_of(file.source.edited(edits))
    _still_parses(job.path, file.source, after.source)
    n_suppressed = len(report.findings) - len(after.findings)
    return _written(job, file, after, n_suppressions=n_suppressed)


def _written(
    job: Job,
    file: TextFile,
    after: Report,
    applied: tuple[Applied, ...] = (),
    n_suppressions: int = 0,
) -> Outcome:
    from dladvise.advisor.notebook import NotebookError  # only files with a fix get here

    try:
        new = file.encoded(after.source)
    except NotebookError as error:
        raise FileError(job.path, str(error)) from None
    except UnicodeEncodeError:
        raise FileError(job.path, f"the new text cannot be written in {file.encoding}") from None
    return Outcome(
        job.path,
        records(after),
        applied=applied,
        n_suppressions=n_suppressions,
        before=file.source,
        after=after.source,
        new=new,
    )


def _applied(path: str, done: Iterable[Finding]) -> tuple[Applied, ...]:
    def entry(rule: Rule) -> Applied:
        return Applied(path, rule.code, rule.name)

    return tuple(entry(finding.rule) for finding in done)


def _still_parses(path: str, before: Source, after: Source) -> None:
    """The last line of defence: what was Python stays Python."""
    if _parses(before.text) and not _parses(after.text):
        raise FileError(path, "not changed: the fixed text would not be Python, please report it")


def _parses(text: str) -> bool:
    import warnings  # only files with a fix get here

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _in_processes(jobs: list[Job], count: int) -> Iterator[Outcome]:
    # some 30 ms that a check of a few files need not pay
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    method = "fork" if sys.platform == "linux" else "spawn"
    if method == "fork":
        reading()  # imported once, for all of them
        gc.freeze()  # and not looked through by each, which would copy its pages
    left = []
    try:
        with ProcessPoolExecutor(count, get_context(method), _begin, (os.getpid(),)) as pool:
            try:
                with _interrupted_later():
                    parts = {pool.submit(_check_part, part): part for part in _parts(jobs, count)}
                for future in as_completed(parts):
                    try:
                        yield from future.result()
                    except BrokenProcessPool:
                        left += parts[future]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in active_children():
                    child.kill()
                raise
    finally:
        gc.unfreeze()
        for child in active_children():
            child.kill()
    for job in left:
        yield _alone(job)


def _check_part(jobs: list[Job]) -> list[Outcome]:
    return [_check_one_of_many(job) for job in jobs]


def _parts(jobs: list[Job], count: int) -> list[list[Job]]:
    """The jobs divided into runs of neighbours, the longest runs first.

    So none of those starts when the others are done.
    """
    room = sum(len(job.raw) for job in jobs) // (count * PARTS) + 1
    parts: list[list[Job]] = []
    taken = room
    for job in jobs:
        if taken >= room:
            parts.append([])
            taken = 0
        parts[-1].append(job)
        taken += len(job.raw)
    return sorted(parts, key=lambda part: sum(len(job.raw) for job in part), reverse=True)


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Keep Ctrl-C until the end: one that comes while a process is forked gets lost."""
    if not hasattr(signal, "pthread_sigmask"):
        yield  # Windows does not fork
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _alone(job: Job) -> Outcome:
    """Check one file in a process of its own: one of those left ended the last process."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    try:
        with ProcessPoolExecutor(1, initializer=_begin, initargs=(os.getpid(),)) as pool:
            return pool.submit(check, job).result()
    except BrokenProcessPool:
        return Outcome(job.path, problem=f"{job.path}: not checked, the parser crashed on it")


def _begin(parent: int) -> None:
    """Ctrl-C is the parent's to answer; a worker does not outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
