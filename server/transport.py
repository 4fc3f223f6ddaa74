"""Bytes in and out: the base protocol on the standard streams.

A thread reads and a thread writes, so that neither a slow client nor a large message holds
up the event loop. The streams themselves are taken away from Python: a stray print() goes
to stderr instead of into the conversation.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from .language_server import Server

LOOK_S = 3.0  # between two looks at whether the client is alive
FLUSH_S = 2.0  # for the client to take what is left
LONGEST_HEADER = 8_192  # bytes
CLIENT_GONE = 1


def run(server: Server) -> int:
    """Serve the client on stdin and stdout until it leaves; the exit status is returned."""
    stdin = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    stdout = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.getLogger("pygls").propagate = False  # what matters of it, the client is told
    logging.getLogger("pygls").addHandler(logging.NullHandler())
    writer = Writer(stdout)
    server.protocol.set_writer(writer)
    try:
        return asyncio.run(_serve(server, stdin))
    except KeyboardInterrupt:
        return 130
    finally:
        writer.close()


class Writer:
    """Takes whole messages and writes them on a thread of its own."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        self._messages.put(data)

    def close(self) -> None:
        """Let the client take what is left, as far as it does."""
        self._messages.put(None)
        self._thread.join(FLUSH_S)

    def _write(self) -> None:
        while (data := self._messages.get()) is not None:
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[self._stream.write(rest) or 0 :]
            except (OSError, ValueError):
                return  # the client has closed its end; that of stdin says so too


async def _serve(server: Server, stdin: BinaryIO) -> int:
    loop = asyncio.get_running_loop()
    bodies: asyncio.Queue[bytes | None] = asyncio.Queue()

    def hear(body: bytes | None) -> None:
        loop.call_soon_threadsafe(bodies.put_nowait, body)

    threading.Thread(target=_read, args=(stdin, hear), name="reader", daemon=True).start()
    watch = asyncio.ensure_future(_watch(server, bodies))
    try:
        while server.protocol.exit_status is None:
            body = await bodies.get()
            if body is None:
                return CLIENT_GONE
            server.protocol.receive(body)
        return server.protocol.exit_status
    finally:
        watch.cancel()
        await server.stop()


def _read(stdin: BinaryIO, hear: Callable[[bytes | None], None]) -> None:
    """Tell every message's body, and None at the end."""
    try:
        while (body := _message(stdin)) is not None:
            hear(body)
        hear(None)
    except (OSError, ValueError):
        hear(None)
    except RuntimeError:
        pass  # the loop has ended


def _message(stdin: BinaryIO) -> bytes | None:
    """The body of the next message; None at the end of the stream.

    Header lines that mean nothing are passed over.
    """
    length: int | None = None
    while True:
        line = stdin.readline(LONGEST_HEADER)
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
        elif not line.strip() and length is not None:
            body = stdin.read(length)
            return body if len(body) == length else None


async def _watch(server: Server, bodies: asyncio.Queue[bytes | None]) -> None:
    """Tell the end when the client's process is gone and somebody else keeps the pipe open."""
    import psutil  # where there is time

    known = False  # in another container its number means nothing here
    while True:
        await asyncio.sleep(LOOK_S)
        process_id = server.process_id
        if process_id is not None:
            alive = psutil.pid_exists(process_id)
            if known and not alive:
                bodies.put_nowait(None)
                return
            known |= alive
