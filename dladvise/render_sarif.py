"""Findings as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dladvise.advisor import Rule, Severity, all_rules, document

from . import __version__
from .records import Record, Region, fingerprints
from .result import Result, named

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://github.com/dladvise/dladvise"
LEVEL = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
    Severity.HINT: "note",
}
FINGERPRINT = "dladvise/v1"


def as_sarif(result: Result) -> str:
    """The log of one run."""
    codes = sorted({record.code for record in result.records})
    rules = named(all_rules())
    indexes = {code: index for index, code in enumerate(codes)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "dladvise",
                "version": __version__,
                "semanticVersion": __version__,
                "informationUri": HOME,
                "rules": [_rule(rules[code]) for code in codes if code in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": Path.cwd().as_uri() + "/"}},
        "invocations": [_invocation(result)],
        "results": [
            _result(record, indexes[record.code], key)
            for record, key in zip(result.records, fingerprints(result.records), strict=True)
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    text = document(rule)
    first = text.split("\n\n", 2)
    summary = " ".join(first[1].split()) if len(first) > 1 else rule.name
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "fullDescription": {"text": summary},
        "help": {"text": text, "markdown": text},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": LEVEL[rule.severity], "enabled": not rule.opt_in},
        "properties": {"tags": ["pytorch", "dataloader"]},
    }


def _invocation(result: Result) -> dict[str, Any]:
    return {
        "executionSuccessful": not result.problems,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": problem}} for problem in result.problems
        ],
    }


def _result(record: Record, index: int, fingerprint: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": record.code,
        "ruleIndex": index,
        "level": LEVEL[record.severity],
        "message": {"text": record.message},
        "locations": [_location(record.path, record.region)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if record.related:
        result["relatedLocations"] = [
            {
                "id": number,
                **_location(related.path, related.region),
                "message": {"text": related.message},
            }
            for number, related in enumerate(record.related, 1)
        ]
    if record.fix is not None and record.region.cell is None:
        replacements = [
            {"deletedRegion": _region(edit.region), "insertedContent": {"text": edit.text}}
            for edit in record.fix.edits
        ]
        change = {"artifactLocation": _artifact(record.path), "replacements": replacements}
        result["fixes"] = [{"description": {"text": record.fix.title}, "artifactChanges": [change]}]
    return result


def _location(path: str, region: Region) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(path)}
    if region.cell is None:
        return {"physicalLocation": {**place, "region": _region(region)}}
    # the lines of a cell are not those of the file that the region would be read in
    cell = f"cell {region.cell}, line {region.line}, column {region.column}"
    return {"physicalLocation": place, "logicalLocations": [{"name": cell, "kind": "cell"}]}


def _region(region: Region) -> dict[str, int]:
    return {
        "startLine": region.line,
        "startColumn": region.column,
        "endLine": region.end_line,
        "endColumn": region.end_column,
    }


def _artifact(path: str) -> dict[str, str]:
    if os.path.isabs(path):
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(path.replace("\\", "/")), "uriBaseId": "SRCROOT"}
