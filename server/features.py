"""Which requests, notifications and commands the server knows, and who answers them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from dladvise.advisor import document
from dladvise.advisor.engine import forget
from dladvise.advisor.setting_values import find_rule
from dladvise.probe import Recommendation

from . import actions, hover, lenses
from .language_server import Server
from .probes import Refused, place_in
from .pulling import Workspace, document_diagnostics


def made() -> Server:
    """A server that knows everything it can; what the client can is seen when it comes."""
    server = Server()
    workspace = Workspace(server)

    @server.feature(lsp.INITIALIZE)
    def _initialize(params: lsp.InitializeParams) -> None:
        server.initialize(params)
        if server.client.pulls:
            _pulled(server, workspace)

    @server.feature(lsp.INITIALIZED)
    def _initialized(params: lsp.InitializedParams) -> None:
        server.initialized()

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def _saved(params: lsp.DidSaveTextDocumentParams) -> None:
        workspace.changed()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def _configured(params: lsp.DidChangeConfigurationParams) -> None:
        workspace.changed()
        server.soon(server.configure(params.settings))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _watched(params: lsp.DidChangeWatchedFilesParams) -> None:
        workspace.changed()
        if any(not change.uri.endswith(".py") for change in params.changes):
            server.refresh()
        server.soon(server.look_at_files())

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=list(actions.KINDS), resolve_provider=True),
    )
    async def _code_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction | lsp.Command]:
        unit = server.documents.unit(params.text_document.uri)
        found = [] if unit is None else await actions.code_actions(server, unit, params)
        if server.client.code_actions:
            return list(found)
        return [one.command for one in found if one.command is not None]

    @server.feature(lsp.CODE_ACTION_RESOLVE)
    async def _resolve(params: lsp.CodeAction) -> lsp.CodeAction:
        return await actions.resolved(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def _hover(params: lsp.HoverParams) -> lsp.Hover | None:
        unit = server.documents.unit(params.text_document.uri)
        return None if unit is None else await hover.hover(server, unit, params)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensOptions(resolve_provider=False))
    async def _lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        unit = server.documents.unit(params.text_document.uri)
        return [] if unit is None else await lenses.code_lenses(server, unit)

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT, lsp.InlayHintOptions(resolve_provider=False))
    async def _hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        unit = server.documents.unit(params.text_document.uri)
        return [] if unit is None else await lenses.inlay_hints(server, unit, params)

    _commands(server)
    return server


def _pulled(server: Server, workspace: Workspace) -> None:
    """Answer clients that ask for diagnostics."""

    @server.feature(
        lsp.TEXT_DOCUMENT_DIAGNOSTIC,
        lsp.DiagnosticOptions(
            identifier="dladvise", inter_file_dependencies=False, workspace_diagnostics=True
        ),
    )
    async def _document(params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
        return await document_diagnostics(server, params)

    @server.feature(lsp.WORKSPACE_DIAGNOSTIC)
    async def _workspace(params: lsp.WorkspaceDiagnosticParams) -> lsp.WorkspaceDiagnosticReport:
        return await workspace.diagnostics(params)


def _commands(server: Server) -> None:
    @server.command("dladvise.probe")
    async def _probe(arguments: list[Any], token: lsp.ProgressToken | None) -> Any:
        """Measure the loader at a place."""
        return await server.probes.probe(arguments, token)

    @server.command("dladvise.cancelProbe")
    async def _cancel(arguments: list[Any], token: lsp.ProgressToken | None) -> int:
        """End the measurements in a document, or all; how many those are is returned."""
        return server.probes.cancel(arguments[0] if arguments else None)

    @server.command("dladvise.showReport")
    async def _report(arguments: list[Any], token: lsp.ProgressToken | None) -> Any:
        """What was measured for the loader at a place, as Markdown and HTML, and on the screen.

        A third argument `{"notify": false}` is for clients that show it themselves.
        """
        return await _show_report(server, arguments)

    @server.command("dladvise.explain")
    async def _explain(arguments: list[Any], token: lsp.ProgressToken | None) -> str:
        """The document of a rule, as Markdown; its page is opened where the client can."""
        try:
            rule = find_rule(str(arguments[0] if arguments else ""))
        except ValueError as error:
            raise JsonRpcException(str(error), code=lsp.ErrorCodes.InvalidParams.value) from None
        if server.client.shows_documents:
            params = lsp.ShowDocumentParams(rule.url, external=True)
            server.soon(server.window_show_document_async(params))
        return document(rule)

    @server.command("dladvise.restart")
    async def _restart(arguments: list[Any], token: lsp.ProgressToken | None) -> None:
        """Forget everything that was read and begin anew."""
        forget()
        server.forget_all()
        await server.configure()


async def _show_report(server: Server, arguments: list[Any]) -> Any:
    from dladvise.render_probe import report  # few ask
    from dladvise.render_text import Paint
    from dladvise.report import page

    try:
        uri, position = place_in(arguments)
    except Refused as error:
        raise JsonRpcException(str(error), code=lsp.ErrorCodes.InvalidParams.value) from None
    more = arguments[2] if len(arguments) > 2 else None
    notify = not (isinstance(more, dict) and more.get("notify") is False)
    unit = server.documents.unit(uri)
    if unit is None:
        return None
    analysis = await server.analysed(unit)
    at = unit.span(uri, lsp.Range(position, position)).start
    known = server.measurements.of(unit.path)
    for loader in analysis.loaders:
        measurement = known.get(loader.key)
        if measurement is not None and loader.span.start <= at <= loader.span.end:
            found = _in_folder(measurement.recommendation, analysis.effective.root)
            lines = report(found, Paint.NONE, io.StringIO())
            markdown = "\n".join(["```", *lines, "```", ""])
            if notify:
                server.show(lsp.MessageType.Info, found.reason)
            return {
                "markdown": markdown,
                "html": page(found),
                "found": measurement.recommendation.json(),
            }
    server.show(lsp.MessageType.Info, "this loader was not measured yet")
    return None


def _in_folder(found: Recommendation, root: Path) -> Recommendation:
    """With its file named as it is in the folder that the editor shows."""
    path = found.target.path
    if path is None or not path.is_relative_to(root):
        return found
    return replace(found, target=found.target._replace(path=path.relative_to(root)))
