"""The process of the user's script: gets to the loader, then forks what measures it."""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from . import candidate, capture, failure, machine, script
from .channel import Channel, Closed, Line, Message

GRACE_S = 0.3


def run(before: frozenset[str]) -> NoReturn:
    """Run the job that dladvise sends; `before` are the modules loaded before ours."""
    candidate.die_with_parent()
    line = Line()
    rank = int(os.environ.get("RANK", "0"))
    channel = line.call("agent", rank=rank)
    job = channel.receive()
    agent = Agent(line, channel, rank)
    try:
        watch = capture.Watch(job, agent.serve, channel)
        if "name" in job:
            loader = script.factory(job, before)
            agent.serve(loader, "factory", None)
        capture.install(watch)
        script.run(job, before)
        watch.script_ended()
        channel.send("nothing", constructed=watch.constructed)
    except script.Wrong as error:
        channel.send("wrong", message=str(error))
    except Closed:
        pass
    except BaseException as error:
        told = failure.told(error)
        channel.send("failed", index=failure.sample_index(error), batch=None, **told)
    agent.end()


class Agent:
    """Serves dladvise once the loader is there."""

    def __init__(self, line: Line, channel: Channel, rank: int) -> None:
        self.line = line
        self.channel = channel
        self.rank = rank
        self._children: dict[int, int] = {}  # process ids of candidates

    def serve(self, loader: Any, how: str, observed: dict[str, Any] | None) -> NoReturn:
        """Measure as dladvise asks; the script does not go on."""
        try:
            capture.uninstall()
            candidate.one_arena()
            self.channel.send("captured", how=how, observed=observed, **described(loader))
            while True:
                command = self.channel.receive()
                if command["event"] == "fork":
                    self._fork(loader, command)
                elif command["event"] == "kill":
                    self._kill(command["id"])
                elif command["event"] == "become":  # this process is the candidate itself
                    candidate.measure(self.line, loader, command, self.rank)
                    break
                else:
                    break
        except Closed:
            pass
        self.end()

    def end(self) -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue
        os._exit(0)

    def _fork(self, loader: Any, command: Message) -> None:
        forked = threading.Event()

        def forking() -> None:
            pid = candidate.fork(lambda: candidate.measure(self.line, loader, command, self.rank))
            self._children[command["id"]] = pid
            forked.set()
            # the child lives as long as this thread: that is what it was told by the kernel
            _, status = os.waitpid(pid, 0)
            del self._children[command["id"]]
            try:
                self.channel.send("exited", id=command["id"], status=_exit_status(status))
            except Closed:
                return

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(forking,), daemon=True).start()
        forked.wait()

    def _kill(self, name: int) -> None:
        """End a candidate and its workers, which share its process group.

        They are asked first: multiprocessing's resource tracker is among them, ignores
        the question, and takes their semaphores away once they are gone.
        """
        pid = self._children.get(name)
        if pid is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGTERM)

        def insist() -> None:
            time.sleep(GRACE_S)
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)

        threading.Thread(target=insist, daemon=True).start()


def _exit_status(status: int) -> int:
    """As subprocess says it: negative for a signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def described(loader: Any) -> dict[str, Any]:
    """The loader in plain values."""
    import torch

    from .twin import n_batches

    dataset = loader.dataset
    try:
        n_samples: int | None = len(dataset)
    except (TypeError, NotImplementedError):
        n_samples = None
    context = loader.multiprocessing_context
    method = context.get_start_method() if context is not None else None
    cuda = bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call, unused-ignore]
    return {
        "dataset": type(dataset).__qualname__,
        "num_workers": loader.num_workers,
        "prefetch_factor": loader.prefetch_factor if loader.num_workers else None,
        "persistent_workers": loader.persistent_workers,
        "pin_memory": bool(loader.pin_memory),
        "batch_size": loader.batch_size,
        "batches": n_batches(loader),
        "samples": n_samples,
        "drop_last": bool(loader.drop_last),
        "start_method": method if isinstance(method, str) else machine.start_method(),
        "cuda": cuda,
        "forks": hasattr(os, "fork") and sys.platform != "darwin",
        "torch": torch.__version__.split("+")[0],
        "python": ".".join(map(str, sys.version_info[:3])),
        "descriptors": _descriptor_limit(),
    }


def _descriptor_limit() -> int | None:
    """The files that this process may have open; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
