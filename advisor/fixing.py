"""Fixes that do not overlap, applied until nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .findings import Finding, Report, Safety
from .text import Edit, Source

ROUNDS = 10  # a fix may uncover another finding; more rounds than this is a rule's mistake


def fixed(
    report: Report,
    analyze: Callable[[Source], Report],
    allowed: frozenset[Safety] = frozenset({Safety.SAFE}),
) -> tuple[Report, tuple[Finding, ...]]:
    """The report of the repaired source, and the findings whose fixes were applied."""
    done: list[Finding] = []
    for _ in range(ROUNDS):
        taken, edits = compatible(report.findings, allowed)
        if not taken:
            break
        done += taken
        source = report.source
        report = analyze(source.edited(edits))
    return report, tuple(done)


def compatible(
    findings: Iterable[Finding], allowed: frozenset[Safety] = frozenset({Safety.SAFE})
) -> tuple[list[Finding], tuple[Edit, ...]]:
    """Those whose fixes can be applied together, first come first served, and their edits."""
    taken: list[Finding] = []
    edits: list[Edit] = []
    for finding in findings:
        if finding.fix is None or finding.fix.safety not in allowed:
            continue
        if any(_clash(new, old) for new in finding.fix.edits for old in edits):
            continue
        taken.append(finding)
        edits += [edit for edit in finding.fix.edits if edit not in edits]
    return taken, tuple(edits)


def _clash(new: Edit, old: Edit) -> bool:
    return new.span.overlaps(old.span) or (new.span == old.span and new != old)
