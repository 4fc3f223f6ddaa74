"""Runs proofs as `dladvise/proofs/run.py` does, in forks of a process that has torch already.

    python tests/proof_runner.py < REQUESTS > ANSWERS

A JSON list a line goes in, a folder and the words that `run.py` is given; a JSON list a line
comes out, of what the proof said.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PROOFS = Path(__file__).parents[1] / "dladvise" / "proofs"
PATIENCE_S = 60.0


def main() -> None:
    import torch  # a second and a half; the forked children share it

    torch.set_num_threads(1)  # a forked child cannot use its parent's OpenMP threads
    sys.path.insert(0, str(PROOFS))
    for line in sys.stdin:
        folder, *words = json.loads(line)
        print(json.dumps(said(folder, words)), flush=True)


def said(folder: str, words: list[str]) -> list[object]:
    """What a proof says in the folder until it has ended, or its time is over."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(folder)
        os.dup2(writer, 1)
        sys.argv[1:] = words
        importlib.import_module("run").main()
        os._exit(0)
    os.close(writer)
    text = _read(reader, time.monotonic() + PATIENCE_S)
    os.close(reader)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # with the workers that it left behind
    os.waitpid(child, 0)
    return [json.loads(line) for line in text.splitlines()]


def _read(reader: int, deadline: float) -> str:
    """What is written there, up to the word that it has ended."""
    text = b""
    while b'"ended"' not in text and time.monotonic() < deadline:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        data = os.read(reader, 65536) if ready else b""
        if not data:
            break
        text += data
    return text.decode()


if __name__ == "__main__":
    main()
