"""What a server owes the protocol: an answer to everything, and an end to everything."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types as lsp

from tests.editor import IMPORT, editor, soon
from tests.front_door import environment

pytestmark = pytest.mark.asyncio

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002
WRONG = "loader = DataLoader(ds, persistent_workers=True)\n"


@dataclass
class Wire:
    """The bytes between a client and the server."""

    process: asyncio.subprocess.Process
    number: int = 0

    def send(self, body: bytes, header: str = "Content-Length") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{header}: {len(body)}\r\n\r\n".encode() + body)

    def say(self, method: str, params: Any, **more: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        self.send(json.dumps(message).encode())

    async def ask(self, method: str, params: Any) -> Any:
        self.number += 1
        self.say(method, params, id=self.number)
        return await self.answer(self.number)

    async def answer(self, number: int | None) -> Any:
        """The answer to a request; what else the server says is passed over."""
        while True:
            message = await soon(self.message())
            if "method" not in message and message.get("id") == number:
                return message

    async def message(self) -> Any:
        assert self.process.stdout is not None
        header = await self.process.stdout.readuntil(b"\r\n\r\n")
        length = int(header.lower().partition(b"content-length:")[2].split()[0])
        return json.loads(await self.process.stdout.readexactly(length))

    async def begin(self, folder: Path) -> None:
        parameters = {"processId": os.getpid(), "rootUri": folder.as_uri(), "capabilities": {}}
        assert "result" in await self.ask("initialize", parameters)
        self.say("initialized", {})


@asynccontextmanager
async def wire(folder: Path) -> AsyncIterator[Wire]:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "dladvise", "server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(XDG_CACHE_HOME=str(folder), XDG_STATE_HOME=str(folder)),
    )
    one = Wire(process)
    try:
        yield one
        assert process.stderr is not None and process.stdin is not None
        process.stdin.close()
        await soon(process.wait())
        assert await soon(process.stderr.read()) == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_initialize_comes_first_and_once(tmp_path: Path) -> None:
    async with wire(tmp_path) as client:
        refused = await client.ask("textDocument/hover", {})
        assert refused["error"]["code"] == NOT_INITIALIZED
        await client.begin(tmp_path)
        again = await client.ask("initialize", {"processId": None, "capabilities": {}})
        assert again["error"]["code"] == INVALID_REQUEST


async def test_what_cannot_be_read_is_answered(tmp_path: Path) -> None:
    async with wire(tmp_path) as client:
        await client.begin(tmp_path)
        client.send(b"{not json")
        assert (await client.answer(None))["error"]["code"] == PARSE_ERROR
        client.send(b'"hello"')
        assert (await client.answer(None))["error"]["code"] == INVALID_REQUEST
        client.send(b"\xff\xfe\x00")
        assert (await client.answer(None))["error"]["code"] == PARSE_ERROR
        client.send(b"[" * 100_000)
        assert (await client.answer(None))["error"]["code"] == PARSE_ERROR
        unknown = await client.ask("textDocument/noSuchThing", {})
        assert unknown["error"]["code"] == METHOD_NOT_FOUND
        for method in ("textDocument/hover", "textDocument/codeAction", "workspace/executeCommand"):
            wrong = await client.ask(method, {"textDocument": 7})
            assert wrong["error"]["code"] == INVALID_PARAMS, method
        command = await client.ask("workspace/executeCommand", {"command": "rm"})
        assert command["error"]["code"] == INVALID_PARAMS
        client.say("$/whatever", {"x": 1})
        client.say("textDocument/didChange", {"nonsense": True})
        client.say("textDocument/didClose", {"textDocument": {"uri": "file:///never.py"}})
        absent = {"textDocument": {"uri": "file:///never.py"}}
        at = {"line": 10**6, "character": 10**6}
        assert (await client.ask("textDocument/hover", {**absent, "position": at}))[
            "result"
        ] is None
        assert (await client.ask("shutdown", None))["result"] is None


async def test_headers_of_any_kind(tmp_path: Path) -> None:
    async with wire(tmp_path) as client:
        await client.begin(tmp_path)
        message = {"jsonrpc": "2.0", "id": "a", "method": "shutdown"}
        body = json.dumps(message).encode()
        client.send(body, "X-Other: 1\r\ncontent-length")
        assert (await client.answer("a"))["result"] is None  # type: ignore[arg-type]


async def test_after_shutdown_there_is_only_exit(tmp_path: Path) -> None:
    async with wire(tmp_path) as client:
        await client.begin(tmp_path)
        assert (await client.ask("shutdown", None))["result"] is None
        late = await client.ask("textDocument/hover", {})
        assert late["error"]["code"] == INVALID_REQUEST
        client.say("exit", None)
        assert await soon(client.process.wait()) == 0


@pytest.mark.parametrize("how", ["exit", "end of input", "nothing"])
async def test_an_end_without_shutdown_is_a_failure(tmp_path: Path, how: str) -> None:
    async with wire(tmp_path) as client:
        if how != "nothing":
            await client.begin(tmp_path)
        if how == "exit":
            client.say("exit", None)
        else:
            assert client.process.stdin is not None
            client.process.stdin.close()
        assert await soon(client.process.wait()) == 1


async def test_a_client_that_dies_in_the_middle_of_a_message(tmp_path: Path) -> None:
    async with wire(tmp_path) as client:
        await client.begin(tmp_path)
        assert client.process.stdin is not None
        client.process.stdin.write(b'Content-Length: 1000\r\n\r\n{"jsonrpc"')
        client.process.stdin.close()
        assert await soon(client.process.wait()) == 1


async def test_a_request_can_be_cancelled(tmp_path: Path) -> None:
    text = IMPORT + "".join(f"\n\ndef f{n}():\n    {WRONG}" for n in range(800))
    item = {"uri": (tmp_path / "t.py").as_uri(), "languageId": "python", "version": 1}
    async with wire(tmp_path) as client:
        await client.begin(tmp_path)
        client.say("textDocument/didOpen", {"textDocument": {**item, "text": text}})
        client.say("textDocument/codeLens", {"textDocument": {"uri": item["uri"]}}, id=77)
        client.say("$/cancelRequest", {"id": 77})
        client.say("$/cancelRequest", {"id": 12345})
        assert (await client.answer(77))["error"]["code"] == -32800
        assert "result" in await client.ask(
            "textDocument/codeLens", {"textDocument": {"uri": item["uri"]}}
        )


@pytest.mark.slow
async def test_a_thousand_opens_and_closes_leave_nothing(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:

        def memory_mb() -> float:
            return float(psutil.Process(window.server.pid).memory_info().rss / 1e6)

        async def round_trips(n: int) -> None:
            for number in range(n):
                uri = window.open(f"t{number % 10}.py", IMPORT + WRONG)
                window.edit(uri, lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)), "#\n")
                assert await window.codes(uri) == ["DL003"]
                window.close(uri)

        await round_trips(100)
        before = memory_mb()
        await round_trips(1_000)
        assert memory_mb() < before + 15


async def test_words_printed_by_mistake_do_not_disturb(tmp_path: Path) -> None:
    """Whoever prints inside the server prints to stderr."""
    code = (
        "import sys; from dladvise.server import lsprotocol_import\n"
        "from dladvise.server.features import made; from dladvise.server.transport import run\n"
        "server = made()\n"
        "opened = server.opened\n"
        "def loud(params):\n    print('hello'); opened(params)\n"
        "server.opened = loud\n"
        "sys.exit(run(server))\n"
    )
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    client = Wire(process)
    await client.begin(tmp_path)
    item = {"uri": (tmp_path / "t.py").as_uri(), "languageId": "python", "version": 1}
    client.say("textDocument/didOpen", {"textDocument": {**item, "text": WRONG}})
    assert (await client.ask("shutdown", None))["result"] is None
    client.say("exit", None)
    assert await soon(process.wait()) == 0
    assert process.stderr is not None
    assert b"hello" in await soon(process.stderr.read())
