"""What is known of a text: its findings and loaders, kept alive while somebody types.

Half-typed code cannot be read. What was found in the last text that could be read stays
outside of what was changed since, and moves with it: neither do findings flicker, nor do
new ones appear because the code that would refute them is being written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dladvise.advisor import Finding, Memory, Report, Source, Span, analyze
from dladvise.advisor.findings import Move
from dladvise.advisor.modules import Seen
from dladvise.advisor.text import changed

from .folders import Effective
from .neighbours import Neighbours


@dataclass(frozen=True)
class Loader:
    """A construction: `key` tells it from the others of its file, whatever line it is on.

    `behind_workers` is the offset behind its num_workers, where that is given in the call.
    What the advisor knows of it besides would keep the whole tree of the text in memory.
    """

    key: str
    callee: Span
    span: Span
    behind_workers: int | None


@dataclass(frozen=True)
class Analysis:
    """The findings and loaders of a source, in order of place.

    `seen` is what they depend on of other modules. `clean` is that of the last source that
    could be read as a whole, of this one where it can.
    """

    source: Source
    effective: Effective
    findings: tuple[Finding, ...]
    loaders: tuple[Loader, ...]
    broken: bool = False
    last_clean: Analysis | None = None
    seen: frozenset[Seen] = frozenset()

    @property
    def clean(self) -> Analysis | None:
        return self.last_clean if self.broken else self


def analysed(
    source: Source,
    effective: Effective,
    before: Analysis | None = None,
    memory: Memory | None = None,
    neighbours: Neighbours | None = None,
) -> Analysis:
    """The analysis of a source; `before` is that of the same document earlier."""
    if not effective.rules:
        return Analysis(source, effective, (), ())
    project = neighbours.project() if neighbours is not None else None
    report = analyze(source, effective.target, effective.rules, memory, project)
    clean = before.clean if before is not None else None
    if not report.broken or clean is None or clean.effective != effective:
        loaders = _loaders(report)
        return Analysis(
            source, effective, report.findings, loaders, report.broken, seen=report.seen
        )
    return _merged(report, effective, clean)


def _merged(report: Report, effective: Effective, clean: Analysis) -> Analysis:
    """Inside of what was changed what is found now, outside of it what was found before."""
    old, new = clean.source, report.source
    region = changed(old.text, new.text)
    by = len(new.text) - len(old.text)
    outside = Span(region.start, region.end - by)  # the same region in the old text

    def moved(span: Span) -> Span | None:
        if span.end <= outside.start:
            return span
        return span.moved(by) if span.start >= outside.end else None

    stays = (finding.moved(moved) for finding in clean.findings)
    findings = [finding for finding in stays if finding is not None]
    findings += [
        finding
        for finding in report.findings
        if (finding.span.start < region.end and finding.span.end > region.start)
        or region.start <= finding.span.start <= region.end
    ]
    loaders = [*_moved_loaders(clean.loaders, moved)]
    known = {loader.callee for loader in loaders}
    loaders += [
        loader
        for loader in _loaders(report)
        if loader.callee not in known and region.start <= loader.callee.start <= region.end
    ]
    return Analysis(
        new,
        effective,
        tuple(sorted(dict.fromkeys(findings), key=lambda one: (one.span.start, one.rule.code))),
        tuple(sorted(loaders, key=lambda one: one.callee.start)),
        broken=True,
        last_clean=clean,
        seen=report.seen | clean.seen,
    )


def _moved_loaders(loaders: Iterable[Loader], moved: Move) -> Iterator[Loader]:
    for loader in loaders:
        callee, span = moved(loader.callee), moved(loader.span)
        if callee is not None and span is not None:
            behind = loader.behind_workers
            if behind is not None:
                behind += span.start - loader.span.start
            yield replace(loader, callee=callee, span=span, behind_workers=behind)


def _loaders(report: Report) -> tuple[Loader, ...]:
    seen: Counter[str] = Counter()
    found = []
    for call in report.loaders:
        where = ".".join(filter(None, (call.in_class, call.function)))
        key = f"{where}:{','.join(call.names)}={call.class_name}"
        seen[key] += 1
        workers = call.arguments.get("num_workers")
        in_call = workers is not None and call.span.start <= workers.span.start < call.span.end
        behind = workers.span.end if workers is not None and in_call else None
        found.append(Loader(f"{key}#{seen[key]}", call.callee.fixed, call.span.fixed, behind))
    return tuple(found if report.move is None else _moved_loaders(found, report.move))
