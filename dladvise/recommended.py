"""Writes what a measurement recommends: its words to the arguments that the advisor writes."""

from __future__ import annotations

from dataclasses import replace

from dladvise.advisor import Edit, Source, Span, Target, analyze
from dladvise.advisor.applying import Workers, Written, writing
from dladvise.advisor.ignores import MEASURABLE, noting_measured
from dladvise.advisor.project import Project
from dladvise.probe import Recommendation, Settings


def recommended(source: Source, callee: Span, found: Recommendation, project: Project) -> Written:
    """The edits for the construction that was measured; CannotWrite says why there are none.

    Where a rule that has not measured would object, a comment tells it.
    """
    best, now = _workers(found.recommended), _workers(found.current)
    written = writing(source, callee, best, now, project.imports(source.path))
    loaders = analyze(source, chosen=(), project=project).loaders
    number = [call.callee for call in loaders].index(callee)
    after = source.edited(written.edits)
    note = _note(after, number, found.machine.usable_cores, project)
    if note is None:
        return written
    return replace(written, edits=source.edits_to(after.edited([note])))


def _note(source: Source, number: int, cores: int, project: Project) -> Edit | None:
    """The comment that a loader was measured, where a rule doubts it."""
    report = analyze(source, Target(cores), project=project)
    call = report.loaders[number]
    doubted = any(
        finding.rule.code in MEASURABLE and call.span.overlaps(finding.span)
        for finding in report.findings
    )
    return noting_measured(source, call.callee.start) if doubted else None


def _workers(settings: Settings) -> Workers:
    return Workers(settings.num_workers, settings.prefetch_factor, settings.persistent_workers)
