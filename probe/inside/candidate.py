"""One process that measures one setting: it runs the loader and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import wait
from typing import Any

from . import failure
from .channel import Channel, Closed, Line, Message
from .steady import Empty, Steady
from .twin import Plan, endless, twin

PR_SET_PDEATHSIG = 1
M_ARENA_MAX = -8
GRACE_S = 1.0  # for the guard, which also knows what is to be removed
CLOSED = 71  # the exit status of a process whose descriptors were closed for it


def measure(line: Line, loader: Any, message: Message, rank: int) -> None:
    """Do what dladvise asks for until it has enough; the process ends here."""
    plan = Plan(**message["plan"])
    channel = line.call("candidate", id=message["id"], rank=rank)
    work = Work(channel, loader, plan, message["pin"])
    try:
        work.run()
    except Closed:
        os._exit(CLOSED)
    except Empty:
        _tell(channel, "empty")
    except BaseException as error:
        _tell(channel, "failed", **work.blamed(error))
    with contextlib.suppress(BaseException):
        work.stop()


class Work:
    """The measurement in this process, and the thread that listens meanwhile."""

    def __init__(self, channel: Channel, loader: Any, plan: Plan, pin: bool) -> None:
        self.channel = channel
        self.plan = plan
        self.loader = twin(loader, plan, pin)
        self._steady: Steady | None = None
        self._commands: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._faults, self._faults_in = os.pipe()
        os.set_blocking(self._faults, False)

    def run(self) -> None:
        die_with_parent()
        report_faults(self._faults_in)
        if self.plan.num_workers:
            os.register_at_fork(after_in_child=self._in_worker)
        self._steady = steady = Steady(self.loader, self.plan)
        # only now: workers are not forked beside another thread
        threading.Thread(target=self._listen, daemon=True).start()
        self.channel.send("started", **steady.start()._asdict())
        while True:
            command = self._commands.get()
            if command["event"] != "measure":
                return
            command.pop("event")
            window = steady.window(**command)
            fields = window._asdict()
            fields["used"] = window.used and window.used._asdict()
            self.channel.send("window", **fields)

    def stop(self) -> None:
        if self._steady is not None:
            self._steady.stop()

    def blamed(self, error: BaseException) -> dict[str, Any]:
        """The failure with the samples it came from, as far as they are known."""
        fault = self._fault()
        if fault is not None:
            return fault
        told = failure.told(error)
        return {**told, "index": None, "batch": self._batch_under_way()}

    def _batch_under_way(self) -> Any:
        """The indices of the batch that the main process was about to receive."""
        iterator = getattr(self._steady, "_iterator", None)
        sampler = endless(self.loader)
        received = getattr(iterator, "_rcvd_idx", None)
        if sampler is None or received is None:
            return None
        # torch counts a batch as received before it looks whether it is an error
        return _short(sampler.recent.get(received - 1))

    def _fault(self) -> dict[str, Any] | None:
        """What the process in which it happened has reported, if it could."""
        try:
            lines = os.read(self._faults, 1 << 16).splitlines()
            return json.loads(lines[0]) if lines else None
        except (OSError, ValueError):
            return None

    def _listen(self) -> None:
        """Take commands; answer at once whatever the main thread is doing."""
        connection = self.channel.connection
        faults: list[Any] = [self._faults]
        try:
            while True:
                for ready in wait([connection, *faults]):
                    if ready is connection:
                        command = self.channel.receive()
                        if command["event"] == "where":
                            self.channel.send("here", place=self._place())
                        else:
                            self._commands.put(command)
                    elif self.plan.num_workers:
                        fault = self._fault()
                        faults = []
                        if fault is not None:
                            self.channel.send("failed", **fault)
                    else:
                        faults = []  # the main thread tells it itself
        except (Closed, OSError):
            try:
                os.fstat(connection.fileno())
            except OSError:
                os._exit(CLOSED)  # the user's code has closed it
            time.sleep(GRACE_S)
            _end_group()

    def _place(self) -> str | None:
        """Where the user's code is; with workers it is in another process."""
        return None if self.plan.num_workers else failure.place(failure.main_frame())

    def _in_worker(self) -> None:
        """In every process forked from here: it ends with its parent, and keeps no channel."""
        die_with_parent()
        with contextlib.suppress(OSError):
            self.channel.close()


def report_faults(pipe: int) -> None:
    """Make every fetch that fails, in whichever forked process, say which sample it was."""
    from torch.utils.data import get_worker_info
    from torch.utils.data._utils import fetch

    def reporting(original: Any) -> Any:
        def reported(self: Any, possibly_batched_index: Any) -> Any:
            try:
                return original(self, possibly_batched_index)
            except StopIteration:
                raise
            except BaseException as error:
                worker = get_worker_info()
                told = failure.told(error)
                told.update(
                    worker=None if worker is None else worker.id,
                    index=failure.sample_index(error),
                    batch=_short(possibly_batched_index),
                )
                text = json.dumps(told, default=repr)
                if len(text) > 4000:  # more than a pipe takes in one piece
                    told["traceback"] = told["traceback"][-1500:]
                    text = json.dumps(told, default=repr)[:4000]
                with contextlib.suppress(OSError):
                    os.write(pipe, text.encode() + b"\n")
                raise

        return reported

    for fetcher in (fetch._MapDatasetFetcher, fetch._IterableDatasetFetcher):
        setattr(fetcher, "fetch", reporting(fetcher.fetch))  # noqa: B010  # for type checkers


def _tell(channel: Channel, event: str, **fields: Any) -> None:
    with contextlib.suppress(Closed):
        channel.send(event, **fields)


def _short(index: Any) -> Any:
    """Indices as the user knows them, not too many."""
    if isinstance(index, (list, tuple)):
        return [one if isinstance(one, (int, str)) else repr(one)[:80] for one in index[:64]]
    return index if index is None or isinstance(index, (int, str)) else repr(index)[:80]


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends (prctl(2); Linux alone)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _end_group() -> None:
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def one_arena() -> None:
    """Have threads that start from now on share the main thread's memory arena.

    The arenas of other threads give large blocks back to the system at once (glibc,
    malloc/arena.c), so that every large batch would be made of fresh pages.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def fork(measure_it: Any) -> int:
    """Fork a process with a session of its own that runs `measure_it` and ends.

    To be called on a thread that has done no numerical work, and that was started after
    `one_arena`: OpenMP's threads (libgomp) do not survive a fork, and a child whose only
    thread knows of some waits for them for ever.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: forked beside threads
        pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the script may have had its own
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        faulthandler.enable()
        measure_it()
    except BaseException:
        traceback.print_exc()
        os._exit(70)
    os._exit(0)
