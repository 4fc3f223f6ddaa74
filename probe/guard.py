"""Runs a command and ends everything that came of it, whatever happens.

A process of its own, started by path: `guard.py MARK COMMAND...`. It lives until the
command has ended, a byte comes on its standard input, or the other end of that is gone,
as it is when dladvise was killed. Every process of the command carries MARK in its environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ADDRESS = "DLADVISE_PROBE_ADDRESS"
MARK = "DLADVISE_PROBE_RUN"
SHM = Path("/dev/shm")
SEMAPHORE = re.compile(r"sem\.(mp-.+|[A-Za-z0-9]{6})")
MOMENT_S = 0.1  # more than it takes to open a semaphore
LOOK_S = 0.4  # between two looks at which processes there are
GRACE_S = 0.4  # between the request to end and the end
PR_SET_CHILD_SUBREAPER = 36
STOPPED = 143


def main(mark: str, command: list[str]) -> int:
    """Run the command to its end or ours; its exit status is returned."""
    begun = time.time()
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # dladvise says when it is over
    signal.signal(signal.SIGTERM, lambda *_: os.close(0))
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=os.name != "nt",
        env={**os.environ, MARK: mark},
    )
    known: set[int] = set()
    while child.poll() is None and not _asked_to_stop(LOOK_S):
        known.update(family())
    status = child.poll()
    end_all(mark, known, begun)
    meeting = Path(os.environ.get(ADDRESS, "")).parent
    if _abandoned() and meeting.name.startswith("dladvise-"):
        shutil.rmtree(meeting, ignore_errors=True)
    return STOPPED if status is None else status if status >= 0 else 128 - status


def end_all(mark: str, known: set[int], begun: float) -> None:
    """End every process that is ours, and remove what they left in shared memory."""
    deadline = time.monotonic() + 1.5
    left: set[int] = set()
    graceful = time.monotonic() + GRACE_S
    asked: set[int] = set()
    while True:
        ours = set(family()) or set(marked(mark)) - {os.getpid()}
        if not ours:
            break
        known |= ours
        for pid in ours:
            left.update(mapped_shm(pid))
            now = time.monotonic()
            if now < graceful and pid in asked:
                continue
            asked.add(pid)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM if now < graceful else _hard())
        reap()
        time.sleep(0.02)
        if time.monotonic() > deadline:
            break
    remove_shm(known, left, begun)


def family() -> Iterator[int]:
    """The living processes below this one."""
    if sys.platform != "linux":
        import psutil

        yield from (child.pid for child in psutil.Process().children(recursive=True))
        return
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
                waiting += map(int, children)
        if pid != os.getpid() and not _is_zombie(pid):
            yield pid


def marked(mark: str) -> Iterator[int]:
    """The living processes with our mark in their environment, wherever they are now."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_ours = process.environ().get(MARK) == mark
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                yield process.pid


def mapped_shm(pid: int) -> Iterator[int]:
    """The inodes of the files of shared memory that a process has mapped.

    Not their names: sem_open(3) maps a semaphore before it has the one it will keep.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if f" {SHM}/" in line:
                yield int(line.split(maxsplit=5)[4])


def remove_shm(pids: Iterable[int], mapped: Iterable[int], begun: float) -> None:
    """Remove the shared memory that was made by these processes since then.

    torch names its files torch_PID_..., Python's segments (psm_) are told by who had
    them mapped, and its semaphores by nobody having them mapped any more, as the process
    that made one always has: but for a moment, and one killed in it leaves the name of
    six letters that sem_open(3) begins with.
    """
    torchs = {f"torch_{pid}" for pid in pids}
    ours = set(mapped)
    unsure = []
    for path, inode in _made_since(begun):
        by_us = path.name.rpartition("_")[0].rpartition("_")[0] in torchs
        if by_us or (inode in ours and path.name.startswith(("torch_", "psm_"))):
            _unlink(path)
        elif SEMAPHORE.fullmatch(path.name):
            unsure.append((path, inode))
    if unsure:
        time.sleep(MOMENT_S)
        living = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
        used = {inode for pid in living for inode in mapped_shm(pid)}
        for path, inode in unsure:
            if inode not in used:
                _unlink(path)


def _made_since(begun: float) -> list[tuple[Path, int]]:
    """Our user's files of shared memory that are not older, with their inodes."""
    found = []
    for path in SHM.glob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if status.st_ctime >= begun - 1 and status.st_uid == os.getuid():
                found.append((path, status.st_ino))
    return found


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends (prctl(2))."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> None:
    """Take note of adopted children that have ended."""
    with contextlib.suppress(ChildProcessError, AttributeError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _asked_to_stop(seconds: float) -> bool:
    """Wait for a word on standard input, or its end."""
    if os.name == "nt":  # pipes cannot be waited for
        return _windows_stdin_ended(seconds)
    import select

    try:
        return bool(select.select([0], [], [], seconds)[0])
    except (OSError, ValueError):
        return True


def _abandoned() -> bool:
    """Reports whether dladvise has gone without saying so."""
    try:
        return os.name != "nt" and _asked_to_stop(0) and not os.read(0, 1)
    except OSError:
        return False


def _windows_stdin_ended(seconds: float) -> bool:
    if not _readers:
        _readers.append(threading.Thread(target=sys.stdin.buffer.read, args=(1,), daemon=True))
        _readers[0].start()
    _readers[0].join(seconds)
    return not _readers[0].is_alive()


_readers: list[threading.Thread] = []


def _hard() -> signal.Signals:
    return getattr(signal, "SIGKILL", signal.SIGTERM)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
