"""What dladvise finds in real packages, each finding with its line, to be read by a person.

    python benchmarks/wild.py [--counts] [--only DL104,DL302] [--show-hints]

Nothing of these packages is installed or run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.sources import CACHE, Package, packages


@dataclass(frozen=True)
class Outcome:
    """What one run of dladvise over a package said."""

    findings: list[dict[str, Any]]
    errors: str  # standard error, whole
    seconds: float


def checked(package: Package, options: list[str]) -> Outcome:
    """The findings in a package, and what else was said."""
    command = [sys.executable, "-m", "dladvise", "check", "--output-format", "json"]
    command += ["--no-cache", "--exit-zero", *options, "."]
    start = time.perf_counter()
    run = subprocess.run(command, cwd=package.folder, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    findings = json.loads(run.stdout) if run.stdout.strip() else []
    return Outcome(findings, run.stderr.strip(), seconds)


def show(package: Package, finding: dict[str, Any]) -> None:
    path = package.folder / finding["path"]
    line = path.read_text(encoding="utf-8").splitlines()[finding["line"] - 1].strip()
    place = f"{package.name}: {finding['path']}:{finding['line']}:{finding['column']}"
    print(f"{place}\n  {finding['code']} {finding['severity']}: {finding['message']}\n  > {line}")
    for other in finding["related"]:
        print(f"    {other['path']}:{other['line']}: {other['message']}")


def main() -> int:
    parser = argparse.ArgumentParser(description="What dladvise finds in real packages.")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    parser.add_argument("--cores", default="8", help="cores of the machine the code is for")
    parser.add_argument("--counts", action="store_true", help="only the table")
    parser.add_argument("--only", help="codes, with commas")
    parser.add_argument("--package", help="only this one")
    parser.add_argument("--show-hints", action="store_true")
    arguments = parser.parse_args()

    options = ["--target-cores", arguments.cores]
    options += ["--show-hints"] if arguments.show_hints else []
    options += ["--select", arguments.only] if arguments.only else []
    total: Counter[str] = Counter()
    rows: list[str] = []
    broken = 0
    for package in packages(arguments.cache):
        if arguments.package not in (None, package.name):
            continue
        outcome = checked(package, options)
        if not arguments.counts:
            for finding in outcome.findings:
                show(package, finding)
        if outcome.errors:
            broken += 1
            print(f"{package.name} {package.version}: {outcome.errors}", file=sys.stderr)
        codes = Counter(finding["code"] for finding in outcome.findings)
        total += codes
        rows.append(
            f"| {package.name} {package.version} | {len(package.files())} | {outcome.seconds:.1f} "
            f"| {codes.total()} | {listed(codes)} |"
        )
    print("\n| package | files | seconds | findings | by code |\n|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\nAll {total.total()}: {listed(total)}")
    return 1 if broken else 0


def listed(codes: Counter[str]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))


if __name__ == "__main__":
    sys.exit(main())
