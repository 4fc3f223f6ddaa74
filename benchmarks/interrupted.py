"""What is left of measurements that end badly: nothing, it should be.

    python benchmarks/interrupted.py [--runs 50] [--seed 0]

Each run of `dladvise probe` is ended at a random moment: by Ctrl-C, by SIGTERM, or by
killing it, its guard, the user's script, a measuring process or a worker with SIGKILL.
Two seconds after dladvise has ended, the processes that it left and the files in
/dev/shm are counted. Linux only. Ends with status 1 where there are any.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parent.parent
MARK = "DLADVISE_BENCHMARK_RUN"
SHM = Path("/dev/shm")
WAYS = ("Ctrl-C", "SIGTERM", "kill dladvise", *(f"kill {who}" for who in ("guard", "script")))
WAYS += ("kill candidate", "kill worker")
DEPTH = {"kill guard": 1, "kill script": 2, "kill candidate": 3, "kill worker": 4}
LONGEST_S = 60.0
STATUSES = {  # the exit status that a user may see
    # by the signal itself where Python had not begun to run dladvise
    "Ctrl-C": {130, -signal.SIGINT},
    "SIGTERM": {143, -signal.SIGTERM},
    "kill dladvise": {-signal.SIGKILL},
}
ANY = {0, 1, 3}  # measured in spite of it, or an error that says what was killed


class Outcome(NamedTuple):
    """One interrupted run, and what was still there two seconds after it."""

    way: str
    after_s: float
    status: int | None
    processes: list[str]
    files: set[str]

    @property
    def good(self) -> bool:
        expected = STATUSES.get(self.way, ANY)
        return self.status in expected and not self.processes and not self.files


def interrupted(loader: str, way: str, after_s: float) -> Outcome:
    """Run a measurement and end it in this way once so much time has passed."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    before = abandoned_shm()
    run = subprocess.Popen(
        [sys.executable, "-m", "dladvise", "probe", f"{ROOT}/benchmarks/loaders.py::{loader}"],
        env={**os.environ, "PYTHONPATH": str(ROOT), MARK: mark},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after_s)
    if run.poll() is not None:
        way = "had ended"
    elif way == "kill dladvise":
        run.kill()
    elif way in DEPTH:
        victims = [process for process in living(mark) if depth(process, run.pid) == DEPTH[way]]
        if victims:
            random.choice(victims).kill()
        else:
            way = "Ctrl-C"  # there is none at the moment
    if way in ("Ctrl-C", "SIGTERM"):
        run.send_signal(signal.SIGINT if way == "Ctrl-C" else signal.SIGTERM)
    try:
        status = run.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        status = None
    deadline = time.monotonic() + 2.0
    while (left := living(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    files = abandoned_shm() - before
    names = [" ".join(process.cmdline()[:4]) for process in left]
    for process in left:
        process.kill()
    return Outcome(way, after_s, status, names, files)


def living(mark: str) -> list[psutil.Process]:
    """The processes of a run, by their environment, wherever they went."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get(MARK) == mark
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def abandoned_shm() -> set[str]:
    """The files in /dev/shm, where there is one, that no living process has mapped."""
    if not SHM.is_dir():
        return set()
    # before the maps: a file that is made meanwhile is in neither, or in both
    files: dict[Path, int] = {}
    for path in SHM.iterdir():
        with suppress(OSError):  # gone meanwhile
            files[path] = path.stat().st_ino
    mapped: set[int] = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            lines = maps.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        # by inode: a semaphore is mapped before it has its name
        mapped.update(int(line.split(maxsplit=5)[4]) for line in lines if f" {SHM}/" in line)
    return {path.name for path, inode in files.items() if inode not in mapped and path.exists()}


def depth(process: psutil.Process, top: int) -> int:
    """How many generations below the top a process is; -1 where it is not below it."""
    try:
        for generations, parent in enumerate(process.parents(), 1):
            if parent.pid == top:
                return generations
    except psutil.Error:
        return -1
    return -1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    outcomes = []
    for number in range(options.runs):
        loader = random.choice(["mixed", "latency", "uneven", "stream", "starting"])
        after_s = random.uniform(0.1, 10.0)
        outcome = interrupted(loader, random.choice(WAYS), after_s)
        outcomes.append(outcome)
        word = "clean" if outcome.good else f"NOT CLEAN: {outcome.processes} {outcome.files}"
        status = f"status {outcome.status}"
        print(f"{number:3} {loader:10} {outcome.way:15} {after_s:5.1f} s  {status:11} {word}")
        sys.stdout.flush()
    ways = Counter(outcome.way for outcome in outcomes)
    good = sum(outcome.good for outcome in outcomes)
    print(", ".join(f"{way}: {count}" for way, count in sorted(ways.items())))
    print(f"{good} of {len(outcomes)} runs left no process and no shared memory")
    return int(good < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
