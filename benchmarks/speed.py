"""How long dladvise takes, beside other linters on the same files, in one run.

    python benchmarks/speed.py [--cache DIR] [--repeats N]

Single times say little on a shared machine, so commands that are compared take
turns, and the figure is the median of the ratios of neighbours. The others are
installed into an environment of their own, in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.sources import CACHE, packages
from dladvise import __version__

ROOT = Path(__file__).resolve().parent.parent
OTHERS = {"ruff": "0.17.6", "torchfix": "0.7.0", "torch-preflight": "0.5.0"}
SCRIPT_LINES = 300
N_LOADER_FILES = 100
OTHERS_REPEATS = 2  # they take minutes


@dataclass(frozen=True)
class Command:
    """A command under a name, and the exit statuses that mean it did its work."""

    name: str
    words: Sequence[str | Path]
    fine: frozenset[int] = frozenset({0, 1})

    def seconds(self, folder: Path) -> float:
        start = time.perf_counter()
        done = subprocess.run(self.words, cwd=folder, check=False, capture_output=True, text=True)
        took = time.perf_counter() - start
        if done.returncode not in self.fine:
            raise SystemExit(f"{self.name} failed with {done.returncode}: {done.stderr[-2000:]}")
        return took

    def peak_mb(self, folder: Path) -> float:
        """The greatest sum of what its processes had in memory, looked at every 10 ms."""
        run = psutil.Popen(
            self.words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        peak = 0
        while run.poll() is None:
            peak = max(peak, _resident(run))
            time.sleep(0.01)
        return peak / 2**20


def _resident(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass  # it ended between two looks
    return total


def turns(commands: Sequence[Command], folder: Path, repeats: int) -> dict[str, list[float]]:
    """The seconds of each command, in turns."""
    taken: dict[str, list[float]] = {command.name: [] for command in commands}
    for _ in range(repeats):
        for command in commands:
            taken[command.name].append(command.seconds(folder))
    return taken


def warmed(commands: Sequence[Command], folder: Path) -> Sequence[Command]:
    """The commands, after one run of each that does not count."""
    for command in commands:
        command.seconds(folder)
    return commands


def table(taken: dict[str, list[float]], first: str) -> None:
    """Print each command's times, and `first`'s as a multiple of them."""
    print(f"| command | fastest s | median s | {first} takes |\n|---|---|---|---|")
    for name, seconds in taken.items():
        ratios = [mine / theirs for mine, theirs in zip(taken[first], seconds, strict=True)]
        times = f"{min(seconds):.3f} | {statistics.median(seconds):.3f}"
        spread = f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {times} | {spread if name != first else '-'} |")


def main() -> int:
    parser = argparse.ArgumentParser(description="How long dladvise takes.")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    files = [path for package in packages(arguments.cache) for path in package.files()]
    with tempfile.TemporaryDirectory(prefix="dladvise-speed-") as name:
        folder = Path(name)
        tools = others(folder / "others")
        describe()
        on_a_tree(copied(files, folder / "tree"), tools, arguments.repeats)
        on_a_script(script(folder / "script"), arguments.repeats * 2)
        loaders = [path for path in files if "DataLoader(" in path.read_text(errors="replace")]
        chosen = copied(loaders[:N_LOADER_FILES], folder / "loaders")
        beside_others(chosen, tools)
    return 0


def dladvise(*words: str) -> Command:
    command = [sys.executable, "-m", "dladvise", "check", "--no-cache", "--target-cores", "8"]
    return Command(" ".join(["dladvise check", *words]), [*command, *words, "."])


def on_a_tree(tree: Path, tools: dict[str, Path], repeats: int) -> None:
    count = sum(1 for _ in tree.rglob("*.py"))
    print(f"\n## A tree of {count} files\n")
    ruff: list[str | Path] = [
        tools["ruff"],
        "check",
        "--isolated",
        "--select",
        "F,B",
        "--no-cache",
        "-q",
        ".",
    ]
    commands = [dladvise(), Command("ruff check --select F,B", ruff)]
    table(turns(warmed(commands, tree), tree, repeats), commands[0].name)
    print()
    for command in commands:
        print(f"Peak memory, {command.name}: {command.peak_mb(tree):.0f} MB")


def on_a_script(folder: Path, repeats: int) -> None:
    lines = len((folder / "train.py").read_text().splitlines())
    print(f"\n## One script of {lines} lines\n")
    commands = [dladvise(), Command("python -c pass", [sys.executable, "-c", "pass"])]
    table(turns(warmed(commands, folder), folder, repeats), commands[0].name)
    print(f"\nPeak memory, {commands[0].name}: {commands[0].peak_mb(folder):.0f} MB")


def beside_others(folder: Path, tools: dict[str, Path]) -> None:
    count = sum(1 for _ in folder.rglob("*.py"))
    print(f"\n## The other linters for PyTorch, on {count} files that build a DataLoader\n")
    commands = [
        dladvise(),
        Command("torchfix --select ALL", [tools["torchfix"], "--select", "ALL", "."]),
        Command("torch-preflight check", [tools["torch-preflight"], "check", "."]),
    ]
    table(turns(commands, folder, OTHERS_REPEATS), commands[0].name)


def copied(files: Sequence[Path], folder: Path) -> Path:
    """A flat copy, a folder for every hundred, outside of any repository and configuration."""
    for number, path in enumerate(files):
        place = folder / f"part{number // 100:03}" / f"m{number:05}_{path.name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return folder


def script(folder: Path) -> Path:
    """A folder with one training script, made of the examples."""
    folder.mkdir()
    lines: list[str] = []
    for path in sorted((ROOT / "examples").glob("*.py")):
        lines += path.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) < SCRIPT_LINES:
        raise SystemExit(f"the examples have only {len(lines)} lines")
    cut = max(at for at in range(SCRIPT_LINES) if lines[at].startswith(("def ", "class ")))
    (folder / "train.py").write_text("".join(lines[:cut]), encoding="utf-8")
    return folder


def others(folder: Path) -> dict[str, Path]:
    """The commands of the other tools, from an environment made for them."""
    venv.create(folder, with_pip=True)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    wanted = [f"{name}=={version}" for name, version in OTHERS.items()]
    pip: list[str | Path] = [commands / "python", "-m", "pip", "install", "--quiet", *wanted]
    subprocess.run(pip, check=True, stderr=subprocess.PIPE)
    return {name: commands / name for name in OTHERS}


def describe() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version}" for name, version in OTHERS.items())
    print(f"{platform.system()} {platform.machine()}, {cores} cores, {memory:.0f} GiB")
    print(f"Python {platform.python_version()}, dladvise {__version__}, {versions}")


if __name__ == "__main__":
    sys.exit(main())
