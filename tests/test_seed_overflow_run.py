"""What DL014 claims is what torch and numpy do: its document's first programs are run."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import dladvise.advisor.rules
from tests.rule_documents import cases

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
FOLDER = Path(dladvise.advisor.rules.__file__).parent
READ = "print(sum(len(batch) for batch in loader))\n"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program + READ],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_numpy_refuses_the_seed_of_a_worker_and_takes_its_lower_bits() -> None:
    case = next(one for one in cases(FOLDER / "numpy_seed_overflow.md") if one.kind == "bad")
    assert case.fixed is not None
    refused = run(case.code)
    assert "ValueError: Seed must be between 0 and 2**32 - 1" in refused.stderr
    assert run(case.fixed).stdout == "8\n"
