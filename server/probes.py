"""Measurements that the editor starts: asked for, shown while they run, and ended in time."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from dladvise import interpreters, probe
from dladvise.advisor import Source
from dladvise.interpreters import Interpreter, InterpreterError
from dladvise.probe import Point, ProbeError, Recommendation, Request, Stage, Target
from dladvise.probe.request import DEFAULT_SECONDS
from dladvise.probe.results import UserCodeFailed

from .analysis import Analysis, Loader
from .consent import Consent
from .documents import Text
from .folders import Effective
from .measurements import Measurement, digest
from .neighbours import Neighbours

if TYPE_CHECKING:
    from .language_server import Server

TITLE = "Measuring the DataLoader"
STOP_S = 3.0  # for what runs to end when the server does
RUN, NOT_NOW = "Run", "Not now"


@dataclass(eq=False)
class Run:
    """A measurement that is under way. `words` say what it does now."""

    uri: str
    loader: str
    seconds: float
    token: lsp.ProgressToken | None = None
    words: str = "starting"
    begun: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: asyncio.Future[Recommendation] | None = None

    @property
    def percentage(self) -> int:
        """Of the time that it may take; it is often done much sooner."""
        return min(99, int(100 * (time.monotonic() - self.begun) / (self.seconds + 3)))


class Refused(Exception):
    """There is nothing to measure; the words say why."""


class Probes:
    """The measurements of one server, at most one for each loader at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._runs: list[Run] = []
        self._consent = Consent()

    def running(self, uri: str, loader: str) -> Run | None:
        """The run for a loader, by its key; None where there is none."""
        return next((one for one in self._runs if (one.uri, one.loader) == (uri, loader)), None)

    async def probe(self, arguments: list[Any], token: lsp.ProgressToken | None) -> Any:
        """The command: `uri` and a position in the construction, as a lens gives them.

        A third argument `{"wait": false}` is for clients that wait for the answer of a
        command and show nothing meanwhile: it comes at once, and messages tell the rest.
        """
        more = arguments[2] if len(arguments) > 2 else None
        if isinstance(more, dict) and more.get("wait") is False:
            self._server.soon(self._probe(arguments, token))
            return {"status": None}
        return await self._probe(arguments, token)

    async def _probe(self, arguments: list[Any], token: lsp.ProgressToken | None) -> Any:
        try:
            text, analysis, loader = await self._meant(arguments)
            running = self.running(text.uri, loader.key)
            if running is not None:
                raise Refused(f"this loader is being measured already: {running.words}")
            return await self._measured(text, analysis, loader, token)
        except Refused as refused:
            self._server.show(lsp.MessageType.Warning, str(refused))
            return {"status": probe.WrongUse.status, "error": str(refused)}

    def cancel(self, uri: str | None) -> int:
        """End the runs in a document, or all; how many those are is returned."""
        meant = [one for one in self._runs if uri is None or one.uri == uri]
        for one in meant:
            one.cancelled.set()
        return len(meant)

    def cancel_token(self, token: lsp.ProgressToken) -> None:
        """The user clicked on Cancel."""
        for one in self._runs:
            if one.token == token:
                one.cancelled.set()

    async def stop(self) -> None:
        """End everything, in order if that takes no more than some seconds."""
        for one in self._runs:
            one.cancelled.set()
        left = [one.done for one in self._runs if one.done is not None]
        if left:
            await asyncio.wait(left, timeout=STOP_S)

    async def _meant(self, arguments: list[Any]) -> tuple[Text, Analysis, Loader]:
        """What the command's arguments mean."""
        server = self._server
        uri, position = place_in(arguments)
        text = server.documents.unit(uri)
        if not isinstance(text, Text):
            if text is None:
                raise Refused(f"{uri} is not open: there is nothing to measure")
            raise Refused(
                "a notebook is not run; move what makes the loader into a function of a module, "
                "and measure that"
            )
        if text.path is None:
            raise Refused("save the file once: a script without a place cannot be run")
        if not server.folders.effective(text.path).options.trusted:
            raise Refused("this workspace is not trusted: nothing of it is run")
        analysis = await server.analysed(text)
        offset = text.document.offset(position)
        line = analysis.source.line_at(offset)
        found = []
        for one in analysis.loaders:
            first, last = analysis.source.lines_of(one.span)
            if first <= line <= last:
                found.append(one)
        if not found:
            raise Refused(f"no loader is constructed on line {line}")
        inner = [one for one in found if one.callee.start <= offset <= one.callee.end]
        return text, analysis, (inner or found)[0]

    async def _measured(
        self,
        text: Text,
        analysis: Analysis,
        loader: Loader,
        token: lsp.ProgressToken | None,
    ) -> Any:
        server = self._server
        effective = analysis.effective
        try:
            interpreter = _interpreter(effective, text)
        except InterpreterError as error:
            raise Refused(str(error)) from None
        request = _request(text, analysis, loader, interpreter)
        run = Run(text.uri, loader.key, request.seconds)
        self._runs.append(run)  # from here on, a second click is told so
        try:
            if effective.options.ask_before_probe:
                await self._ask(effective.root, request)
            run.begun = time.monotonic()
            run.token = await self._begin(token)
            if run.token is None:
                server.show(lsp.MessageType.Info, f"{TITLE}, for about {run.seconds:.0f} s")
            server.refresh_lenses()
            try:
                found = await self._in_thread(run, request)
            except ProbeError as error:
                return self._failed(run, error)
            measurement = await server.in_analyst(
                _measurement, analysis.source, loader, found, server.neighbours
            )
            assert text.path is not None
            server.measurements.add(text.path, measurement)
            self._end(run, found.reason)
            return {"status": 0, "found": found.json()}
        except asyncio.CancelledError:
            self._end(run, "cancelled")
            raise
        finally:
            self._runs.remove(run)
            server.refresh()

    async def _ask(self, root: Path, request: Request) -> None:
        """Ask once for every workspace before anything of it is run."""
        if self._consent.given(root):
            return
        words = (
            f"To measure the loader, dladvise runs {request.argv0} with {request.interpreter}: "
            "whatever the script does before its loader is read, it does. Run it?"
        )
        answers = [lsp.MessageActionItem(RUN), lsp.MessageActionItem(NOT_NOW)]
        params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, words, answers)
        try:
            answer = await self._server.window_show_message_request_async(params)
        except JsonRpcException:
            words = "this editor cannot ask whether it may be run: set askBeforeProbe to false"
            raise Refused(f"nothing was run, {words}") from None
        if answer is None or answer.title != RUN:
            raise Refused("nothing was run")
        self._consent.give(root)

    async def _in_thread(self, run: Run, request: Request) -> Recommendation:
        """Measure on a thread of its own; when this is cancelled, that is too."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Recommendation] = loop.create_future()
        run.done = done

        def tell(what: Stage | Point) -> None:
            loop.call_soon_threadsafe(self._told, run, what)

        def settle(found: Recommendation | None, error: BaseException | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                assert found is not None
                done.set_result(found)

        def measure() -> None:
            found, failure = None, None
            try:
                found = probe.measure(request, tell, run.cancelled.is_set)
            except BaseException as error:
                failure = error
            try:
                loop.call_soon_threadsafe(settle, found, failure)
            except RuntimeError:
                return  # the server has ended

        threading.Thread(target=measure, name="probe", daemon=True).start()
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            run.cancelled.set()
            await asyncio.wait([done], timeout=STOP_S)
            raise

    def _told(self, run: Run, what: Stage | Point) -> None:
        if isinstance(what, Stage):
            run.words = what.words
        else:
            from dladvise.render_probe import number  # only where something was measured

            n = what.num_workers
            rate = number(what.batches_per_s.value)
            run.words = f"{n} worker{'' if n == 1 else 's'}: {rate} batches/s"
        if run.token is not None:
            value = lsp.WorkDoneProgressReport(message=run.words, percentage=run.percentage)
            self._server.work_done_progress.report(run.token, value)
        else:
            self._server.log(f"{TITLE}: {run.words}")

    async def _begin(self, token: lsp.ProgressToken | None) -> lsp.ProgressToken | None:
        """Start to show progress: under the client's token, or one of ours if it can."""
        if token is None:
            if not self._server.client.progress:
                return None
            token = f"dladvise-{uuid.uuid4()}"
            params = lsp.WorkDoneProgressCreateParams(token)
            try:
                await self._server.window_work_done_progress_create_async(params)
            except JsonRpcException:
                return None
        value = lsp.WorkDoneProgressBegin(
            title=TITLE, message="starting", percentage=0, cancellable=True
        )
        self._server.work_done_progress.begin(token, value)
        return token

    def _end(self, run: Run, words: str) -> None:
        if run.token is None:
            self._server.show(lsp.MessageType.Info, words)
            return
        progress = self._server.work_done_progress
        progress.end(run.token, lsp.WorkDoneProgressEnd(message=words))
        progress.tokens.pop(run.token, None)
        run.token = None

    def _failed(self, run: Run, error: ProbeError) -> Any:
        words = str(error)
        if isinstance(error, probe.Cancelled):
            self._end(run, "cancelled")
            return {"status": error.status, "error": "cancelled"}
        if isinstance(error, UserCodeFailed) and error.traceback:
            self._server.log(error.traceback)
        if run.token is not None:
            self._end(run, "failed")
        self._server.show(lsp.MessageType.Error, words)
        return {"status": error.status, "error": words}


def place_in(arguments: list[Any]) -> tuple[str, lsp.Position]:
    """`uri, {line, character}`, or one object with `uri` and `position`."""
    uri: Any = arguments[0] if arguments else None
    position: Any = arguments[1] if len(arguments) > 1 else None
    if isinstance(uri, dict):
        position, uri = uri.get("position"), uri.get("uri")
    place: dict[str, Any] = position if isinstance(position, dict) else {}
    line, character = place.get("line"), place.get("character", 0)
    if not isinstance(uri, str) or not isinstance(line, int) or not isinstance(character, int):
        raise Refused("the command takes a URI and a position: {line, character}")
    if line < 0 or character < 0:
        raise Refused("lines and characters are counted from 0")
    return uri, lsp.Position(line, character)


def _interpreter(effective: Effective, text: Text) -> Interpreter:
    """The setting's, else the editor's, else the project's."""
    configured = interpreters.configured(effective.settings)
    if configured is not None:
        return configured
    word = effective.options.interpreter
    if word is not None:
        return interpreters.named(word, "the editor's interpreter", effective.root)
    assert text.path is not None
    return interpreters.found(text.path.parent)


def _request(text: Text, analysis: Analysis, loader: Loader, interpreter: Interpreter) -> Request:
    """What to measure: the loader of that call, in the text as it is in the editor."""
    settings, source = analysis.effective.settings, analysis.source
    first, last = source.lines_of(loader.span)
    line = source.line_at(loader.callee.start)
    before = [
        one
        for one in analysis.loaders
        if one.callee < loader.callee and first <= source.line_at(one.callee.start) <= last
    ]
    return Request(
        target=Target(path=text.path, line=line, nth=1 + len(before)),
        interpreter=interpreter.path,
        script=text.path,
        text=source.text,
        args=settings.args,
        lines=(first, last),
        cwd=analysis.effective.root,
        env={**os.environ, **dict(settings.env)},
        seconds=settings.seconds or DEFAULT_SECONDS,
    )


def _measurement(
    source: Source, loader: Loader, found: Recommendation, around: Neighbours
) -> Measurement:
    """What to keep; the text with the recommended settings is known from here on."""
    from dladvise.advisor.applying import CannotWrite  # libcst, which is there by now
    from dladvise.recommended import recommended

    try:
        written = recommended(source, loader.callee, found, around.project())
        applied = digest(source.edited(written.edits).text)
    except CannotWrite:
        applied = None
    return Measurement(loader.key, digest(source.text), applied, found)
