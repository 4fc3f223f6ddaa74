"""A virtual environment in the checkout with the project and all it needs, on a bare machine.

Written for any Python 3 and the standard library alone: it is what a newcomer's
interpreter runs first. Debian's python3 may lack ensurepip (package python3-venv):
root gets it by apt-get, anybody else is told.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".venv"
OLDEST = (3, 10)


class NotPossible(Exception):
    """The environment cannot be made; the text says why and what to do, in one line."""


def python_with(extras: frozenset[str]) -> Path:
    """The interpreter of an environment that has the project, editable, with `extras`."""
    if sys.version_info < OLDEST:
        raise NotPossible(
            "dladvise needs Python {}.{} or newer, this is {}.{}".format(
                *OLDEST, *sys.version_info[:2]
            )
        )
    python = PLACE / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = PLACE / "installed.json"
    has = _installed(stamp)
    if has is not None and extras <= has:
        return python
    if not python.exists() or not _has_pip(python):
        _create(python)
    extras |= has or frozenset()
    _install(python, extras)
    stamp.write_text(json.dumps({"from": _fingerprint(), "extras": sorted(extras)}))
    return python


def _installed(stamp: Path) -> frozenset[str] | None:
    """The extras that an up-to-date environment has; None where there is no such one."""
    try:
        noted = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return None
    return frozenset(noted["extras"]) if noted.get("from") == _fingerprint() else None


def _fingerprint() -> str:
    """Changes when what must be installed, or the checkout's place, changes."""
    parts = [sys.version.encode(), str(ROOT).encode()]
    parts += [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _install(python: Path, extras: frozenset[str]) -> None:
    wanted = f"{ROOT}[{','.join(sorted(extras))}]" if extras else str(ROOT)
    print(f"installing into {PLACE}, which takes a while ...", file=sys.stderr, flush=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = str(ROOT / "constraints.txt")
    done = subprocess.run(
        [*pip, "--constraint", constraints, "--editable", wanted],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # of interest only where it fails: setuptools warns at length
        text=True,
    )
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        raise NotPossible("pip could not install the project; its own words are above")


def _has_pip(python: Path) -> bool:
    run = [str(python), "-m", "pip", "--version"]
    return subprocess.run(run, check=False, capture_output=True).returncode == 0


def _create(python: Path) -> None:
    """Make the environment, or make it again where it is half done."""
    venv = [sys.executable, "-m", "venv", "--clear", str(PLACE)]
    made = subprocess.run(venv, check=False, capture_output=True, text=True)
    if made.returncode != 0 and _may_install_packages():
        # Debian ships venv's other half, ensurepip, in a package of its own
        print("installing python3-venv by apt-get ...", file=sys.stderr, flush=True)
        for command in (["update"], ["install", "--yes", "python3-venv"]):
            subprocess.run(["apt-get", "--quiet", *command], check=False, capture_output=True)
        made = subprocess.run(venv, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        words = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
        raise NotPossible(
            f"python3 -m venv failed ({words[-1]}); on Debian: sudo apt install python3-venv"
        )


def _may_install_packages() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0
