"""An editor for tests: a real client in conversation with a real server process."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import converters
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcMethodNotFound
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

from tests.front_door import environment

_T = TypeVar("_T")

CLIENTS = Path(__file__).parent / "clients"
LONGEST_S = 60.0  # for anything that is waited for
IMPORT = "from torch.utils.data import DataLoader\n"


def able(name: str = "vscode-1.139") -> lsp.ClientCapabilities:
    """What a real client says that it can do."""
    found = json.loads((CLIENTS / f"{name}.json").read_text(encoding="utf-8"))
    return converters.get_converter().structure(found["capabilities"], lsp.ClientCapabilities)


@dataclass
class Editor:
    """One window of an editor. `texts` are those of its open documents, by URI."""

    client: LanguageClient
    folder: Path
    pushed: bool  # diagnostics come unasked
    answer: str | None = "Run"  # to what the server asks; None: it cannot be asked
    texts: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    told: dict[str, lsp.PublishDiagnosticsParams] = field(default_factory=dict)
    asked: list[lsp.ShowMessageRequestParams] = field(default_factory=list)
    registered: list[lsp.Registration] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    partial: list[Any] = field(default_factory=list)
    result: lsp.InitializeResult | None = None

    @property
    def server(self) -> asyncio.subprocess.Process:
        assert self.client._server is not None
        return self.client._server

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str, language: str = "python") -> str:
        """Open a document, also on disk; its URI is returned."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        uri = self.uri(name)
        self.texts[uri], self.versions[uri] = text, 1
        item = lsp.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return uri

    def close(self, uri: str) -> None:
        del self.texts[uri]
        identifier = lsp.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(identifier))

    def replace(self, uri: str, old: str, new: str) -> None:
        """Type `new` in place of `old`, which is in the text once."""
        text = self.texts[uri]
        assert text.count(old) == 1, (old, text)
        at = text.index(old)
        self.edit(uri, lsp.Range(position(text, at), position(text, at + len(old))), new)

    def edit(self, uri: str, range_: lsp.Range, new: str) -> None:
        text = self.texts[uri]
        start, end = offset(text, range_.start), offset(text, range_.end)
        self.texts[uri] = text[:start] + new + text[end:]
        self.versions[uri] += 1
        identifier = lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        change = lsp.TextDocumentContentChangePartial(range_, new)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [change]))

    def set(self, uri: str, text: str) -> None:
        """Replace the whole text."""
        self.texts[uri] = text
        self.versions[uri] += 1
        identifier = lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [change]))

    # What the server says

    async def diagnostics(self, uri: str) -> list[lsp.Diagnostic]:
        """Those of the text as it is now."""
        if not self.pushed:
            report = await self.pull(uri)
            assert isinstance(report, lsp.RelatedFullDocumentDiagnosticReport)
            return list(report.items)
        # what is pushed has no mark for every client: an answered request comes after it
        await self.settled(uri)
        return list(self.told[uri].diagnostics) if uri in self.told else []

    async def settled(self, uri: str) -> None:
        """Wait until the server has told what it finds in the present text."""
        before = self.told.get(uri)
        for _ in range(2):
            await self.hover(uri, lsp.Position(0, 0))
        for _ in range(8):
            await asyncio.sleep(0.05)
            if self.told.get(uri) is not before:
                return

    async def pull(self, uri: str, known: str | None = None) -> Any:
        params = lsp.DocumentDiagnosticParams(
            lsp.TextDocumentIdentifier(uri), previous_result_id=known
        )
        return await soon(self.client.text_document_diagnostic_async(params))

    async def codes(self, uri: str) -> list[str]:
        return [str(one.code) for one in await self.diagnostics(uri)]

    async def actions(
        self,
        uri: str,
        range_: lsp.Range,
        only: list[lsp.CodeActionKind | str] | None = None,
        shown: list[lsp.Diagnostic] | None = None,
    ) -> list[lsp.CodeAction]:
        """Those that are there."""
        context = lsp.CodeActionContext(shown or [], only)
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), range_, context)
        found = await soon(self.client.text_document_code_action_async(params))
        return [
            one if isinstance(one, lsp.CodeAction) else _with_command(one) for one in found or []
        ]

    async def action(self, uri: str, range_: lsp.Range, title: str) -> lsp.CodeAction:
        """The one whose title begins so."""
        found = await self.actions(uri, range_)
        chosen = [one for one in found if one.title.startswith(title)]
        assert len(chosen) == 1, [one.title for one in found]
        return chosen[0]

    async def hover(self, uri: str, at: lsp.Position) -> str | None:
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), at)
        found = await soon(self.client.text_document_hover_async(params))
        if found is None:
            return None
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value

    async def lenses(self, uri: str) -> list[str]:
        """Their titles."""
        params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
        found = await soon(self.client.text_document_code_lens_async(params))
        return [one.command.title for one in found or [] if one.command is not None]

    async def hints(self, uri: str) -> list[str]:
        text = self.texts[uri]
        whole = lsp.Range(lsp.Position(0, 0), position(text, len(text)))
        params = lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), whole)
        found = await soon(self.client.text_document_inlay_hint_async(params))
        return [str(one.label) for one in found or []]

    async def command(self, name: str, *arguments: Any, token: str | None = None) -> Any:
        params = lsp.ExecuteCommandParams(name, list(arguments), token)
        return await soon(self.client.workspace_execute_command_async(params))

    async def probe(self, uri: str, token: str | None = None) -> Any:
        """Measure the first loader in the text."""
        at = position(self.texts[uri], self.texts[uri].index("DataLoader(") + 2)
        place = {"line": at.line, "character": at.character}
        return await self.command("dladvise.probe", uri, place, token=token)

    def apply(self, edit: lsp.WorkspaceEdit) -> None:
        """Make the edits, as an editor does: all at once, and for the version it has."""
        parts: list[tuple[str, Any]] = [*(edit.changes or {}).items()]
        for change in edit.document_changes or ():
            assert isinstance(change, lsp.TextDocumentEdit)
            version = change.text_document.version
            assert version in (None, self.versions[change.text_document.uri])
            parts.append((change.text_document.uri, change.edits))
        for uri, edits in parts:
            text = self.texts[uri]
            places = [
                (offset(text, one.range.start), offset(text, one.range.end), one.new_text)
                for one in edits
            ]
            for start, end, new in sorted(places, reverse=True):
                text = text[:start] + new + text[end:]
            self.set(uri, text)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the server tells by itself."""

        async def wait() -> None:
            while not condition():
                await asyncio.sleep(0.02)

        await asyncio.wait_for(wait(), LONGEST_S)

    async def comes_to(self, uri: str, *codes: str) -> None:
        """Wait until the diagnostics, asked for again and again, are those."""

        async def wait() -> None:
            while await self.codes(uri) != list(codes):
                await asyncio.sleep(0.02)

        await asyncio.wait_for(wait(), LONGEST_S)

    def messages(self) -> list[str]:
        return [one.message for one in self.client.messages]


def _with_command(found: lsp.Command) -> lsp.CodeAction:
    """An action with a command and no edit, which lsprotocol 2025.0 takes for a command."""
    command = found
    if found.command.startswith("{"):
        inner = ast.literal_eval(found.command)
        command = lsp.Command(inner["title"], inner["command"], arguments=inner["arguments"])
    return lsp.CodeAction(found.title, command=command)


async def soon(awaitable: Any) -> Any:
    """The result, or a failure where it takes too long."""
    return await asyncio.wait_for(awaitable, LONGEST_S)


def position(text: str, at: int) -> lsp.Position:
    """The position of an offset in UTF-16, which every client speaks."""
    before = text[:at].replace("\r\n", "\n").replace("\r", "\n")
    line = before.rpartition("\n")[2]
    return lsp.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)


def offset(text: str, at: lsp.Position) -> int:
    """The offset of a position in UTF-16."""
    lines = text.replace("\r\n", "\n\0").replace("\r", "\n").split("\n")
    start = sum(len(line) + 1 for line in lines[: at.line])
    line = lines[at.line] if at.line < len(lines) else ""
    start, line = (start + 1, line[1:]) if line.startswith("\0") else (start, line)
    units = line.encode("utf-16-le")[: 2 * at.character]
    return min(start + len(units.decode("utf-16-le")), len(text))


def everything(text: str) -> lsp.Range:
    return lsp.Range(lsp.Position(0, 0), position(text, len(text)))


@asynccontextmanager
async def editor(
    folder: Path,
    capabilities: lsp.ClientCapabilities | None = None,
    options: Any = None,
    configuration: Any = None,
    roots: list[Path] | None = None,
    **environ: str,
) -> AsyncIterator[Editor]:
    """An editor with a folder open; it is closed in good order."""
    capabilities = capabilities if capabilities is not None else able()
    options = {"debounceMs": 0} if options is None else options
    home = folder / ".home"
    variables = {
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        **environ,
    }
    made: list[Editor] = []

    def client() -> LanguageClient:
        made_client = LanguageClient(
            converter_factory=default_converter, configuration={"": {"dladvise": configuration}}
        )
        register_lsp_features(made_client, {**DEFAULT_CLIENT_FEATURES, **_heard(made)})
        return made_client

    command = [sys.executable, "-m", "dladvise", "server", "--stdio", "--clientProcessId=1"]
    config = ClientServerConfig(command, client, environment(**variables))
    started = await config.start()
    assert isinstance(started, LanguageClient)
    text_document = capabilities.text_document
    pulls = text_document is not None and text_document.diagnostic is not None
    one = Editor(started, folder, pushed=not pulls)
    made.append(one)
    roots = [folder] if roots is None else roots
    one.result = await soon(
        started.initialize_session(
            lsp.InitializeParams(
                capabilities=capabilities,
                root_uri=roots[0].as_uri() if roots else None,
                workspace_folders=[lsp.WorkspaceFolder(r.as_uri(), r.name) for r in roots],
                initialization_options=options,
            )
        )
    )
    one.pushed = one.result is None or one.result.capabilities.diagnostic_provider is None
    try:
        yield one
    finally:
        if one.server.returncode is None:
            await soon(started.shutdown_session())
        await soon(started.stop())  # type: ignore[no-untyped-call]


def _heard(made: list[Editor]) -> dict[str, Any]:
    """What an editor does with what the server says unasked."""

    def published(client: LanguageClient, params: lsp.PublishDiagnosticsParams) -> None:
        made[0].told[params.uri] = params

    def asked(
        client: LanguageClient, params: lsp.ShowMessageRequestParams
    ) -> lsp.MessageActionItem | None:
        if made[0].answer is None:
            raise JsonRpcMethodNotFound
        made[0].asked.append(params)
        titles = [one.title for one in params.actions or ()]
        answer = made[0].answer
        return lsp.MessageActionItem(answer) if answer in titles else None

    def registered(client: LanguageClient, params: lsp.RegistrationParams) -> None:
        made[0].registered += params.registrations

    def lenses(client: LanguageClient, params: None) -> None:
        made[0].refreshed.append("lenses")

    def hints(client: LanguageClient, params: None) -> None:
        made[0].refreshed.append("hints")

    def diagnostics(client: LanguageClient, params: None) -> None:
        made[0].refreshed.append("diagnostics")

    usual = DEFAULT_CLIENT_FEATURES[lsp.PROGRESS]

    def progress(client: LanguageClient, params: lsp.ProgressParams) -> None:
        if isinstance(params.value, dict) and "items" in params.value:
            made[0].partial.append(params.value)
        else:
            usual(client, params)

    return {
        lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: published,
        lsp.WINDOW_SHOW_MESSAGE_REQUEST: asked,
        lsp.CLIENT_REGISTER_CAPABILITY: registered,
        lsp.WORKSPACE_CODE_LENS_REFRESH: lenses,
        lsp.WORKSPACE_INLAY_HINT_REFRESH: hints,
        lsp.WORKSPACE_DIAGNOSTIC_REFRESH: diagnostics,
        lsp.PROGRESS: progress,
    }
