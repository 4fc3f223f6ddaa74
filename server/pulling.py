"""Diagnostics that the client asks for: of one document, and of the whole workspace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from dladvise import files, walk
from dladvise.advisor import Source
from dladvise.advisor.modules import Seen
from dladvise.files import FileError

from .analysis import analysed
from .diagnostics import diagnostics, result_id
from .documents import Document, Text, uri_of

if TYPE_CHECKING:
    from .language_server import Server

PAUSE_S = 30.0  # between two walks, where nobody tells of changes
AT_ONCE = 20  # files in one partial result


class Ended(Exception):
    """The client has left: nobody waits for the rest."""


_Stamp = tuple[int, int, object]  # of a file: its time, its size and its settings
_Known = tuple[_Stamp, str, list[lsp.Diagnostic], frozenset[Seen]]


async def document_diagnostics(
    server: Server, params: lsp.DocumentDiagnosticParams
) -> lsp.DocumentDiagnosticReport:
    """All of a document, or that they are what the client has already."""
    uri = params.text_document.uri
    unit = server.documents.unit(uri)
    items: list[lsp.Diagnostic] = []
    if unit is not None and not server.pushes(unit):
        analysis = await server.analysed(unit)
        items = server.diagnostics_of(unit, analysis).get(uri, [])
    server.tell_problems()
    known = result_id(items)
    if known == params.previous_result_id:
        return lsp.RelatedUnchangedDocumentDiagnosticReport(result_id=known)
    return lsp.RelatedFullDocumentDiagnosticReport(items=items, result_id=known)


class Workspace:
    """The findings of files that are not open, kept by what they were read from."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[str, _Known] = {}
        self._changed = asyncio.Event()
        self._walked = False

    def changed(self) -> None:
        """A file, or the settings, may be other than they were."""
        self._changed.set()

    async def diagnostics(
        self, params: lsp.WorkspaceDiagnosticParams
    ) -> lsp.WorkspaceDiagnosticReport:
        """What differs from what the client has, in parts where it takes them.

        The first request is answered at once; a later one when something has changed, as
        clients ask again and again.
        """
        if self._walked:
            with suppress(asyncio.TimeoutError):  # its own class until Python 3.11
                await asyncio.wait_for(self._changed.wait(), PAUSE_S)
        self._changed.clear()
        self._walked = True
        previous = {one.uri: one.value for one in params.previous_result_ids}
        seen = set()
        items: list[lsp.WorkspaceDocumentDiagnosticReport] = []
        async for uri, identifier, found in self._files():
            seen.add(uri)
            if previous.get(uri) == identifier:
                unchanged = lsp.WorkspaceUnchangedDocumentDiagnosticReport(uri, identifier)
                items.append(unchanged)
            elif found or uri in previous:
                items.append(
                    lsp.WorkspaceFullDocumentDiagnosticReport(uri, found, result_id=identifier)
                )
            if params.partial_result_token is not None and len(items) >= AT_ONCE:
                self._tell(params.partial_result_token, items)
                items = []
        gone = previous.keys() - seen
        items += [lsp.WorkspaceFullDocumentDiagnosticReport(uri, []) for uri in sorted(gone)]
        if params.partial_result_token is not None and items:
            self._tell(params.partial_result_token, items)
            items = []
        return lsp.WorkspaceDiagnosticReport(items)

    def _tell(
        self, token: lsp.ProgressToken, items: list[lsp.WorkspaceDocumentDiagnosticReport]
    ) -> None:
        part = lsp.WorkspaceDiagnosticReportPartialResult(items)
        self._server.progress(lsp.ProgressParams(token, part))

    async def _files(self) -> AsyncIterator[tuple[str, str, list[lsp.Diagnostic]]]:
        """Every file of the workspace that is not open, with its findings."""
        server = self._server
        for root in server.folders.roots:
            if not server.folders.effective(root / "any.py").options.workspace_diagnostics:
                continue
            paths = await server.in_walker(_walked, str(root), server)
            for path in paths:
                uri = uri_of(Path(path))
                if server.documents.unit(uri) is not None:
                    continue
                found = await self._file(uri, Path(path))
                if found is not None:
                    yield uri, *found

    async def _file(self, uri: str, path: Path) -> tuple[str, list[lsp.Diagnostic]] | None:
        server = self._server
        effective = server.folders.effective(path)
        try:
            status = os.stat(path)
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_size, effective)
        kept = self._known.get(uri)
        around = server.neighbours
        holds = kept is not None and kept[0] == stamp
        if kept is None or not holds or not await server.in_analyst(around.holds, kept[3]):
            source = await server.in_analyst(_read, path)
            items: list[lsp.Diagnostic] = []
            seen: frozenset[Seen] = frozenset()
            if source is not None:
                unit = Text(Document(uri, source, encoding=server.documents.encoding))
                analysis = await server.in_analyst(analysed, source, effective, None, None, around)
                items = diagnostics(unit, analysis, {}, server.client)[uri]
                seen = analysis.seen
            kept = self._known[uri] = stamp, result_id(items), items, seen
        return kept[1], kept[2]


def _walked(root: str, server: Server) -> list[str]:
    """The files of a folder that a check of it would look at; notebooks aside.

    Their cells are documents of the editor's own making, which it opens.
    """

    def excludes(folder: str, path: str) -> bool:
        if server.stopped:
            raise Ended
        return server.folders.excludes(Path(folder), Path(path))

    found = walk.found([root], excludes, lambda error: None)
    return [path for path in found if not path.endswith(files.NOTEBOOK)]


def _read(path: Path) -> Source | None:
    """The text of a file that matters; None for all others."""
    try:
        raw = files.contents(str(path))
        return files.decoded(str(path), raw).source if files.may_matter(raw) else None
    except FileError:
        return None
