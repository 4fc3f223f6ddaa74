"""Builds the VS Code extension, with the server and all that it needs inside.

    python3 tools/vsix.py [--target PLATFORM]

The extension must run where nothing is installed and nothing can be: it brings the wheels of
dladvise and its dependencies, unpacked into one folder. Parts of libcst are native; their files
bear the version of Python in their names, so those for all versions lie side by side.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
EXTENSION = ROOT / "editors" / "vscode"
DIST = ROOT / "dist"

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# VS Code's names of platforms, and the tags of the wheels that run there.
TARGETS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "linux-arm64": ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
    "alpine-x64": ("musllinux_1_2_x86_64",),
    "alpine-arm64": ("musllinux_1_2_aarch64",),
    "darwin-x64": ("macosx_11_0_x86_64",),
    "darwin-arm64": ("macosx_11_0_arm64",),
    "win32-x64": ("win_amd64",),
}
# What the oldest Python needs beside; pip asks the running one.
FOR_OLD_PYTHONS = ("exceptiongroup", "tomli", "typing-extensions")
# libcst asks for PyYAML, and needs it for its own command line only.
LEFT_OUT = ("yaml/", "_yaml/", "PyYAML", "pyyaml")
MOST_MB = 15.0
LONGEST_S = 900  # for any one command


class BuildError(Exception):
    """The extension cannot be built; the text says why, in one line."""


def build(target: str, place: Path) -> Path:
    """The path of the extension for a platform, built anew into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        stage, wheels = Path(folder) / "extension", Path(folder) / "wheels"
        made = shutil.ignore_patterns("node_modules", "dist", "__pycache__")
        shutil.copytree(EXTENSION, stage, ignore=made)
        _compile(stage / "dist" / "extension.js")
        for name in ("LICENSE", "CHANGELOG.md"):
            shutil.copy(ROOT / name, stage)
        wheels.mkdir()
        _collect(wheels, target)
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack(wheel, stage / "bundled" / "libs")
        return _package(stage, target, place)


def here() -> str:
    """VS Code's name of this platform."""
    systems = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
    machines = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "ARM64": "arm64"}
    system, machine = platform.system(), platform.machine()
    return f"{systems.get(system, system)}-{machines.get(machine, machine)}"


def _compile(bundle: Path) -> None:
    """Check the types of the TypeScript, and make one file of JavaScript of it."""
    installed = EXTENSION / "node_modules" / ".package-lock.json"
    lock = EXTENSION / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run(["npm", "ci", "--no-audit", "--no-fund"], EXTENSION)
    run = ["npm", "run", "--silent"]
    _run([*run, "types"], EXTENSION)
    _run([*run, "bundle", "--", f"--outfile={bundle}"], EXTENSION)


def _collect(wheels: Path, target: str) -> None:
    """Put into a folder our wheel, and those of what it needs for every Python."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"  # a build leaves its traces where it is made
        _copy_sources(checkout)
        _run([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(checkout)], ROOT)
    (ours,) = wheels.glob("dladvise-*.whl")
    download = [*pip, "download", "--only-binary", ":all:", "--dest", str(wheels)]
    download += ["--implementation", "cp"]
    for tag in TARGETS[target]:
        download += ["--platform", tag]
    first, *others = PYTHONS
    _run([*download, "--python-version", first, str(ours), *FOR_OLD_PYTHONS], ROOT)
    (libcst,) = wheels.glob("libcst-*.whl")
    version = libcst.name.split("-")[1]
    for python in others:
        one = ["--python-version", python, "--no-deps", f"libcst=={version}"]
        _run([*download, *one], ROOT)


def _copy_sources(place: Path) -> None:
    made = shutil.ignore_patterns("__pycache__", "*.egg-info")
    place.mkdir()
    for room in ("advisor", "server", "probe"):
        shutil.copytree(ROOT / room, place / room, ignore=made)
    rooms = {path.name for path in (ROOT / "dladvise").iterdir() if path.is_symlink()}
    own = shutil.ignore_patterns("__pycache__", *rooms)
    shutil.copytree(ROOT / "dladvise", place / "dladvise", ignore=own)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)


def _unpack(wheel: Path, place: Path) -> None:
    """Unpack what the server needs, and the licence of everything."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            folders = Path(name).parts[:-1]
            scripts = bool(folders) and folders[0].endswith(".data")
            if name.startswith(LEFT_OUT) or "tests" in folders or scripts:
                continue
            archive.extract(name, place)


def _package(stage: Path, target: str, place: Path) -> Path:
    vsce = EXTENSION / "node_modules" / ".bin" / ("vsce.cmd" if os.name == "nt" else "vsce")
    place.mkdir(exist_ok=True)
    path = place / f"dladvise-{target}.vsix"
    words = ["package", "--no-dependencies", "--target", target, "--out", str(path)]
    _run([str(vsce), *words], stage)
    size = megabytes(path)
    if size > MOST_MB:
        raise BuildError(f"{path} has {size:.1f} MB, more than {MOST_MB:.0f}")
    return path


def megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
        )
    except FileNotFoundError:
        raise BuildError(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"{' '.join(command[:3])} took more than {LONGEST_S} s") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        telling = (
            [line for line in lines if "error" in line.lower()] or lines or ["no reason given"]
        )
        raise BuildError(f"{' '.join(command[:3])} failed: {telling[0].strip()}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the VS Code extension.")
    parser.add_argument("--target", choices=[*TARGETS], default=here(), help="default: %(default)s")
    target: str = parser.parse_args().target
    try:
        path = build(target, DIST)
    except BuildError as problem:
        print(f"vsix: {problem}", file=sys.stderr)
        return 1
    print(f"{path.relative_to(ROOT)}  {megabytes(path):.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
