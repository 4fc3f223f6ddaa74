"""Runs every program of oracle_cases.json under torch and writes down what it did.

    python tests/make_oracle.py [--check]

`--check` writes nothing and exits with 1 where torch does something else than is
written. Process numbers and lists of overloads in messages are left out.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
CASES = HERE / "oracle_cases.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    oracle = json.loads(CASES.read_text(encoding="utf-8"))
    programs = [program(oracle["prelude"], case) for case in oracle["cases"]]
    changed = 0
    for case, found in zip(oracle["cases"], observed(programs), strict=True):
        found = {"observed": found["observed"], "message": steady(found["message"])}
        if any(case.get(key) != value for key, value in found.items()):
            changed += 1
            print(f"{case['id']}: {found['observed']} {found['message'] or ''}")
        case |= found
    print(f"{len(programs)} programs, {changed} changed")
    if check:
        return 1 if changed else 0
    oracle["torch"] = version("torch").partition("+")[0]
    CASES.write_text(json.dumps(oracle, indent=1) + "\n", encoding="utf-8")
    return 0


def program(prelude: str, case: dict[str, str]) -> str:
    """The whole text of one case, its value in the name `made`."""
    setup = f"{case['setup']}\n" if case["setup"] else ""
    return f"{prelude}{setup}made = {case['expression']}\n"


def observed(programs: list[str], processes: int = 2) -> list[dict[str, str | None]]:
    """What torch does with each program, in order."""
    with ThreadPoolExecutor(processes) as pool:
        shares = [programs[index::processes] for index in range(processes)]
        answers = list(pool.map(_observed, shares))
    return [answers[index % processes][index // processes] for index in range(len(programs))]


def _observed(programs: list[str]) -> list[dict[str, str | None]]:
    ran = subprocess.run(
        [sys.executable, str(HERE / "torch_runner.py")],
        input="".join(json.dumps(program) + "\n" for program in programs),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def steady(message: str | None) -> str | None:
    """The message without what differs from run to run or from build to build."""
    if not message:
        return None
    first = message.splitlines()[0]
    return re.sub(r"\(pid\(s\) [\d, ]+\)", "(pid(s) ...)", first)[:160]


if __name__ == "__main__":
    sys.exit(main())
