"""Several ranks that torch's launcher has started: one leads, the others follow.

`torchrun --nproc-per-node 2 -m dladvise probe train.py:42` starts dladvise in every
rank. Rank 0 listens and measures; every rank runs the script under a guard of its own,
and its agent speaks to rank 0.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from .request import Request
from .results import Cancelled, NotEnough, WrongUse

LOOK_S = 0.1


class Launched(NamedTuple):
    """This process as torch's launcher has started it; `folder` is where ranks meet."""

    rank: int
    ranks: int
    folder: Path


def launched(environ: Mapping[str, str] = os.environ) -> Launched | None:
    """What torch's launcher says in the environment; None where it did not start us."""
    if "TORCHELASTIC_RUN_ID" not in environ:
        return None
    ranks = int(environ.get("WORLD_SIZE", "1"))
    if int(environ.get("LOCAL_WORLD_SIZE", ranks)) != ranks:
        raise WrongUse(
            "ranks on several nodes: measure on one of them (torchrun --nnodes 1), because "
            "every node feeds its own loaders"
        )
    run = environ["TORCHELASTIC_RUN_ID"], environ.get("MASTER_PORT", "0"), str(os.getppid())
    name = "-".join("".join(c for c in word if c.isalnum()) for word in run)
    folder = Path(tempfile.gettempdir(), f"dladvise-{name}")
    return Launched(int(environ.get("RANK", "0")), ranks, folder)


def publish(folder: Path, token: str) -> None:
    """Let the other ranks know that rank 0 listens in this folder."""
    unfinished = folder / "token.unfinished"
    unfinished.write_text(token, encoding="ascii")
    unfinished.rename(folder / "token")


def awaited(us: Launched, seconds: float) -> str:
    """The token that rank 0 has published; NotEnough where it has not in the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            token = (us.folder / "token").read_text(encoding="ascii")
        except OSError:
            time.sleep(LOOK_S)
            continue
        if hasattr(os, "getuid") and us.folder.stat().st_uid != os.getuid():
            raise WrongUse(f"{us.folder} belongs to somebody else")
        return token
    raise NotEnough(f"rank 0 did not start within {seconds:g} s")


def follow(request: Request, cancelled: Callable[[], bool] = lambda: False) -> None:
    """In a rank other than 0: run the script, and let rank 0 measure in it."""
    from .session import Session

    us = launched(request.env)
    assert us is not None and us.rank > 0, "only ranks that torch's launcher started follow"
    token = awaited(us, request.reach_seconds)
    with Session(request, meeting=(us.folder, token)) as session:
        session.launch()
        while not session.ended:
            if cancelled():
                raise Cancelled("interrupted")
            time.sleep(LOOK_S)
