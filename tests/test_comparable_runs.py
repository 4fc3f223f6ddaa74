"""What the hints on seeds and on pinning claim is what torch does: programs are run."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from dladvise.advisor import Safety, Source, all_rules, analyze, fixed
from dladvise.advisor.findings import Report

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")

SEEDED = """
import torch
from torch.utils.data import DataLoader

torch.manual_seed(0)
unused = EXTRA
model = torch.ones(1, requires_grad=True)
loader = DataLoader(range(100), shuffle=True)
for batch in loader:
    print(batch.item())
    (model * batch).sum().backward()
"""


def checked(source: Source) -> Report:
    return analyze(source, chosen=[rule for rule in all_rules() if rule.code == "DL904"])


def order(program: str, extra: str) -> str:
    """The samples in the order that they come in, with something else in the program."""
    done = subprocess.run(
        [sys.executable, "-c", program.replace("EXTRA", extra)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_what_is_drawn_before_changes_the_order_until_the_loader_has_a_generator() -> None:
    report = checked(Source("case.py", SEEDED))
    assert [finding.rule.code for finding in report.findings] == ["DL904"]
    assert order(SEEDED, "None") != order(SEEDED, "torch.nn.Linear(3, 3)")

    after, _ = fixed(report, checked, frozenset(Safety))
    program = after.source.text
    assert order(program, "None") == order(program, "torch.nn.Linear(3, 3)")
