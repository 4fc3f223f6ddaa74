"""dladvise on the bundled examples, on a machine that has only Python.

Makes .venv in the checkout, installs dladvise there (without torch: reading
code needs none) and checks examples/.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environment import NotPossible, python_with

ROOT = Path(__file__).resolve().parent.parent

# The examples are written for a machine of this size, wherever they are read.
CORES = "8"


def main() -> int:
    try:
        python = python_with(frozenset())
    except NotPossible as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 2
    command = ["check", "examples", "--target-cores", CORES]
    print(f"$ dladvise {' '.join(command)}", flush=True)
    run = [str(python), "-m", "dladvise", *command]
    found = subprocess.run(run, check=False, cwd=ROOT).returncode
    return 0 if found == 1 else found or 1  # the examples are there to be found fault with


if __name__ == "__main__":
    sys.exit(main())
