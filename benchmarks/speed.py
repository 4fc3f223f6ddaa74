"""How long dladvise takes, beside other linters on the same files, in one run.

    python benchmarks/speed.py [--quick] [--cache DIR] [--repeats N]

Single times say little on a shared machine, so commands that are compared take
turns, and the figures are ratios of neighbours: the least and the median. Two trees are
checked: packages full of loaders, and what is installed beside this interpreter. The
processor time of a command (user and system, all its processes) suffers less from
what else runs there. The others are installed into an environment of their own, in
a temporary folder. It ends with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.sources import CACHE, packages
from dladvise import __version__

ROOT = Path(__file__).resolve().parent.parent
OTHERS = {"ruff": "0.17.6", "torchfix": "0.7.0", "torch-preflight": "0.5.0"}
SCRIPT_LINES = 300
N_LOADER_FILES = 100
N_LOADER_FILES_QUICK = 20
OUR_CODE = {**os.environ, "PYTHONPATH": str(ROOT)}  # this checkout, whatever is installed

# What the project promises.
RUFF_AT_MOST = 2.0  # times as long on a tree
LEAST_FILES = 4_000  # of that tree
SCRIPT_AT_MOST_S = 0.5  # more than an interpreter that does nothing
MEMORY_BELOW_MB = 300
OTHERS_AT_LEAST = 20.0  # times as slow as we


@dataclass(frozen=True)
class Taken:
    """One run of a command: by the clock on the wall, and in processor time."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Command:
    """A command under a name, and what it prints when it did its work.

    The exit status says too little: 1 is "found something" and "there is no such module".
    """

    name: str
    words: Sequence[str | Path]
    prints: str

    def run(self, folder: Path) -> Taken:
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(
            self.words, cwd=folder, env=OUR_CODE, check=False, capture_output=True, text=True
        )
        took, after = time.perf_counter() - start, os.times()
        if done.returncode not in (0, 1) or re.search(self.prints, done.stdout) is None:
            said = (done.stdout + done.stderr)[-2000:]
            raise SystemExit(f"{self.name} did not do its work ({done.returncode}): {said}")
        user = after.children_user - before.children_user
        return Taken(took, user + after.children_system - before.children_system)

    def peak_mb(self, folder: Path) -> float:
        """The greatest sum of what its processes had in memory, looked at every 10 ms."""
        run = psutil.Popen(
            self.words,
            cwd=folder,
            env=OUR_CODE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak = 0
        while run.poll() is None:
            peak = max(peak, _in_memory(run))
            time.sleep(0.01)
        return peak / 2**20


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured, and whether that is within."""

    target: str
    measured: str
    met: bool


Runs = dict[str, list[Taken]]


def _in_memory(process: psutil.Process) -> int:
    """What the processes hold; a page that several share is divided among them where that is known.

    One that ends while it is looked at counts for nothing.
    """
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            memory = each.memory_full_info()
            total += getattr(memory, "pss", memory.uss)
    except psutil.Error:
        pass
    return total


def turns(commands: Sequence[Command], folder: Path, repeats: int) -> Runs:
    """The runs of each command, in turns."""
    taken: Runs = {command.name: [] for command in commands}
    for _ in range(repeats):
        for command in commands:
            taken[command.name].append(command.run(folder))
    return taken


def warmed(commands: Sequence[Command], folder: Path) -> Sequence[Command]:
    """The commands, after one run of each that does not count."""
    for command in commands:
        command.run(folder)
    return commands


def ratios(ours: list[Taken], theirs: list[Taken], of: Callable[[Taken], float]) -> list[float]:
    """Each of our runs as a multiple of its neighbour."""
    return [of(mine) / max(of(other), 1e-3) for mine, other in zip(ours, theirs, strict=True)]


def wall(taken: Taken) -> float:
    return taken.wall_s


def cpu(taken: Taken) -> float:
    return taken.cpu_s


def table(runs: Runs, first: str) -> None:
    """Print each command's times, and `first`'s as a multiple of them."""
    print(f"| command | wall s | CPU s | wall, {first} to it | CPU, {first} to it |")
    print("|---|---|---|---|---|")
    for name, taken in runs.items():
        cells = [spread(list(map(wall, taken)), ""), spread(list(map(cpu, taken)), "")]
        cells += ["-", "-"]
        if name != first:
            cells[2:] = [spread(ratios(runs[first], taken, of), " x") for of in (wall, cpu)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def spread(values: list[float], unit: str) -> str:
    """`0.51, median 0.55`: the least first."""
    return f"{min(values):.3g}{unit}, median {median(values):.3g}{unit}"


def main() -> int:
    parser = argparse.ArgumentParser(description="How long dladvise takes.")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    parser.add_argument("--repeats", type=int, help="runs of each command (7; 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="fewer runs and files")
    parser.add_argument("--tree", type=Path, help="compare with ruff on this folder, and stop")
    arguments = parser.parse_args()
    repeats = arguments.repeats or (3 if arguments.quick else 7)

    if arguments.tree is None:
        files = [path for package in packages(arguments.cache) for path in package.files()]
    else:
        files = sorted(arguments.tree.rglob("*.py"))
    with tempfile.TemporaryDirectory(prefix="dladvise-speed-") as name:
        folder = Path(name)
        tools = others(folder / "others")
        describe()
        verdicts = on_a_tree(copied(files, folder / "tree"), tools, repeats)
        if arguments.tree is None:
            # packages chosen because they are full of loaders are the worst there is: their
            # figures are printed, what is promised is about what people have installed
            installed = sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))
            verdicts = on_a_tree(copied(installed, folder / "installed"), tools, repeats)
            verdicts += on_a_script(script(folder / "script"), repeats * 2)
            loaders = [path for path in files if "DataLoader(" in path.read_text(errors="replace")]
            count = N_LOADER_FILES_QUICK if arguments.quick else N_LOADER_FILES
            verdicts += beside_others(copied(loaders[:count], folder / "loaders"), tools)
    print("\n## The targets\n\n| target | measured | met |\n|---|---|---|")
    for verdict in verdicts:
        print(f"| {verdict.target} | {verdict.measured} | {'yes' if verdict.met else 'NO'} |")
    return 0 if all(verdict.met for verdict in verdicts) else 1


def dladvise(n_files: int) -> Command:
    words = [sys.executable, "-m", "dladvise", "check", "--no-cache", "--target-cores", "8", "."]
    return Command("dladvise check", words, rf"\b{n_files} files?\b")


def on_a_tree(tree: Path, tools: dict[str, Path], repeats: int) -> list[Verdict]:
    count = sum(1 for _ in tree.rglob("*.py"))
    print(f"\n## A tree of {count} files\n")
    options = ["--isolated", "--select", "F,B", "--no-cache", "-q", "."]
    ours = dladvise(count)
    linter: list[str | Path] = [tools["ruff"], "check", *options]
    ruff = Command("ruff check --select F,B --no-cache", linter, r"\bB\d{3}\b")
    runs = turns(warmed([ours, ruff], tree), tree, repeats)
    table(runs, ours.name)
    peaks = {command.name: command.peak_mb(tree) for command in (ours, ruff)}
    print()
    for name, peak in peaks.items():
        print(f"Peak memory of all processes, {name}: {peak:.0f} MB")
    found = ratios(runs[ours.name], runs[ruff.name], wall)
    return [
        Verdict(
            f"a tree of at least {LEAST_FILES} files: at most {RUFF_AT_MOST:g} x ruff's wall time",
            f"{count} files, {spread(found, ' x')}",
            count >= LEAST_FILES and median(found) <= RUFF_AT_MOST,
        ),
        Verdict(
            f"memory on that tree below {MEMORY_BELOW_MB} MB",
            f"{peaks[ours.name]:.0f} MB",
            peaks[ours.name] < MEMORY_BELOW_MB,
        ),
    ]


def on_a_script(folder: Path, repeats: int) -> list[Verdict]:
    lines = len((folder / "train.py").read_text(encoding="utf-8").splitlines())
    print(f"\n## One script of {lines} lines\n")
    ours, nothing = dladvise(1), Command("python -c pass", [sys.executable, "-c", "pass"], "")
    runs = turns(warmed([ours, nothing], folder), folder, repeats)
    table(runs, ours.name)
    pairs = zip(runs[ours.name], runs[nothing.name], strict=True)
    more = [mine.wall_s - empty.wall_s for mine, empty in pairs]
    return [
        Verdict(
            f"a script of {lines} lines: at most {SCRIPT_AT_MOST_S:g} s more than python -c pass",
            spread(more, " s"),
            median(more) <= SCRIPT_AT_MOST_S,
        )
    ]


def beside_others(folder: Path, tools: dict[str, Path]) -> list[Verdict]:
    count = sum(1 for _ in folder.rglob("*.py"))
    print(f"\n## The other linters for PyTorch, on {count} files that build a DataLoader\n")
    ours = dladvise(count)
    theirs = [
        Command("torchfix --select ALL", [tools["torchfix"], "--select", "ALL", "."], r"\bTOR\d"),
        Command("torch-preflight check", [tools["torch-preflight"], "check", "."], r"in \d+ file"),
    ]
    runs = turns([*warmed([ours], folder), *theirs], folder, 1)  # they take minutes
    table(runs, ours.name)
    verdicts = []
    for command in theirs:
        slower = ratios(runs[command.name], runs[ours.name], wall)
        target = f"{count} files with loaders: {command.name} at least {OTHERS_AT_LEAST:g} x slower"
        verdicts.append(Verdict(target, spread(slower, " x"), median(slower) >= OTHERS_AT_LEAST))
    return verdicts


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
