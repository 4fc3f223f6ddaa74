"""What is known of one construction of a loader, in words: for a terminal and for an editor."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dladvise.advisor import Finding, Rule, Source, Span, Target, all_rules
from dladvise.advisor.engine import reading
from dladvise.advisor.ignores import silenced
from dladvise.advisor.model import LoaderCall, Loop, Module
from dladvise.advisor.placing import placed
from dladvise.advisor.project import Project
from dladvise.advisor.torch_api import DEFAULTS
from dladvise.advisor.values import Case, Known, shown

from .considered import LOOPS, Watch

# Those that decide how it loads, in the order in which people think of them, and the others.
MAIN = ("dataset", "batch_size", "shuffle", "num_workers", "prefetch_factor", "persistent_workers",
        "pin_memory", "drop_last", "sampler", "batch_sampler", "collate_fn")  # fmt: skip
EVERY = (*MAIN, "worker_init_fn", "multiprocessing_context", "generator", "timeout")
MOST_CASES = 4  # that an argument can be
TAKES = {
    "for": "a loop over it",
    "comprehension": "a comprehension",
    "next": "next(iter(...))",
    "step": "next(...) on its iterator",
    "whole": "all of it at once",
}


def arguments(
    call: LoaderCall, names: Sequence[str] = EVERY, mark: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Those that are given, or that torch has a default for, with what each can be.

    `mark` stands around code.
    """
    for name in names:
        if name in call.arguments:
            cases = call.cases(name)[:MOST_CASES]
            yield name, list(dict.fromkeys(_words(case, mark) for case in cases))
        elif name in DEFAULTS and call.hidden:
            yield name, ["unknown: it may come from a * or ** that cannot be followed"]
        elif name in DEFAULTS:
            yield name, [f"{mark}{DEFAULTS[name]!r}{mark}, torch's default"]


# The branches of try and match, and whether a loop runs: no condition that somebody wrote.
_OF_A_STATEMENT = re.compile(r"(?:try|match|loop) \d+")


def _words(case: Case, mark: str) -> str:
    """`4, the default of --workers on line 12`."""
    words = f"{mark}{shown(case.what)}{mark}" if isinstance(case.what, Known) else shown(case.what)
    written = [one for one in case.given if not _OF_A_STATEMENT.match(one[0])]
    if written:
        conditions = sorted(key if holds else f"not {key}" for key, holds in written)
        words += f" where {mark}{' and '.join(conditions)}{mark}"
    return words if case.origin is None else f"{words}, {case.origin.words}"


@dataclass(frozen=True)
class Judged:
    """What a rule had to say on a construction: the findings, and whether a comment hides them.

    `last` is what it looked at last of the construction; None where it looked at nothing of it.
    """

    rule: Rule
    chosen: bool
    findings: tuple[Finding, ...] = ()
    suppressed: bool = False
    last: str | None = None


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of a construction, as far as rules ask for it."""

    source: Source
    call: LoaderCall
    loops: tuple[Loop, ...]
    judged: tuple[Judged, ...]

    def line(self, span: Span) -> int:
        return self.source.line_at(span.start)

    def spoken(self) -> list[Judged]:
        return [one for one in self.judged if one.findings]

    def silent(self, chosen: bool) -> list[Judged]:
        return [one for one in self.judged if not one.findings and one.chosen is chosen]


def explained(
    source: Source, callee: Span, target: Target, chosen: Sequence[Rule], project: Project
) -> Explanation:
    """What is known of the construction with that callee, and what each rule says on it."""
    module = reading()(source, target, None, project.imports(source.path))
    call = next(one for one in module.loaders if one.callee == callee)
    watch = Watch(module)
    judged = tuple(_judged(module, watch, call, rule, rule in chosen) for rule in all_rules())
    loops = tuple(loop for loop in module.loops if loop.loader is call)
    return Explanation(source, call, loops, judged)


def _judged(module: Module, watch: Watch, call: LoaderCall, rule: Rule, chosen: bool) -> Judged:
    found, last = watch.judgement(rule, call)
    placed_there = [placed(module, one) for one in found]
    left = silenced(module.source, placed_there, [rule])
    return Judged(rule, chosen, tuple(placed_there), bool(found) and not left, last)


def explanation_json(found: Explanation) -> dict[str, Any]:
    call = found.call
    return {
        "path": found.source.path,
        "line": found.line(call.callee),
        "class": call.class_name,
        "names": list(call.names),
        "function": call.function,
        "arguments": dict(arguments(call)),
        "dataset": None if call.dataset_class is None else call.dataset_class.name,
        "read_at": [
            {
                "line": found.line(loop.span),
                "kind": loop.kind,
                "epochs_line": None if loop.epochs is None else found.line(loop.epochs.span),
            }
            for loop in found.loops
        ],
        "rules": [
            {
                "code": one.rule.code,
                "name": one.rule.name,
                "chosen": one.chosen,
                "suppressed": one.suppressed,
                "messages": [finding.message for finding in one.findings],
                "looked_last_at": one.last,
            }
            for one in found.judged
        ],
    }


def explanation_text(found: Explanation) -> Iterator[tuple[str, list[str]]]:
    """Headings, each with its lines."""
    call = found.call
    rows = list(arguments(call))
    width = max((len(name) for name, _ in rows), default=0)
    yield "arguments", [f"{name:<{width}}  {' or '.join(words)}" for name, words in rows]
    yield "dataset", [_dataset(found)]
    yield (
        "read by",
        [_loop(found, loop) for loop in found.loops] or ["nothing that was found in this file"],
    )
    yield (
        "rules that speak",
        [line for one in found.spoken() for line in _spoken(found, one)] or ["none"],
    )
    silent = found.silent(chosen=True)
    yield (
        f"rules that were asked and are silent ({len(silent)}), by what they looked at last",
        list(_by_what_was_last(found, silent)),
    )
    off = found.silent(chosen=False)
    if off:
        yield "rules that are off", [_named(off)]


def _by_what_was_last(found: Explanation, silent: Sequence[Judged]) -> Iterator[str]:
    """`num_workers (0, torch's default): DL003, DL004`."""
    said = dict(arguments(found.call))
    groups: dict[str, list[Judged]] = {}
    for one in silent:
        groups.setdefault(one.last or "", []).append(one)
    for last in sorted(groups, key=lambda words: (not words, words)):
        if not last:
            yield f"nothing here is what they are about: {_named(groups[last])}"
        elif last == LOOPS:
            yield f"{last} ({len(found.loops) or 'none'}): {_named(groups[last])}"
        else:
            words = f" ({' or '.join(said[last])})" if last in said else ""
            yield f"{last}{words}: {_named(groups[last])}"


def _dataset(found: Explanation) -> str:
    call = found.call
    kind = {"map": "map-style", "iterable": "iterable", None: "of unknown kind"}[call.dataset_kind]
    if call.dataset_class is None:
        return f"no class that was found, {kind}"
    if call.dataset_class.path:
        where = f"of {os.path.relpath(call.dataset_class.path)}"
    else:
        where = f"on line {found.line(call.dataset_class.span)}"
    known = "" if call.dataset_class.bases_known else ", with bases of which not all is known"
    return f"{call.dataset_class.name} {where}, {kind}{known}"


def _loop(found: Explanation, loop: Loop) -> str:
    words = f"line {found.line(loop.span)}: {TAKES.get(loop.kind, loop.kind)}"
    if loop.epochs is not None:
        words += f", repeated by the loop on line {found.line(loop.epochs.span)}"
    if loop.rebuilt:
        words += ", the loader built anew each time"
    if loop.trains:
        words += ", which trains"
    return words


def _spoken(found: Explanation, one: Judged) -> Iterator[str]:
    for finding in one.findings:
        note = "" if one.chosen else " (off)"
        note = " (suppressed by a comment)" if one.suppressed else note
        line = found.line(finding.span)
        yield f"{one.rule.code} {finding.severity}, line {line}: {finding.message}{note}"


def _named(judged: Sequence[Judged]) -> str:
    return ", ".join(one.rule.code for one in judged) or "none"
