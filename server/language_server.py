"""The language server: what it keeps, when it analyses, and what it tells the client.

Nothing here waits: texts are analysed on one thread, the analyst, one after the other, and
measured on others. A newer text makes the analysis of an older one worthless; it is then
done once more before anybody hears of it.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from dladvise import __version__
from dladvise.advisor import Memory
from dladvise.advisor.engine import reading
from dladvise.advisor.modules import beside
from dladvise.advisor.settings import FILE_NAME, PYPROJECT

from . import diagnostics
from .analysis import Analysis, analysed
from .clients import Client
from .documents import Documents, Notebook, Text, Unit, path_of
from .folders import Effective, Folders
from .measurements import Measurements
from .neighbours import Neighbours
from .options import SECTION, read
from .probes import Probes
from .protocol import Protocol

_T = TypeVar("_T")

LOOK_S = 2.0  # between two looks at configuration files, where the client tells nothing
MOST_REMEMBERED = 4  # units; what is remembered of one takes more than its text
IDLE_S = 1.0  # without an analysis: nobody types
MOST_UNCOLLECTED = 200_000  # objects, made and not dropped since garbage was searched for
SWITCH_S = 0.001  # the analyst lets the event loop run so often
TYPING_S = 0.5  # without a change: nobody types, and other documents see what was typed
WATCHED_FILES = (f"**/{FILE_NAME}", f"**/{PYPROJECT}", "**/*.py")


class Server(LanguageServer):
    """One client's server."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(
            "dladvise",
            __version__,
            notebook_document_sync=lsp.NotebookDocumentSyncOptions(
                [
                    lsp.NotebookDocumentFilterWithNotebook(
                        "*", cells=[lsp.NotebookCellLanguage("python")]
                    )
                ]
            ),
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.client = Client()
        self.documents = Documents()
        self.folders = Folders()
        self.measurements = Measurements()
        self.neighbours = Neighbours()
        self.probes = Probes(self)
        self._analyst = ThreadPoolExecutor(1, thread_name_prefix="analyst")
        self._walker = ThreadPoolExecutor(1, thread_name_prefix="walker")
        self._analyses: dict[str, Analysis] = {}  # by the URI of a unit
        self._memories: dict[str, Memory] = {}  # of the units that were analysed last
        self._outdated: set[str] = set()  # units whose analysis saw what is not so any more
        self._at_work: dict[str, asyncio.Task[Analysis]] = {}
        self._publishing: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._initialization: Any = None
        self._collecting: asyncio.TimerHandle | None = None
        self._typing: asyncio.TimerHandle | None = None
        self.stopped = False

    # From the start to the end

    def initialize(self, params: lsp.InitializeParams) -> None:
        """Note what the client is and wants."""
        sys.setswitchinterval(SWITCH_S)
        self.client = Client.of(params.capabilities)
        self._initialization = params.initialization_options
        self.folders.configure(read(self._initialization))
        roots = [folder.uri for folder in params.workspace_folders or ()]
        if not roots and params.root_uri:
            roots = [params.root_uri]
        elif not roots and params.root_path:
            roots = [Path(params.root_path).as_uri()]
        for uri in roots:
            if (root := path_of(uri)) is not None:
                self.folders.add(root)
        self._analyst.submit(_prepare_to_read)  # libcst is there when the first text is

    def initialized(self) -> None:
        """The client may be asked from here on."""
        self.documents.encoding = (
            self.server_capabilities.position_encoding or lsp.PositionEncodingKind.Utf16
        )
        self.soon(self._prepare())

    async def _prepare(self) -> None:
        await self._register()
        await self.configure()
        if not self.client.watches:
            self.soon(self._look_for_changes())

    async def _register(self) -> None:
        """Ask the client to tell of changes, as far as it can."""
        wanted: list[tuple[str, Any]] = []
        if self.client.watches:
            patterns = [lsp.FileSystemWatcher(pattern) for pattern in WATCHED_FILES]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(patterns)
            wanted.append((lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options))
        if self.client.hears_configuration:
            wanted.append(
                (
                    lsp.WORKSPACE_DID_CHANGE_CONFIGURATION,
                    lsp.DidChangeConfigurationRegistrationOptions(SECTION),
                )
            )
        if not wanted:
            return
        registrations = [
            lsp.Registration(f"dladvise-{method}", method, options) for method, options in wanted
        ]
        try:
            await self.client_register_capability_async(lsp.RegistrationParams(registrations))
        except JsonRpcException as error:
            self.log(f"the client did not register {error}")

    async def configure(self, pushed: Any = None) -> None:
        """Read the editor's settings: those it pushes, or all it has when it is asked."""
        base = read(self._initialization)
        if self.client.configuration:
            items = [lsp.ConfigurationItem(section=SECTION)]
            roots = self.folders.roots
            items += [lsp.ConfigurationItem(root.as_uri(), SECTION) for root in roots]
            try:
                answers = await self.workspace_configuration_async(lsp.ConfigurationParams(items))
            except JsonRpcException:
                answers = [None] * len(items)
            for root, answer in zip((None, *roots), answers, strict=False):
                self.folders.configure(read(answer, base), root)
        else:
            if isinstance(pushed, dict):
                base = read(pushed.get(SECTION, pushed), base)
            for place in (None, *self.folders.roots):
                self.folders.configure(base, place)
        self.refresh()

    async def stop(self) -> None:
        """End everything that was started; a second call does nothing."""
        if self.stopped:
            return
        self.stopped = True
        for task in (*self._publishing.values(), *self._at_work.values(), *self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        for threads in (self._analyst, self._walker):
            threads.shutdown(wait=False, cancel_futures=True)
        await self.probes.stop()

    # Documents

    def opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._publish_soon(self.documents.open(params.text_document))
        self._typed()

    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        unit = self.documents.unit(params.text_document.uri)
        if unit is None:
            return
        for document in unit.documents:
            if document.uri == params.text_document.uri:
                document.change(params.content_changes)
                document.version = params.text_document.version
        self._publish_soon(unit)
        self._typed()

    def closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        self.documents.close(uri)
        self._forget(uri, [uri])
        self._typed()

    def notebook_opened(self, params: lsp.DidOpenNotebookDocumentParams) -> None:
        self._publish_soon(self.documents.open_notebook(params))

    def notebook_changed(self, params: lsp.DidChangeNotebookDocumentParams) -> None:
        unit = self.documents.units.get(params.notebook_document.uri)
        if unit is None:
            return
        before = {document.uri for document in unit.documents}
        self.documents.change_notebook(params)
        gone = before - {document.uri for document in unit.documents}
        self._clear(gone)
        self._publish_soon(unit)

    def notebook_closed(self, params: lsp.DidCloseNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        self._forget(uri, self.documents.close_notebook(uri))

    def folders_changed(self, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.removed:
            if (root := path_of(folder.uri)) is not None:
                self.folders.remove(root)
        for folder in params.event.added:
            if (root := path_of(folder.uri)) is not None:
                self.folders.add(root)
        self.soon(self.configure())

    def _forget(self, uri: str, documents: Iterable[str]) -> None:
        """Drop what is known of a unit, and take away what was told of it."""
        for tasks in (self._publishing, self._at_work):
            task: asyncio.Task[Any] | None = tasks.pop(uri, None)
            if task is not None:
                task.cancel()
        self._analyses.pop(uri, None)
        self._drop_memory(uri)
        self._outdated.discard(uri)
        self._clear(documents)

    def forget_all(self) -> None:
        """Drop every analysis; the next one reads everything anew."""
        self._analyses.clear()
        for uri in list(self._memories):
            self._drop_memory(uri)
        self.neighbours.forget_all()

    # Other modules

    def _typed(self) -> None:
        """Something was typed, or a document came or went."""
        if self._typing is not None:
            self._typing.cancel()
        self._typing = asyncio.get_running_loop().call_later(TYPING_S, self._typing_paused)

    def _typing_paused(self) -> None:
        self._typing = None
        if self.stopped:
            return
        texts = {
            str(unit.path): unit.source.text
            for unit in self.documents.units.values()
            if isinstance(unit, Text) and unit.path is not None
        }
        self.soon(self._see_anew(self.neighbours.typed(texts)))

    async def look_at_files(self) -> None:
        """See what has become of the files that analyses have seen."""
        changed, moved = await self.in_analyst(self.neighbours.changed_files)
        if moved:
            await self.in_analyst(self.neighbours.forget_all)
            self._outdate(self._analyses)
        else:
            await self._see_anew(changed)

    async def _see_anew(self, changed: frozenset[str]) -> None:
        """Read modules anew, and with them what depends on them."""
        if changed:
            await self.in_analyst(self.neighbours.forget, changed)
            subjects = changed | set(map(beside, changed))
            self._outdate(
                [
                    uri
                    for uri, analysis in self._analyses.items()
                    if any(one.place in subjects for one in analysis.seen)
                ]
            )

    def _outdate(self, uris: Iterable[str]) -> None:
        for uri in list(uris):
            self._drop_memory(uri)
            self._outdated.add(uri)
            if (unit := self.documents.units.get(uri)) is not None:
                self._publish_soon(unit)
        if self._outdated and self.client.pulls:
            self._ask(self.workspace_diagnostic_refresh_async)

    def _clear(self, documents: Iterable[str]) -> None:
        for uri in documents:
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    # Analyses

    async def analysed(self, unit: Unit) -> Analysis:
        """The analysis of the unit's text as it is now."""
        while True:
            known = self._analyses.get(unit.uri)
            effective = self.folders.effective(unit.path)
            if (
                known is not None
                and known.source is unit.source
                and known.effective == effective
                and unit.uri not in self._outdated
            ):
                return known
            task = self._at_work.get(unit.uri)
            if task is None:
                task = self.soon(self._analyse(unit, effective))
                self._at_work[unit.uri] = task
            await asyncio.shield(task)

    async def _analyse(self, unit: Unit, effective: Effective) -> Analysis:
        before = self._analyses.get(unit.uri)
        self._outdated.discard(unit.uri)
        try:
            memory = self.memory(unit.uri)
            around = self.neighbours if unit.path is not None else None
            analysis = await self.in_analyst(
                analysed, unit.source, effective, before, memory, around
            )
        except Exception as error:
            # a mistake of ours in one text: it has no findings, and the server goes on
            words = f"a mistake in dladvise, please report it ({error!r})"
            self.log(f"{unit.uri}: not checked, {words}")
            analysis = Analysis(unit.source, effective, (), ())
        finally:
            self._at_work.pop(unit.uri, None)
        if self.documents.units.get(unit.uri) is unit:
            self._analyses[unit.uri] = analysis
        self._collect_soon()
        return analysis

    def memory(self, uri: str) -> Memory:
        """What analyses of a unit leave to the next; only of the units that are edited now."""
        memory = self._memories.pop(uri, None) or Memory()
        self._memories[uri] = memory  # the last one now
        if len(self._memories) > MOST_REMEMBERED:
            self._drop_memory(next(iter(self._memories)))
        return memory

    def _drop_memory(self, uri: str) -> None:
        """Let go of it; an analysis that has it may still go on."""
        memory = self._memories.pop(uri, None)
        if memory is not None and not self.stopped:
            self._analyst.submit(memory.clear)

    def _collect_soon(self) -> None:
        """Prepare for edits and search for garbage when nobody waits: both take their time."""
        if self._collecting is not None:
            self._collecting.cancel()
        pause = 0.0 if gc.get_count()[0] > MOST_UNCOLLECTED else IDLE_S
        self._collecting = asyncio.get_running_loop().call_later(pause, self._collect)

    def _collect(self) -> None:
        self._collecting = None
        if not self.stopped:
            for memory in self._memories.values():
                self._analyst.submit(memory.prepare)
            self._analyst.submit(gc.collect)

    async def in_analyst(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call it on the analyst's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._analyst, function, *arguments)

    async def in_walker(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call it on the thread that looks through folders: nobody who types waits for that."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._walker, function, *arguments)

    # What is told

    def pushes(self, unit: Unit) -> bool:
        """Reports whether diagnostics are told unasked: clients do not pull those of cells."""
        return not self.client.pulls or isinstance(unit, Notebook)

    def diagnostics_of(self, unit: Unit, analysis: Analysis) -> dict[str, list[lsp.Diagnostic]]:
        """The diagnostics of each document of a unit."""
        known = self.measurements.of(unit.path)
        return diagnostics.diagnostics(unit, analysis, known, self.client)

    def _publish_soon(self, unit: Unit) -> None:
        """Analyse and tell after the debounce; the first result of a unit at once."""
        if not self.pushes(unit):
            return
        earlier = self._publishing.pop(unit.uri, None)
        if earlier is not None:
            earlier.cancel()
        task = self.soon(self._publish(unit, first=unit.uri not in self._analyses))
        self._publishing[unit.uri] = task
        task.add_done_callback(lambda _: self._published(unit.uri, task))

    def _published(self, uri: str, task: asyncio.Task[None]) -> None:
        if self._publishing.get(uri) is task:
            del self._publishing[uri]

    async def _publish(self, unit: Unit, first: bool) -> None:
        if not first:
            delay = self.folders.effective(unit.path).options.debounce_ms
            await asyncio.sleep(delay / 1000)
        analysis = await self.analysed(unit)
        self.tell_problems()
        found = self.diagnostics_of(unit, analysis)
        for document in unit.documents:
            version = document.version if self.client.versions else None
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(document.uri, found.get(document.uri, []), version)
            )

    def refresh(self) -> None:
        """Something beside the texts has changed: everything that was told is told anew."""
        self.tell_problems()
        if self.client.pulls:
            self._ask(self.workspace_diagnostic_refresh_async)
        for unit in list(self.documents.units.values()):
            self._publish_soon(unit)
        self.refresh_lenses()

    def refresh_lenses(self) -> None:
        """Lenses and hints say something else than before."""
        if self.client.refreshes_lenses:
            self._ask(self.workspace_code_lens_refresh_async)
        if self.client.refreshes_hints:
            self._ask(self.workspace_inlay_hint_refresh_async)

    def _ask(self, request: Callable[[None], Awaitable[Any]]) -> None:
        async def asked() -> None:
            try:
                await request(None)
            except JsonRpcException:
                return

        if not self.stopped:
            self.soon(asked())

    async def _look_for_changes(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self.folders.is_stale():
                self.refresh()
            await self.look_at_files()

    def tell_problems(self) -> None:
        """What is wrong with a configuration, each thing once."""
        problems, self.folders.problems = self.folders.problems, []
        for problem in dict.fromkeys(problems):
            self.show(lsp.MessageType.Warning, problem)

    def show(self, type_: lsp.MessageType, words: str) -> None:
        """Tell the user."""
        self.window_show_message(lsp.ShowMessageParams(type_, f"dladvise: {words}"))
        self.log(words)

    def log(self, words: str) -> None:
        """Note it where a user looks when something is odd."""
        self.window_log_message(lsp.LogMessageParams(lsp.MessageType.Log, words))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """No pop-up for a mistake of ours: one a keystroke would be unbearable."""
        self.log(f"{getattr(source, '__name__', source)}: {error!r}")

    def soon(self, coroutine: Any) -> asyncio.Task[Any]:
        """Run it beside everything else; what it raises is noted."""
        task: asyncio.Task[Any] = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log(f"a mistake in dladvise, please report it: {error!r}")


def _prepare_to_read() -> None:
    reading()
    gc.freeze()  # what was imported is not garbage
