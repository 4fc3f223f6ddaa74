"""Findings as the protocol's diagnostics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from lsprotocol import types as lsp

from dladvise.advisor import Finding, Severity
from dladvise.advisor.ignores import MEASURABLE

from .analysis import Analysis
from .clients import Client
from .documents import Unit
from .measurements import Measurement
from .options import OFF, Options

SOURCE = "dladvise"
MEASURED = "measured"  # the code of what a measurement says

SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
    Severity.HINT: lsp.DiagnosticSeverity.Hint,
}
UNNECESSARY = frozenset({"DL003", "DL099"})  # an argument or comment without effect


def diagnostics(
    unit: Unit, analysis: Analysis, measurements: Mapping[str, Measurement], client: Client
) -> dict[str, list[lsp.Diagnostic]]:
    """Those of each document of a unit, in order of place; an empty list where there is none."""
    found: dict[str, list[lsp.Diagnostic]] = {one.uri: [] for one in unit.documents}
    text = analysis.source.text
    measured = [
        (loader, measurements[loader.key])
        for loader in analysis.loaders
        if loader.key in measurements
    ]
    settled = [loader.span for loader, one in measured if one.is_applied(text)]
    for finding in analysis.findings:
        if finding.rule.code in MEASURABLE and any(map(finding.span.overlaps, settled)):
            continue  # a measurement knows better
        uri, one = diagnostic(unit, finding, analysis.effective.options, client)
        found[uri].append(one)
    for loader, measurement in measured:
        if measurement.pays and measurement.is_news(text):
            place = unit.place(loader.callee)
            found[place.uri].append(
                lsp.Diagnostic(
                    range=place.range,
                    message=measurement.recommendation.reason,
                    severity=lsp.DiagnosticSeverity.Information,
                    code=MEASURED,
                    source=SOURCE,
                )
            )
    return found


def diagnostic(
    unit: Unit, finding: Finding, options: Options, client: Client
) -> tuple[str, lsp.Diagnostic]:
    """A finding with the URI of its document, as far as the client can show it."""
    rule = finding.rule
    place = unit.place(finding.span)
    severity = SEVERITY[finding.severity]
    if (wanted := options.severity.get(rule.code)) is not None and wanted != OFF:
        severity = SEVERITY[Severity[wanted.upper()]]
    related = [
        lsp.DiagnosticRelatedInformation(lsp.Location(*unit.place(one.span)), one.message)
        for one in finding.related
    ]
    return place.uri, lsp.Diagnostic(
        range=place.range,
        message=finding.message,
        severity=severity,
        code=rule.code,
        code_description=lsp.CodeDescription(rule.url) if client.code_descriptions else None,
        source=SOURCE,
        tags=[lsp.DiagnosticTag.Unnecessary] if rule.code in UNNECESSARY else None,
        related_information=related if related and client.related else None,
        data={"name": rule.name, "fixable": finding.fix is not None}
        if client.diagnostic_data
        else None,
    )


def result_id(items: list[lsp.Diagnostic]) -> str:
    """The same for the same diagnostics, in this process and the next."""
    parts = [(one.range, one.severity, one.code, one.message, *_related(one)) for one in items]
    text = repr(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def _related(item: lsp.Diagnostic) -> Iterator[object]:
    for one in item.related_information or ():
        yield one.message, one.location.uri, one.location.range
