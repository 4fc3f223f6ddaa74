"""The one check of everything: format, lint, strict types, generated docs, tests.

    python3 tools/check.py [--write] [--here] [-- PYTEST ARGUMENTS]

Makes its own environment in .venv first, so a bare Python is enough; `--here`
takes the running interpreter as it is. `--write` repairs what can be repaired.
`--self-test` plants mistakes into a copy and proves that they are reported: a
green type check has been known to read nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import editors, vscode
from tools.environment import NotPossible, python_with
from tools.link import link

ROOT = Path(__file__).resolve().parent.parent
PYTHON_M = [sys.executable, "-m"]

# Where a mistake is planted, and the words that must come back.
PLANTED = {
    "types": (
        '\nplanted: int = "text"\n',
        'Incompatible types in assignment (expression has type "str"',
    ),
    "lint": ("\nimport planted\n", "F401"),
}


# The commands of the check, by name; the tests stand last, where their summary is seen.
CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "docs": ["tools.rule_index"],
    "alone": ["pytest", "-m", "alone"],
    "tests": ["pytest", "-m", "not alone", "--numprocesses", "auto", "--dist", "worksteal"],
}
NOTHING_COLLECTED = 5  # pytest's exit status
REPAIRS = {
    **CHECKS,
    "lint": ["ruff", "check", "--fix", "."],
    "format": ["ruff", "format", "."],
    "docs": ["tools.rule_index", "--write"],
}


def check(commands: dict[str, list[str]]) -> int:
    """Run every command, also after one failed; 1 if any did."""
    failed = []
    for name, command in commands.items():
        print(f"== {name}: python -m {' '.join(command)}", flush=True)
        start = time.perf_counter()
        status = subprocess.run([*PYTHON_M, *command], check=False, cwd=ROOT).returncode
        if status not in ((0, NOTHING_COLLECTED) if name == "alone" else (0,)):
            failed.append(name)
        print(f"-- {name}: {time.perf_counter() - start:.1f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def self_test() -> int:
    """Reports whether planted mistakes are found where nobody imports the file statically."""
    rule = sorted(path.name for path in (ROOT / "advisor" / "rules").glob("[a-z]*.py"))[0]
    places = [f"advisor/rules/{rule}"]
    if (ROOT / "probe" / "inside").is_dir():
        places.append("probe/inside/__init__.py")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        copied(copy)
        for place in places:
            with (copy / place).open("a", encoding="utf-8") as file:
                file.write("".join(text for text, _ in PLANTED.values()))
        for name, (_, words) in PLANTED.items():
            run = [*PYTHON_M, *CHECKS[name]]
            done = subprocess.run(run, check=False, cwd=copy, capture_output=True, text=True)
            for place in places:
                told = any(
                    words in part and (place in part or f"dladvise/{place}" in part)
                    for part in _reports(done.stdout)
                )
                print(f"{'found' if told else 'MISSED'}: {name} mistake planted in {place}")
                missed += not told
    return 1 if missed else 0


def copied(place: Path) -> None:
    """Copy the checkout to `place`, without what is made in it, and link it as here."""
    shutil.copytree(ROOT, place, ignore=_made)
    link(place)


def _made(folder: str, names: list[str]) -> set[str]:
    """The names in `folder` that are made, not written: environments, caches, links, builds."""
    made = (".git", ".venv", ".*_cache", ".coverage*", "*.egg-info", "build", "dist")
    patterns = (*made, "__pycache__", "node_modules")
    return {
        name
        for name in names
        if any(fnmatch(name, pattern) for pattern in patterns) or (Path(folder) / name).is_symlink()
    }


def _reports(output: str) -> list[str]:
    """The reports in a linter's output: a line each (mypy), or paragraphs (ruff)."""
    return [*output.splitlines(), *output.split("\n\n")]


def main() -> int:
    parser = argparse.ArgumentParser(description="Check everything, as CI does.")
    parser.add_argument("--write", action="store_true", help="repair what can be repaired")
    parser.add_argument("--here", action="store_true", help="use this interpreter as it is")
    parser.add_argument("--self-test", action="store_true", help="are planted mistakes found?")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    if not arguments.here:
        try:
            python = python_with(frozenset({"dev"}))
        except NotPossible as problem:
            print(f"check: {problem}", file=sys.stderr)
            return 2
        again = [str(python), __file__, "--here", *sys.argv[1:]]
        return subprocess.run(again, check=False).returncode
    os.environ.pop("PYTHONPATH", None)  # somebody else's packages are not ours to check
    link()
    if arguments.self_test:
        return self_test()
    commands = REPAIRS if arguments.write else CHECKS
    in_ci = bool(os.environ.get("CI"))  # elsewhere nothing is installed unasked
    if in_ci:
        editors.provide()
        reason = vscode.provide()
        if reason is not None:
            print(f"vscode: {reason}", flush=True)
    tests = {name: [*commands[name], *arguments.pytest] for name in ("alone", "tests")}
    status = check({**commands, **tests})
    for editor in (*editors.missing(), *vscode.missing()) if in_ci else ():
        print(f"NOT TESTED, not installed: {editor}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
