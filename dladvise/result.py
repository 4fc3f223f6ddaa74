"""What a check of many files came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dladvise.advisor import Rule, Severity

from .records import Record


@dataclass(frozen=True)
class Applied:
    """A fix that was made in a file."""

    path: str
    code: str
    name: str


@dataclass(frozen=True)
class Result:
    """The findings that are shown, and the counts of everything that is not.

    `problems` are the lines about files and configurations that could not be used.
    """

    records: tuple[Record, ...]
    n_files: int
    applied: tuple[Applied, ...] = ()
    problems: tuple[str, ...] = ()
    n_hints_hidden: int = 0
    n_in_baseline: int = 0

    def has_at_least(self, severity: Severity) -> bool:
        return any(severity <= record.severity for record in self.records)


@dataclass(frozen=True)
class RuleCount:
    """How often a rule's findings came up, and how many of them have a safe fix."""

    code: str
    name: str
    count: int
    fixable: int


def statistics(records: Iterable[Record]) -> list[RuleCount]:
    """The count of each rule, the most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    fixable: Counter[str] = Counter()
    for record in records:
        counts[record.code, record.name] += 1
        fixable[record.code] += record.fix is not None and record.fix.safe
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [RuleCount(code, name, count, fixable[code]) for (code, name), count in ordered]


def named(rules: Iterable[Rule]) -> dict[str, Rule]:
    return {rule.code: rule for rule in rules}
