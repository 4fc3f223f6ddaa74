"""Real code to read: the packages of packages.txt, downloaded and unpacked, never installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("packages.txt")
CACHE = Path(tempfile.gettempdir()) / "dladvise-benchmarks"


@dataclass(frozen=True)
class Package:
    """A package and the folder that its wheel was unpacked into."""

    name: str
    version: str
    folder: Path

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.py"))


def packages(cache: Path = CACHE) -> list[Package]:
    """Every package of the list; fetched once, then taken from `cache`."""
    return [fetched(line, cache) for line in LIST.read_text().splitlines() if "==" in line]


def fetched(requirement: str, cache: Path) -> Package:
    """One package in the version that is named, as `name==version`."""
    name, _, version = requirement.strip().partition("==")
    folder = cache / "src" / f"{name}-{version}"
    if not folder.is_dir():
        print(f"fetching {requirement}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as place:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            run = [*pip, "--only-binary", ":all:", "--ignore-requires-python"]
            run += ["--dest", place, requirement]
            subprocess.run(run, check=True, stderr=subprocess.PIPE)
            (wheel,) = Path(place).glob("*.whl")
            half = folder.with_suffix(".half")  # an interrupted unpacking is not taken for a whole
            zipfile.ZipFile(wheel).extractall(half)
            half.rename(folder)
    return Package(name, version, folder)
