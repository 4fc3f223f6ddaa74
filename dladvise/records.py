"""A finding in the terms of files and lines: what every output format, the cache and the
baseline speak. The one place that turns a finding into the JSON of the contract.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dladvise.advisor import Edit, Finding, Fix, Report, Rule, Safety, Severity, Source, Span
from dladvise.advisor.findings import url

EXCERPT_LINES = 12  # a longer finding is shown by its first and last line alone


@dataclass(frozen=True)
class Region:
    """A place, lines and columns from 1, the end not included; `cell` is a notebook's."""

    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None

    def as_json(self) -> dict[str, Any]:
        place = {
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
        }
        return place if self.cell is None else {"cell": self.cell, **place}


@dataclass(frozen=True)
class RelatedPlace:
    """Another place that explains a finding, with the text of its line."""

    path: str
    region: Region
    message: str
    text: str


@dataclass(frozen=True)
class Replacement:
    """One edit of a fix."""

    region: Region
    text: str


@dataclass(frozen=True)
class Repair:
    """A fix."""

    title: str
    safe: bool
    edits: tuple[Replacement, ...]


@dataclass(frozen=True)
class Record:
    """A finding in a file. `lines` is the text of the lines that it covers."""

    code: str
    name: str
    severity: Severity
    message: str
    path: str
    region: Region
    related: tuple[RelatedPlace, ...]
    fix: Repair | None
    lines: tuple[str, ...]

    @property
    def url(self) -> str:
        return url(self.name)

    @property
    def place(self) -> str:
        """`train.py:12:14`, or `train.ipynb:cell 3:1:14`."""
        cell = "" if self.region.cell is None else f"cell {self.region.cell}:"
        return f"{self.path}:{cell}{self.region.line}:{self.region.column}"

    def as_json(self) -> dict[str, Any]:
        """The object that the output formats json and jsonl promise."""
        place = self.region.as_json()
        place.pop("cell", None)
        return {
            "code": self.code,
            "name": self.name,
            "severity": str(self.severity),
            "message": self.message,
            "path": self.path,
            "cell": self.region.cell,
            **place,
            "related": [_related_json(related) for related in self.related],
            "fix": None if self.fix is None else _fix_json(self.fix),
            "url": self.url,
        }


def records(report: Report) -> tuple[Record, ...]:
    """The findings of a report."""
    return tuple(record(finding, report.source) for finding in report.findings)


def record(finding: Finding, source: Source) -> Record:
    rule: Rule = finding.rule
    return Record(
        code=rule.code,
        name=rule.name,
        severity=finding.severity,
        message=finding.message,
        path=source.path,
        region=region(source, finding.span),
        related=tuple(
            RelatedPlace(
                source.path,
                region(source, related.span),
                related.message,
                source.line(source.line_at(related.span.start)),
            )
            for related in finding.related
        ),
        fix=None if finding.fix is None else _repair(finding.fix, source),
        lines=_lines(source, finding.span),
    )


def region(source: Source, span: Span) -> Region:
    start, end = source.position(span.start), source.position(span.end)
    return Region(start.line, start.column, end.line, end.column, start.cell)


def fingerprints(found: Iterable[Record]) -> list[str]:
    """A key for each finding that stays when lines move, and is no other finding's."""
    import hashlib  # the formats for people have no fingerprints

    seen: Counter[str] = Counter()
    keys = []
    for entry in found:
        text = entry.lines[0].strip() if entry.lines else ""
        base = "\0".join((entry.path.replace("\\", "/"), entry.code, text))
        seen[base] += 1
        key = f"{base}\0{seen[base]}".encode("utf-8", "surrogateescape")
        keys.append(hashlib.blake2b(key, digest_size=16).hexdigest())
    return keys


def from_json(entry: dict[str, Any], lines: list[str], texts: list[str]) -> Record:
    """The record that `as_json` wrote; `texts` are the lines of the related places."""
    return Record(
        code=entry["code"],
        name=entry["name"],
        severity=Severity[entry["severity"].upper()],
        message=entry["message"],
        path=entry["path"],
        region=_region_from(entry),
        related=tuple(
            RelatedPlace(
                related["path"], _region_from({**_END, **related}), related["message"], text
            )
            for related, text in zip(entry["related"], texts, strict=True)
        ),
        fix=None if entry["fix"] is None else _fix_from(entry["fix"]),
        lines=tuple(lines),
    )


_END = {"end_line": 0, "end_column": 0}


def _repair(fix: Fix, source: Source) -> Repair:
    def replacement(edit: Edit) -> Replacement:
        return Replacement(region(source, edit.span), edit.new)

    return Repair(fix.title, fix.safety is Safety.SAFE, tuple(map(replacement, fix.edits)))


def _lines(source: Source, span: Span) -> tuple[str, ...]:
    first, last = source.lines_of(span)
    if last - first >= EXCERPT_LINES:
        return (source.line(first), source.line(last))
    return tuple(source.line(number) for number in range(first, last + 1))


def _related_json(related: RelatedPlace) -> dict[str, Any]:
    place = related.region.as_json()
    return {
        "path": related.path,
        **{key: value for key, value in place.items() if not key.startswith("end_")},
        "message": related.message,
    }


def _fix_json(fix: Repair) -> dict[str, Any]:
    return {
        "title": fix.title,
        "safe": fix.safe,
        "edits": [{**edit.region.as_json(), "text": edit.text} for edit in fix.edits],
    }


def _fix_from(entry: dict[str, Any]) -> Repair:
    edits = (Replacement(_region_from(edit), edit["text"]) for edit in entry["edits"])
    return Repair(entry["title"], entry["safe"], tuple(edits))


def _region_from(entry: dict[str, Any]) -> Region:
    return Region(
        entry["line"],
        entry["column"],
        entry["end_line"],
        entry["end_column"],
        entry.get("cell"),
    )
