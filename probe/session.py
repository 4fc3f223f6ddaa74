"""The processes of one measurement: started, listened to, and ended without a trace."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import NamedTuple

from . import guard, ranks
from .inside.channel import ADDRESS, TOKEN, Channel, Closed, Message
from .request import Request
from .results import WrongUse

INSIDE = Path(__file__).parent / "inside" / "run.py"
SOCKET = "probe"
OUTPUT_KEPT = 64 * 1024  # bytes of what the script printed last
LOOK_S = 0.2
ENDING_S = 2.5  # for the guard to end everything


class Peer(NamedTuple):
    """Who says something: the agent of a rank, or the process of a candidate.

    `id` is the candidate's, or counts the launches that agents come from.
    """

    role: str
    rank: int
    id: int


class Heard(NamedTuple):
    """A message, or None where the peer is gone."""

    peer: Peer
    message: Message | None


class Session:
    """Runs the user's script under a guard and holds the conversations with it.

    Used in a `with`: at its end no process of it is left, and no shared memory.
    """

    def __init__(
        self,
        request: Request,
        on_output: Callable[[bytes], None] | None = None,
        meeting: tuple[Path, str] | None = None,
    ) -> None:
        """`meeting` is where another process listens already, and the token it wants."""
        self.request = request
        self.heard: queue.Queue[Heard] = queue.Queue()
        self._on_output = on_output
        self._channels: dict[Peer, Channel] = {}
        self._output: deque[bytes] = deque()
        self._n_output = 0
        self._name = secrets.token_hex(8)
        self._begun = time.time()
        self._listener: Listener | None = None
        if meeting is not None:
            self._folder, self._token = meeting
            self._address = str(self._folder / SOCKET)
        else:
            self._token = secrets.token_hex(16)
            self._folder = self._own_folder()
            name = None if os.name == "nt" else str(self._folder / SOCKET)
            self._listener = Listener(name, backlog=64)
            self._address = str(self._listener.address)
            ranks.publish(self._folder, self._token)
        self._closing = False
        self._runs: list[subprocess.Popen[bytes]] = []
        self._pids: set[int] = set()
        self._drains: list[threading.Thread] = []
        if self._listener is not None:
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def launch(self) -> int:
        """Start the user's interpreter once, or through torch's launcher for several ranks.

        The number of the launch is returned.
        """
        request = self.request
        command = [request.interpreter]
        if request.ranks > 1:
            command += ["-m", "torch.distributed.run", "--standalone"]
            command += ["--nproc-per-node", str(request.ranks)]
        command.append(str(INSIDE))
        env = {
            **request.env,
            "DLADVISE_PROBE": "1",
            ADDRESS: self._address,
            TOKEN: self._token,
        }
        env.setdefault("PYTHONUNBUFFERED", "1")  # what is printed last is wanted first
        try:
            run = subprocess.Popen(
                [sys.executable, "-I", guard.__file__, self._mark(len(self._runs)), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=request.cwd,
                env=env,
                start_new_session=os.name != "nt",
            )
        except OSError as error:
            raise WrongUse(f"{request.cwd}: {error.strerror or error}") from None
        self._runs.append(run)
        drain = threading.Thread(target=self._drain, args=(run,), daemon=True)
        drain.start()
        self._drains.append(drain)
        return len(self._runs) - 1

    def end(self, launch: int) -> None:
        """End all that one launch has started; does not wait."""
        stdin = self._runs[launch].stdin
        if stdin is not None and not stdin.closed:
            with contextlib.suppress(OSError):
                stdin.write(b".")  # what the guard waits for
                stdin.close()

    def status(self, launch: int) -> int | None:
        """The exit status of a launch, negative for a signal; None while it runs."""
        status = self._runs[launch].poll()
        return status if status is None or status < 129 else 128 - status

    @property
    def ended(self) -> bool:
        """Reports whether every interpreter that was started has ended."""
        return all(run.poll() is not None for run in self._runs)

    def send(self, peer: Peer, event: str, **fields: object) -> bool:
        """Send to a peer; False where it is gone."""
        channel = self._channels.get(peer)
        if channel is None:
            return False
        try:
            channel.send(event, **fields)
        except Closed:
            return False
        return True

    def output(self) -> str:
        """The last of what the script printed."""
        return b"".join(self._output).decode(errors="replace")

    def close(self) -> None:
        """End everything."""
        if self._closing:
            return
        self._closing = True
        for launch in range(len(self._runs)):
            self.end(launch)
        deadline = time.monotonic() + ENDING_S
        for run in self._runs:
            try:
                run.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
        for launch, run in enumerate(self._runs):
            if run.returncode < 0:  # somebody killed the guard
                guard.end_all(self._mark(launch), self._pids, self._begun)
        for drain in self._drains:
            drain.join(LOOK_S)  # ends with the last process that could print
        for channel in list(self._channels.values()):
            channel.close()
        if self._listener is not None:
            with contextlib.suppress(OSError, EOFError):
                Client(self._address).close()  # wakes who waits to accept
                self._listener.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _mark(self, launch: int) -> str:
        """What all processes of a launch carry in their environment."""
        return f"{self._name}-{launch}"

    def _own_folder(self) -> Path:
        us = ranks.launched(self.request.env)
        if us is None or us.ranks == 1:
            return Path(tempfile.mkdtemp(prefix="dladvise-"))
        try:
            us.folder.mkdir(mode=0o700)
        except OSError as error:
            raise WrongUse(f"{us.folder}: {error.strerror or error}") from None
        return us.folder

    def _accept(self, listener: Listener) -> None:
        while not self._closing:
            try:
                connection = listener.accept()
            except (OSError, EOFError):
                return
            channel = Channel(connection)
            threading.Thread(target=self._listen, args=(channel,), daemon=True).start()

    def _listen(self, channel: Channel) -> None:
        try:
            hello = channel.receive()
            if hello.get("token") != self._token:
                channel.close()
                return
        except Closed:
            return
        peer = Peer(hello["role"], hello["rank"], hello.get("id", len(self._runs) - 1))
        self._channels[peer] = channel
        self._pids.add(hello["pid"])
        self.heard.put(Heard(peer, hello))
        while True:
            try:
                message = channel.receive()
            except Closed:
                break
            self._pids.update(message.get("workers", ()))
            self.heard.put(Heard(peer, message))
        self.heard.put(Heard(peer, None))

    def _drain(self, run: subprocess.Popen[bytes]) -> None:
        """Read what the script prints, however much; only its end is kept."""
        assert run.stdout is not None
        with run.stdout:
            while data := os.read(run.stdout.fileno(), 1 << 16):
                self._keep(data)

    def _keep(self, data: bytes) -> None:
        if self._on_output is not None:
            self._on_output(data)
        self._output.append(data)
        self._n_output += len(data)
        while self._n_output - len(self._output[0]) > OUTPUT_KEPT:
            self._n_output -= len(self._output.popleft())
