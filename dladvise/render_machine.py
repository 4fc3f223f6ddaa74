"""Findings for programs: JSON, GitHub's annotations, GitLab's code quality, JUnit's XML."""

from __future__ import annotations

import json
from dataclasses import asdict
from html import escape
from itertools import groupby

from dladvise.advisor import Severity

from .records import Record, fingerprints
from .result import Result, statistics

GITHUB = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
    Severity.HINT: "notice",
}
GITLAB = {
    Severity.ERROR: "critical",
    Severity.WARNING: "major",
    Severity.INFO: "minor",
    Severity.HINT: "info",
}


def as_json(result: Result) -> str:
    """One array of findings."""
    return json.dumps([record.as_json() for record in result.records], indent=2) + "\n"


def as_jsonl(result: Result) -> str:
    """One finding on each line."""
    return "".join(json.dumps(record.as_json()) + "\n" for record in result.records)


def statistics_json(result: Result) -> str:
    return json.dumps([asdict(count) for count in statistics(result.records)], indent=2) + "\n"


def as_github(result: Result) -> str:
    """Workflow commands that GitHub shows beside the changed lines."""
    return "".join(map(_annotation, result.records))


def as_gitlab(result: Result) -> str:
    """GitLab's code quality report."""
    issues = [
        {
            "check_name": record.name,
            "description": f"{record.code} {record.message}",
            "fingerprint": fingerprint,
            "severity": GITLAB[record.severity],
            "location": {
                "path": record.path.replace("\\", "/"),
                "positions": {
                    "begin": {"line": record.region.line, "column": record.region.column},
                    "end": {"line": record.region.end_line, "column": record.region.end_column},
                },
                # older versions of GitLab read this one
                "lines": {"begin": record.region.line, "end": record.region.end_line},
            },
        }
        for record, fingerprint in zip(result.records, fingerprints(result.records), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"


def as_junit(result: Result) -> str:
    """A suite for every file with findings, and a failed case for each of them."""
    n_failures = len(result.records)
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n']
    parts.append(
        f'<testsuites name="dladvise" tests="{n_failures or 1}" failures="{n_failures}">\n'
    )
    for path, group in groupby(result.records, key=lambda record: record.path):
        found = list(group)
        count = len(found)
        parts.append(
            f'  <testsuite name={_attribute(path)} tests="{count}" failures="{count}" '
            'errors="0" skipped="0">\n'
        )
        parts += map(_case, found)
        parts.append("  </testsuite>\n")
    if not result.records:
        parts.append(
            '  <testsuite name="dladvise" tests="1" failures="0" errors="0" skipped="0">\n'
            f'    <testcase name="{result.n_files} files" classname="dladvise"/>\n'
            "  </testsuite>\n"
        )
    parts.append("</testsuites>\n")
    return "".join(parts)


def _annotation(record: Record) -> str:
    region = record.region
    message = record.message
    properties = {"title": f"{record.code} {record.name}", "file": record.path.replace("\\", "/")}
    if region.cell is None:
        properties |= {"line": str(region.line), "col": str(region.column)}
        properties["endLine"] = str(region.end_line)
        if region.end_line == region.line:
            properties["endColumn"] = str(region.end_column)
    else:  # GitHub shows the notebook's JSON, whose lines are others
        message = f"cell {region.cell}, line {region.line}: {message}"
    listed = ",".join(f"{key}={_escaped_property(value)}" for key, value in properties.items())
    return f"::{GITHUB[record.severity]} {listed}::{_escaped(message)}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _case(record: Record) -> str:
    region = record.region
    classname = record.path.rpartition(".")[0] or record.path
    name = f"{record.code} {record.name} at {record.place.removeprefix(record.path + ':')}"
    text = f"{record.place}: {record.message}\n{record.url}"
    return (
        f"    <testcase name={_attribute(name)} classname={_attribute(classname)} "
        f'file={_attribute(record.path)} line="{region.line}">\n'
        f'      <failure type="{record.severity}" message={_attribute(record.message)}>'
        f"{escape(_allowed(text), quote=False)}</failure>\n"
        "    </testcase>\n"
    )


def _attribute(text: str) -> str:
    quoted = escape(_allowed(text)).replace("\n", "&#10;").replace("\r", "&#13;")
    return f'"{quoted}"'.replace("\t", "&#9;")


def _allowed(text: str) -> str:
    """The text without the characters that XML cannot hold in any way."""
    return "".join(
        char
        if char in "\t\n\r" or " " <= char < "\ud800" or "\ue000" <= char not in "\ufffe\uffff"
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
