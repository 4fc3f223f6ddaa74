"""Whether findings stay while somebody types: functions of real files, retyped by character.

    python benchmarks/typing_replay.py [--cache DIR] [--show]

The files are all those of some packages, downloaded and never installed or run, that
construct a DataLoader and have findings. In each, one function after the other is deleted
and typed again, and every text on the way goes through the function that the language
server calls for every change, with what it knew of the last one. Counted is in how many
of those texts every finding outside of that function is where it belongs.

Some of those findings hang on the function: without it, the file is sound and does not have
them (a dataset whose __getitem__ is gone, a loader that nobody reads any more). They come
back when the function does, and are counted apart. The promise is about all others, in the
texts where there are any. It ends with status 1 where it is missed.
"""

from __future__ import annotations

import argparse
import ast
import gc
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.sources import CACHE, fetched
from dladvise.advisor import Finding, Source, Span
from dladvise.server.analysis import Analysis, analysed
from dladvise.server.folders import Effective, Folders
from dladvise.server.options import read

# Wheels that hold training scripts, not only a library.
PACKAGES = (
    "accelerate==1.15.0",
    "asteroid==0.7.0",
    "avalanche-lib==0.6.0",
    "opacus==1.6.0",
    "spikingjelly==2.0.0",
    "torch-geometric==2.8.1",
)
N_FUNCTIONS = 3  # of a file
MOST_STATES = 60  # of a function: a longer one is typed some characters at a time
# The machine that the code is taken to be for: one that most rules have something to say about.
TARGET = {
    "target.cores": 8,
    "target.gpu": True,
    "target.platforms": ["linux", "macos", "windows"],
}

# What the project promises.
KEPT_AT_LEAST = 0.98
LEAST_FILES = 20

_Place = tuple[str, Span]  # a rule's code, and where its finding stands


@dataclass(frozen=True)
class Script:
    """A real file with its findings."""

    package: str
    analysis: Analysis

    @property
    def text(self) -> str:
        return self.analysis.source.text


@dataclass
class Tally:
    """How many texts were looked at, and in how many no finding was missing."""

    n: int = 0
    n_broken: int = 0  # that could not be read as a whole
    n_with_all: int = 0  # with those that hang on the function, too
    n_judged: int = 0  # that had a finding to lose
    n_kept: int = 0
    n_judged_broken: int = 0
    n_kept_broken: int = 0
    missing: Counter[str] = field(default_factory=Counter)  # texts by the code that lacked

    def plus(self, other: Tally) -> Tally:
        """The sum of two."""
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def kept(self) -> float:
        """The share of the texts that had a finding to lose and lost none."""
        return self.n_kept / self.n_judged if self.n_judged else 1.0


def replayed(script: Script, function: Span) -> Tally:
    """Delete the function and type it again."""
    tally = Tally()
    before = script.analysis
    path, text = before.source.path, script.text
    outside = [one for one in before.findings if not _touches(one, function)]
    typed = text[function.start : function.end]
    staying: list[Finding] = []  # without the function
    for n_typed in _typed(len(typed)):
        now = text[: function.start] + typed[:n_typed] + text[function.end :]
        by = n_typed - len(typed)
        before = analysed(Source(path, now), before.effective, before)
        there = {(one.rule.code, one.span) for one in before.findings}
        gone = [one for one in outside if _place(one, function, by) not in there]
        if n_typed == 0:
            staying = [one for one in outside if one not in gone]
        tally.n += 1
        tally.n_broken += before.broken
        tally.n_with_all += not gone
        if staying:
            lost = {one.rule.code for one in gone if one in staying}
            tally.n_judged += 1
            tally.n_kept += not lost
            tally.n_judged_broken += before.broken
            tally.n_kept_broken += before.broken and not lost
            tally.missing.update(lost)
    return tally


def _typed(length: int) -> list[int]:
    """How much of a function stands there in each state, from nothing to all of it."""
    n_states = min(length, MOST_STATES - 1)
    return [round(length * state / n_states) for state in range(n_states + 1)]


def _touches(finding: Finding, function: Span) -> bool:
    return finding.span.start < function.end and finding.span.end > function.start


def _place(finding: Finding, function: Span, by: int) -> _Place:
    """Where it belongs while the function is `by` longer than it was."""
    behind = finding.span.start >= function.end
    return finding.rule.code, finding.span.moved(by) if behind else finding.span


def scripts(cache: Path, effective: Effective) -> Iterator[Script]:
    """The files with a loader, findings and a function to retype."""
    for requirement in PACKAGES:
        found = fetched(requirement, cache)
        for path in found.files():
            text = _text(path)
            if text is None or "DataLoader(" not in text:
                continue
            analysis = analysed(Source(str(path), text), effective, None)
            script = Script(f"{found.name} {found.version}", analysis)
            if analysis.loaders and not analysis.broken and functions(script):
                yield script


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def functions(script: Script) -> list[Span]:
    """The functions to retype, spread over the file: findings stand outside of each.

    A function begins with its first decorator and ends before the end of its last line.
    """
    starts = script.analysis.source.line_starts
    tree = ast.parse(script.text)
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    found = []
    for node in (node for body in bodies for node in body):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        last = script.analysis.source.line(node.end_lineno or node.lineno)
        end = starts[(node.end_lineno or node.lineno) - 1] + len(last)
        span = Span(starts[first - 1], end)
        if any(not _touches(one, span) for one in script.analysis.findings):
            found.append(span)
    found.sort()
    count = min(N_FUNCTIONS, len(found))
    return [found[len(found) * number // count] for number in range(count)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    parser.add_argument("--show", action="store_true", help="a line for every function")
    arguments = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}")
    begun = time.perf_counter()
    gc.disable()  # as the server does while somebody types
    with tempfile.TemporaryDirectory() as place:
        folders = Folders()
        folders.configure(read(TARGET))
        effective = folders.effective(Path(place, "train.py"))
    total, n_files, n_functions, n_findings = Tally(), 0, 0, 0
    print("\n| file | findings | functions | texts | broken | kept |\n|---|---|---|---|---|---|")
    for script in scripts(arguments.cache, effective):
        chosen, of_file = functions(script), Tally()
        for function in chosen:
            tally = replayed(script, function)
            of_file = of_file.plus(tally)
            gc.collect()
            if arguments.show:
                line = script.analysis.source.line_at(function.start)
                counts = f"{tally.n} texts, {tally.n_with_all} with all, {tally.kept:.1%} kept"
                print(f"  line {line}: {counts}, {dict(tally.missing)}")
        total = total.plus(of_file)
        n_files, n_functions = n_files + 1, n_functions + len(chosen)
        n_findings += len(script.analysis.findings)
        name = "/".join(Path(script.analysis.source.path).parts[-2:])
        counts = f"{len(script.analysis.findings)} | {len(chosen)} | {of_file.n}"
        share = f"{of_file.n_broken} | {of_file.kept:.1%}"
        print(f"| {script.package}: {name} | {counts} | {share} |", flush=True)
    kept, broken = total.kept, total.n_kept_broken / max(1, total.n_judged_broken)
    print(
        f"\n{n_files} files with {n_findings} findings, {n_functions} functions, {total.n} texts "
        f"in {time.perf_counter() - begun:.0f} s; {total.n_broken} cannot be read as a whole"
    )
    print(f"Every finding that does not hang on the function is there in {kept:.2%} of the")
    print(f"{total.n_judged} texts that have any; in {broken:.2%} of those that cannot be read.")
    print(f"Those that do come and go with it: all are there in {total.n_with_all / total.n:.2%}.")
    if total.missing:
        words = ", ".join(f"{code} {count}" for code, count in total.missing.most_common())
        print(f"Missing, in how many texts: {words}")
    missed = [
        f"{n_files} files, not {LEAST_FILES}" if n_files < LEAST_FILES else "",
        f"{kept:.2%}, not {KEPT_AT_LEAST:.0%}" if kept < KEPT_AT_LEAST else "",
    ]
    for words in filter(None, missed):
        print(f"missed: {words}")
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
