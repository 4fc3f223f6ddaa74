"""What tests of the probe share: scripts to measure, and a look for what is left behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil

from benchmarks.interrupted import abandoned_shm
from dladvise.probe import Point, Recommendation, Request, Stage, measure
from dladvise.probe.request import target

WAITING = """\
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset


class Waiting(Dataset):
    def __len__(self):
        return 800

    def __getitem__(self, index):
        time.sleep(0.002)
        return torch.full((3,), float(index))
"""


def request(words: str, folder: Path, **fields: object) -> Request:
    """A request as the command line makes it; its target's line is taken exactly."""
    aim = target(words)
    if aim.path is not None:
        aim = aim._replace(path=folder / aim.path)
    given: dict[str, object] = {
        "script": aim.path,
        "lines": None if aim.line is None else (aim.line, aim.line),
        "seconds": 6.0,
        "cwd": folder,
        **fields,
    }
    return Request(target=aim, interpreter=sys.executable, **given)  # type: ignore[arg-type]


def measured(words: str, folder: Path, **fields: object) -> Recommendation:
    """The answer, once nothing of the measurement is left."""
    before = abandoned_shm()
    told: list[Stage | Point] = []
    try:
        return measure(request(words, folder, **fields), told.append)
    finally:
        assert left_behind(folder) == []
        assert abandoned_shm() <= before


def left_behind(folder: Path, seconds: float = 2.0) -> list[str]:
    """The processes that still work in the folder after so much time."""
    deadline = time.monotonic() + seconds
    while True:
        left = [" ".join(process.cmdline()) for process in living(folder)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def living(folder: Path) -> list[psutil.Process]:
    """The processes, other than this one, whose working directory is the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.cwd() == str(folder) and process.pid != os.getpid()
            if here and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
