"""Quick fixes: what the rules offer, suppressions, explanations, and measured settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from dladvise.advisor import Edit, Finding, Fix, Report, Safety, Source, Span, analyze, fixed
from dladvise.advisor.fixing import compatible
from dladvise.advisor.ignores import MEASURABLE, ignoring, ignoring_in_file

from .analysis import Analysis
from .diagnostics import MEASURED, SOURCE
from .documents import Notebook, Unit
from .measurements import Measurement

if TYPE_CHECKING:
    from .language_server import Server

FIX_ALL = "source.fixAll.dladvise"
NOTEBOOK_FIX_ALL = "notebook.source.fixAll.dladvise"
KINDS = (lsp.CodeActionKind.QuickFix, FIX_ALL, NOTEBOOK_FIX_ALL)
UNSAFE = "dladvise.unsafe"


async def code_actions(
    server: Server, unit: Unit, params: lsp.CodeActionParams
) -> list[lsp.CodeAction]:
    """What can be done about the code in a range."""
    analysis = await server.analysed(unit)
    span = unit.span(params.text_document.uri, params.range)
    only = params.context.only
    found: list[lsp.CodeAction] = []
    if _wanted(lsp.CodeActionKind.QuickFix, only):
        offered = _Offer(server, unit, analysis, params)
        for finding in _touched(analysis.findings, span):
            found += offered.about(finding)
        found += await offered.about_loaders(span)
    kind = NOTEBOOK_FIX_ALL if isinstance(unit, Notebook) else FIX_ALL
    if _wanted(kind, only) and any(_is_safe(one.fix) for one in analysis.findings):
        action = lsp.CodeAction("Fix all that dladvise can fix safely", kind=kind)
        if server.client.resolves_edits:
            action.data = {"uri": params.text_document.uri}
            found.append(action)
        else:
            found.append(await resolved(server, action, unit))
    return found


async def resolved(
    server: Server, action: lsp.CodeAction, unit: Unit | None = None
) -> lsp.CodeAction:
    """An action with the edit that is too costly to work out before it is chosen."""
    if unit is None:
        data = action.data if isinstance(action.data, dict) else {}
        unit = server.documents.unit(str(data.get("uri")))
    if unit is not None and action.edit is None:
        edits = await server.in_analyst(_all_fixed, await server.analysed(unit))
        action.edit = workspace_edit(server, unit, edits)
    return action


def workspace_edit(
    server: Server, unit: Unit, edits: Iterable[Edit], unsafe: str | None = None
) -> lsp.WorkspaceEdit:
    """Edits for the versions that the client has, where it can tell; `unsafe` says what of."""
    by_uri: dict[str, tuple[int | None, list[lsp.TextEdit]]] = {}
    for document, edit in unit.parts(edits):
        by_uri.setdefault(document.uri, (document.version, []))[1].append(edit)
    if not server.client.document_changes:
        return lsp.WorkspaceEdit(changes={uri: edits for uri, (_, edits) in by_uri.items()})
    annotate = unsafe is not None and server.client.annotations
    annotations = None
    if annotate:
        assert unsafe is not None
        words = "may change what the program computes"
        annotations = {UNSAFE: lsp.ChangeAnnotation(unsafe, True, words)}
    changes = []
    for uri, (version, texts) in by_uri.items():
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, version)
        marked = [
            lsp.AnnotatedTextEdit(UNSAFE, one.range, one.new_text) if annotate else one
            for one in texts
        ]
        changes.append(lsp.TextDocumentEdit(identifier, marked))
    return lsp.WorkspaceEdit(document_changes=changes, change_annotations=annotations)


class _Offer:
    """The actions for one request."""

    def __init__(
        self, server: Server, unit: Unit, analysis: Analysis, params: lsp.CodeActionParams
    ) -> None:
        self.server = server
        self.unit = unit
        self.analysis = analysis
        self.shown = params.context.diagnostics

    def about(self, finding: Finding) -> Iterator[lsp.CodeAction]:
        """What can be done about a finding, the best first."""
        rule = finding.rule
        meant = self._diagnostics(finding.span, rule.code)
        if finding.fix is not None:
            yield self._fix(finding.fix, meant, preferred=_is_safe(finding.fix))
        for fix in finding.alternatives:
            yield self._fix(fix, meant)
        if _is_safe(finding.fix):
            alike = [f for f in self.analysis.findings if f.rule is rule and _is_safe(f.fix)]
            if len(alike) > 1:
                _, edits = compatible(alike)
                title = f"Fix all {len(alike)} of {rule.code} ({rule.name})"
                yield self._action(title, meant, edits)
        source = self.analysis.source
        here = ignoring(source, [finding])
        if here:
            yield self._action(f"Ignore {rule.code} here", meant, here)
        in_file = ignoring_in_file(source, rule.code)
        if in_file is not None:
            words = "in this notebook" if isinstance(self.unit, Notebook) else "in this file"
            yield self._action(f"Ignore {rule.code} {words}", meant, (in_file,))
        yield lsp.CodeAction(
            f"Explain {rule.code} ({rule.name})",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=meant or None,
            command=lsp.Command("Explain", "dladvise.explain", arguments=[rule.code]),
        )

    async def about_loaders(self, span: Span) -> list[lsp.CodeAction]:
        """To measure the loaders that are touched, and to write what was measured."""
        if isinstance(self.unit, Notebook) or self.unit.path is None:
            return []
        if not self.analysis.effective.options.trusted:
            return []
        found = []
        known = self.server.measurements.of(self.unit.path)
        for loader in self.analysis.loaders:
            if loader.span.end < span.start or span.end < loader.span.start:
                continue
            if (measurement := known.get(loader.key)) is not None:
                found += await self._measured(loader.callee, measurement)
            meant = [one for code in MEASURABLE for one in self._diagnostics(loader.span, code)]
            place = self.unit.place(loader.callee)
            again = "again" if measurement is not None else "on this machine"
            found.append(
                lsp.CodeAction(
                    f"Measure the best num_workers {again}",
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=meant or None,
                    command=probe_command(self.server, "Probe", place.uri, place.range.start),
                )
            )
        return found

    async def _measured(self, callee: Span, measurement: Measurement) -> list[lsp.CodeAction]:
        from dladvise.advisor.applying import CannotWrite  # libcst, which is there by now
        from dladvise.recommended import recommended

        source = self.analysis.source
        found = measurement.recommendation
        if not measurement.is_news(source.text):
            return []
        title = f"Write the measured {found.arguments}"
        meant = self._diagnostics(callee, MEASURED)
        try:
            around = self.server.neighbours
            written = await self.server.in_analyst(
                lambda: recommended(source, callee, found, around.project())
            )
        except CannotWrite as error:
            if not self.server.client.disabled_actions:
                return []
            disabled = lsp.CodeActionDisabled(f"not safe to write: {error}")
            kind = lsp.CodeActionKind.QuickFix
            return [lsp.CodeAction(title, kind=kind, disabled=disabled)]
        return [self._action(title, meant, written.edits, preferred=True)]

    def _fix(
        self, fix: Fix, meant: list[lsp.Diagnostic], preferred: bool = False
    ) -> lsp.CodeAction:
        unsafe = None if _is_safe(fix) else fix.title
        title = fix.title if unsafe is None else f"{fix.title} (may change results)"
        return self._action(title, meant, fix.edits, preferred, unsafe)

    def _action(
        self,
        title: str,
        meant: list[lsp.Diagnostic],
        edits: Iterable[Edit],
        preferred: bool = False,
        unsafe: str | None = None,
    ) -> lsp.CodeAction:
        return lsp.CodeAction(
            title,
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=meant or None,
            is_preferred=True if preferred and self.server.client.preferred_actions else None,
            edit=workspace_edit(self.server, self.unit, edits, unsafe),
        )

    def _diagnostics(self, span: Span, code: str) -> list[lsp.Diagnostic]:
        """Those that the client showed for a place and code."""
        place = self.unit.place(span)
        return [
            one
            for one in self.shown
            if one.source == SOURCE
            and one.code == code
            and place.range.start <= one.range.start <= place.range.end
        ]


def probe_command(server: Server, title: str, uri: str, position: lsp.Position) -> lsp.Command:
    """The command that measures the loader there."""
    arguments: list[Any] = [uri, {"line": position.line, "character": position.character}]
    if not server.client.progress:
        arguments.append({"wait": False})
    return lsp.Command(title, "dladvise.probe", arguments=arguments)


def _all_fixed(analysis: Analysis) -> tuple[Edit, ...]:
    """The edits that make every safe fix, again and again until nothing changes."""
    effective = analysis.effective

    def report_of(source: Source) -> Report:
        return analyze(source, effective.target, effective.rules)

    after, done = fixed(Report(analysis.source, analysis.findings), report_of)
    return analysis.source.edits_to(after.source) if done else ()


def _touched(findings: Iterable[Finding], span: Span) -> list[Finding]:
    """Those that a selection, or a bare cursor, touches."""
    return [one for one in findings if one.span.start <= span.end and span.start <= one.span.end]


def _is_safe(fix: Fix | None) -> bool:
    return fix is not None and fix.safety is Safety.SAFE


def _wanted(kind: str, only: Iterable[str] | None) -> bool:
    """Reports whether the client asks for this kind: for it, for one above it, or for all."""
    if only is None:
        return True
    return any(kind == one or kind.startswith(f"{one}.") for one in only)
