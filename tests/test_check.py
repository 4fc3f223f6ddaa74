"""The check reports what it should: mistakes planted into a copy are found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_planted_mistakes_are_found() -> None:
    run = [sys.executable, "tools/check.py", "--here", "--self-test"]
    done = subprocess.run(run, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("found: ") == done.stdout.count("\n") >= 4
