"""What the user's code did wrong, told in the user's terms."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST = 20_000  # characters of a traceback
WORKER = re.compile(r"in DataLoader worker process (\d+)\.")
ORIGINAL = "Original Traceback (most recent call last):\n"


def told(error: BaseException) -> dict[str, Any]:
    """The error and its traceback, without the frames that are ours."""
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    name = name.replace("__main__.", "")
    message = _message(error)
    worker = WORKER.search(message)
    if worker is not None and ORIGINAL in message:  # torch sends a worker's error as text
        text = message[message.index(ORIGINAL) + len("Original ") :].strip()
        summary = text.splitlines()[-1]
    else:
        text = "".join(_without_ours(traceback.TracebackException.from_exception(error)).format())
        summary = f"{name}: {message}" if message else name
    return {
        "summary": summary.splitlines()[0][:500],
        "traceback": text.rstrip()[-LONGEST:],
        "worker": int(worker.group(1)) if worker is not None else None,
    }


def sample_index(error: BaseException) -> Any:
    """The index that __getitem__ was called with when it raised; None where it did not."""
    for frame in _frames(error.__traceback__):
        code = frame.f_code
        if code.co_name == "__getitem__" and code.co_argcount >= 2:
            found = frame.f_locals.get(code.co_varnames[1])
            return found if isinstance(found, (int, str)) else repr(found)[:80]
    return None


def place(frame: FrameType | None) -> str | None:
    """Where the user's code is: its innermost frame outside of libraries; None without one."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((HERE, "<")) and not from_library(name):
            return f"{name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return None


def from_library(path: str) -> bool:
    """Reports whether a file belongs to an installed package or to Python itself."""
    return (
        "site-packages" in path
        or "dist-packages" in path
        or path.startswith((os.path.dirname(os.__file__), "<frozen"))
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""  # its __str__ fails as well


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _without_ours(
    told: traceback.TracebackException,
) -> traceback.TracebackException:
    seen: set[int] = set()
    links: list[traceback.TracebackException | None] = [told]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        kept = [frame for frame in link.stack if not frame.filename.startswith(HERE)]
        link.stack = traceback.StackSummary.from_list(kept)
        links += [link.__cause__, link.__context__]
    return told


def main_frame() -> FrameType | None:
    """Where the main thread is now."""
    import threading

    return sys._current_frames().get(threading.main_thread().ident or 0)
