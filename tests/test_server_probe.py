"""Measuring from inside an editor: asked for, shown, ended, kept and written."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from tests.editor import Editor, able, editor, everything, position, soon

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

SLOW = """\
import time

from torch.utils.data import DataLoader, Dataset


class Waiting(Dataset):
    def __len__(self):
        return 4_000

    def __getitem__(self, index):
        time.sleep(0.004)
        return index


def main():
    loader = DataLoader(Waiting(), batch_size=8)
    for batch in loader:
        pass


if __name__ == "__main__":
    main()
"""
QUICK = {"debounceMs": 0, "probe": {"seconds": 4}}


def running(window: Editor) -> set[int]:
    """The processes that the server has started, and they."""
    try:
        started = psutil.Process(window.server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    return {one.pid for one in started if one.status() != psutil.STATUS_ZOMBIE}


async def gone(window: Editor, processes: set[int]) -> None:
    await window.until(lambda: not any(map(psutil.pid_exists, processes)))


async def under_way(window: Editor, uri: str) -> asyncio.Task[Any]:
    """A measurement that has begun to try settings."""
    task = asyncio.ensure_future(window.probe(uri))

    def tries() -> bool:
        return any(
            isinstance(one, lsp.WorkDoneProgressReport) and "num_workers" in (one.message or "")
            for reports in window.client.progress_reports.values()
            for one in reports
        )

    await window.until(lambda: tries() or task.done())
    assert not task.done(), task.result()
    return task


async def test_from_the_lens_to_the_written_setting(tmp_path: Path) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", SLOW.replace("0.004", "9.9"))
        window.replace(uri, "9.9", "0.004")  # what counts is what the editor shows
        answer = await window.probe(uri)
        assert answer["status"] == 0, answer
        n = answer["found"]["recommended"]["num_workers"]
        assert n > 1 and answer["found"]["speedup"]["value"] > 1.5
        [request] = window.asked
        assert str(tmp_path / "train.py") in request.message and "runs" in request.message
        shown_reports: Any = window.client.progress_reports
        [reports] = shown_reports.values()
        kinds = [one.kind for one in reports]
        assert kinds[0] == "begin" and kinds[-1] == "end" and kinds.count("report") > 3
        assert reports[0].cancellable
        assert any("batches/s" in (one.message or "") for one in reports)
        assert {"lenses", "hints", "diagnostics"} <= set(window.refreshed)

        measured, again = await window.lenses(uri)
        assert measured.startswith(f"measured {n} workers: ") and again == "probe again"
        assert await window.hints(uri) == [f"measured: {n}"]
        [told] = [one for one in await window.diagnostics(uri) if one.code == "measured"]
        assert told.severity == lsp.DiagnosticSeverity.Information
        callee = position(window.texts[uri], window.texts[uri].index("DataLoader(W"))
        shown = await window.hover(uri, callee)
        assert shown is not None and "| workers | batches/s |" in shown
        report = await window.command("dladvise.showReport", uri, place(callee))
        assert f"num_workers={n}" in report["markdown"]
        assert report["html"].startswith("<!doctype html>")
        assert "<h1>train.py:" in report["html"]

        write = await window.action(uri, told.range, "Write the measured num_workers=")
        assert write.is_preferred and write.edit is not None
        window.apply(write.edit)
        assert f"DataLoader(Waiting(), batch_size=8, num_workers={n}" in window.texts[uri]
        assert await window.codes(uri) == [], "what was measured, no rule doubts"
        assert await window.hints(uri) == []
        measured, _ = await window.lenses(uri)
        assert "changed since" not in measured, "it was measured for what is written now"
        window.replace(uri, "0.004", "0.040")
        measured, _ = await window.lenses(uri)
        assert measured.endswith("(code changed since)")

    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", SLOW)
        measured, _ = await window.lenses(uri)
        assert measured.startswith(f"measured {n} workers"), "it is kept on disk"
        window.replace(uri, "batch_size=8)", "batch_size = 8,  # eight\n    )")
        measured, _ = await window.lenses(uri)
        assert "changed since" not in measured, "blanks and comments change nothing"


def place(at: lsp.Position) -> dict[str, int]:
    return {"line": at.line, "character": at.character}


async def test_it_is_asked_once_and_no_is_an_answer(tmp_path: Path) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", SLOW)
        window.answer = "Not now"
        answer = await window.probe(uri)
        assert answer == {"status": 2, "error": "nothing was run"}
        assert window.client.progress_reports == {} and running(window) == set()
        window.answer = "Run"
        for _ in range(2):
            task = await under_way(window, uri)
            assert await window.command("dladvise.cancelProbe", uri) == 1
            assert (await soon(task))["status"] == 130
            window.client.progress_reports.clear()
        assert len(window.asked) == 2


async def test_an_editor_that_cannot_ask_says_how_to_go_on(tmp_path: Path) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        window.answer = None
        answer = await window.probe(window.open("train.py", SLOW))
        assert answer["status"] == 2 and "set askBeforeProbe to false" in answer["error"]
    async with editor(tmp_path, options={**QUICK, "askBeforeProbe": False}) as window:
        answer = await window.probe(window.open("train.py", SLOW))
        assert answer["status"] == 0
        assert window.asked == []


async def test_one_run_for_a_loader(tmp_path: Path) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", SLOW)
        task = await under_way(window, uri)
        assert await window.lenses(uri) == ["measuring … cancel"]
        second = await window.probe(uri)
        assert second["status"] == 2 and "already" in second["error"]
        assert await window.command("dladvise.cancelProbe") == 1
        assert await soon(task) == {"status": 130, "error": "cancelled"}


@pytest.mark.parametrize("how", ["progress", "request", "shutdown", "exit", "death", "kill"])
async def test_every_way_to_end_it_leaves_nothing(tmp_path: Path, how: str) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", SLOW)
        task = await under_way(window, uri)
        processes = running(window)
        assert processes
        if how == "progress":
            [token] = window.client.progress_reports
            window.client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token))
            assert (await soon(task))["status"] == 130
        elif how == "request":
            [number] = [
                key
                for key, one in window.client.protocol._request_futures.items()
                if not one.done()
            ]
            window.client.cancel_request(lsp.CancelParams(number))
            with pytest.raises(JsonRpcException):
                await soon(task)
            assert await window.lenses(uri) == ["Probe num_workers"]
        elif how == "shutdown":
            await soon(window.client.shutdown_async(None))
        else:
            if how == "exit":
                window.client.exit(None)
            elif how == "death":
                assert window.server.stdin is not None
                window.server.stdin.close()
            else:
                os.kill(window.server.pid, signal.SIGKILL)
            await soon(window.server.wait())
            status = {"exit": 1, "death": 1, "kill": -9}[how]
            assert window.server.returncode == status
            task.cancel()
        await gone(window, processes)
        if how == "shutdown":
            window.client.exit(None)
            assert await soon(window.server.wait()) == 0
            task.cancel()


async def test_a_script_that_fails_says_why(tmp_path: Path) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        broken = SLOW.replace("return index", 'raise KeyError("no such image")')
        uri = window.open("train.py", broken)
        answer = await window.probe(uri)
        assert answer["status"] == 1 and "no such image" in answer["error"]
        assert any("no such image" in one for one in window.messages())
        assert any("Traceback" in one.message for one in window.client.log_messages)
        assert await window.lenses(uri) == ["Probe num_workers"]


async def test_a_client_with_the_basics_alone(tmp_path: Path) -> None:
    async with editor(tmp_path, able("eglot-1.9"), QUICK) as window:
        uri = window.open("train.py", SLOW)
        answer = await window.probe(uri)
        assert answer["status"] == 0
        assert window.client.progress_reports == {}
        logged = [one.message for one in window.client.log_messages]
        assert any("batches/s" in one for one in logged)
        assert any(answer["found"]["reason"] in one for one in window.messages())
        [told] = [one for one in await window.diagnostics(uri) if one.code == "measured"]
        write = await window.action(uri, told.range, "Write the measured num_workers=")
        assert write.edit is not None


async def test_a_client_that_would_wait_in_silence_is_answered_at_once(tmp_path: Path) -> None:
    async with editor(tmp_path, able("eglot-1.9"), QUICK) as window:
        uri = window.open("train.py", SLOW)
        at = position(SLOW, SLOW.index("DataLoader(W"))
        action = await window.action(uri, lsp.Range(at, at), "Measure")
        assert action.command is not None and action.command.command == "dladvise.probe"
        arguments = action.command.arguments or ()
        assert await window.command("dladvise.probe", *arguments) == {"status": None}
        await window.until(lambda: any("Use num_workers=" in one for one in window.messages()))
        assert "measured" in await window.codes(uri)


async def test_nothing_waits_while_it_measures(tmp_path: Path) -> None:
    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", SLOW)
        task = await under_way(window, uri)
        answered = 0
        while not task.done():
            await window.hover(uri, lsp.Position(0, 0))
            window.edit(uri, lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)), "\n")
            await window.diagnostics(uri)
            answered += not task.done()
        assert (await task)["status"] == 0
        assert answered > 0
        measured, _ = await window.lenses(uri)
        assert measured.startswith("measured")


async def test_the_interpreter_is_the_settings(tmp_path: Path) -> None:
    options = {**QUICK, "interpreter": str(tmp_path / "no" / "python")}
    async with editor(tmp_path, options=options) as window:
        uri = window.open("train.py", SLOW)
        answer = await window.probe(uri)
        assert answer["status"] == 2 and "no such interpreter" in answer["error"]
        assert window.asked == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "takes a URI and a position"),
        (["file:///x.py"], "takes a URI and a position"),
        (["file:///x.py", {"line": "one"}], "takes a URI and a position"),
        (["file:///x.py", {"line": -1, "character": 0}], "counted from 0"),
        (["file:///x.py", {"line": 1, "character": 0}], "is not open"),
    ],
)
async def test_wrong_arguments(tmp_path: Path, arguments: list[Any], words: str) -> None:
    async with editor(tmp_path) as window:
        answer = await window.command("dladvise.probe", *arguments)
        assert answer["status"] == 2 and words in answer["error"]
        uri = window.open("train.py", SLOW)
        answer = await window.command("dladvise.probe", uri, {"line": 1, "character": 0})
        assert answer["error"] == "no loader is constructed on line 2"


async def test_where_it_cannot_be_written_the_reason_is_shown(tmp_path: Path) -> None:
    text = SLOW.replace("batch_size=8)", "batch_size=8, **options())").replace(
        "def main", "def options():\n    return eval('dict()')\n\n\ndef main"
    )
    async with editor(tmp_path, options=QUICK) as window:
        uri = window.open("train.py", text)
        assert (await window.probe(uri))["status"] == 0
        at = text.index("DataLoader(W")
        where = lsp.Range(position(text, at), position(text, at))
        found = [one for one in await window.actions(uri, where) if "measured" in one.title]
        [disabled] = [one.disabled for one in found if one.title.startswith("Write")]
        assert disabled is not None and "may come from options()" in disabled.reason
        assert everything(text).start == lsp.Position(0, 0)
