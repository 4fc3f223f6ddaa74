"""Runs programs under the installed torch and says what each one raises, and when.

    python tests/torch_runner.py < PROGRAMS > OUTCOMES

One JSON string a line goes in, one JSON object a line comes out. Every program runs in
a process of its own, so that a hang or a crash is an outcome like any other. A loader
that the program leaves in the name `made` is iterated; where it gives batches, their text
comes back too.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import warnings
from contextlib import suppress
from itertools import islice
from types import ModuleType

BATCHES = 3  # a worker's first batches; enough to meet every check of the iterator
PATIENCE_S = 10.0  # the slowest program here takes a tenth of it


def main() -> None:
    import torch  # a second and a half; the forked children share it

    torch.set_num_threads(1)  # a forked child cannot use its parent's OpenMP threads
    for line in sys.stdin:
        print(json.dumps(outcome(json.loads(line))), flush=True)


def outcome(program: str) -> dict[str, str | None]:
    """What the program does: its stage and exception, "ok", "hang" or "died"."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reader)
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        os.write(writer, json.dumps(_run(program)).encode())
        os._exit(0)
    os.close(writer)
    answered = _read(reader, time.monotonic() + PATIENCE_S)
    os.close(reader)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # with the workers that it left behind
    os.waitpid(child, 0)
    if answered is None:
        return {"observed": "hang", "message": None}
    if not answered:
        return {"observed": "died", "message": None}
    found: dict[str, str | None] = json.loads(answered)
    return found


def _read(descriptor: int, deadline: float) -> bytes | None:
    """What the child wrote until it closed; None where it did not in time."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        part = os.read(descriptor, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
        if part.endswith(b"}"):  # worker processes hold the pipe open too
            return b"".join(parts)


def _run(program: str) -> dict[str, str | None]:
    from torch.utils.data import DataLoader

    warnings.simplefilter("ignore")
    stage, batches = "ctor", None
    try:
        module = sys.modules["program"] = ModuleType("program")  # dataclasses look it up
        exec(compile(program, "<program>", "exec"), module.__dict__)
        made = getattr(module, "made", None)
        if isinstance(made, DataLoader):
            stage = "iter"
            batches = repr(list(islice(made, BATCHES)))
    except BaseException as problem:
        lines = str(problem).strip().splitlines()
        # a worker's exception carries the worker's traceback; its last line says what it is
        message = lines[-1] if lines and lines[0].startswith("Caught ") else "\n".join(lines)
        return {"observed": f"{stage}:{type(problem).__name__}", "message": message}
    return {"observed": "ok", "message": None, "batches": batches}


if __name__ == "__main__":
    main()
