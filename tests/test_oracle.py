"""What the rules say of a program agrees with what torch does with it.

`oracle_cases.json` has the programs, and what torch did when `make_oracle.py` ran them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dladvise.advisor import Source, analyze
from tests.make_oracle import program

ORACLE = json.loads((Path(__file__).parent / "oracle_cases.json").read_text(encoding="utf-8"))

# Rules that are not written yet, or say nothing of errors: their cases are expected to be silent.
LATER = {"DL110", "DL902"}

# FIXME: not seen yet: a class made by type(), numpy's integers, what only lengths tell, and what
# the samples of one batch have not in common.
MISSED = {
    "ds-item-missing-key",
    "ds-item-npobj",
    "ds-item-ragged",
    "ds-item-ragged-list",
    "ds-item-sparse",
    "it-no-iter",
    "split-int-trunc",
    "split-sum",
    "stack-mismatch",
    "td-mismatch",
    "wrs-npint",
}

# Torch runs these, and they are certainly not what was meant.
SILENTLY_WRONG = {
    "batchsampler-dataset",
    "ds-str",
    "ds-tuple-xy",
    "in_order-nw0",
    "pin-mem",
    "pin-mem-dev",
    "pin-mem-str",
    "pos3-int",
    "sampler-batchsampler-tensor",
    "set-shuffle",
    "shuffle-str",
    "wif-nw0-0arg",
}


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: case["id"])
def test_verdict_agrees_with_torch(case: dict[str, Any]) -> None:
    wrong = case["observed"] != "ok" or case["id"] in SILENTLY_WRONG
    decidable = case["rule"] is not None and case["rule"] not in LATER
    seen = decidable and case["id"] not in MISSED
    expected = {case["rule"]} if wrong and seen else set()
    assert verdict(program(ORACLE["prelude"], case)) == expected


def test_the_silently_wrong_run() -> None:
    ran = {case["id"] for case in ORACLE["cases"] if case["observed"] == "ok"}
    assert ran >= SILENTLY_WRONG


def verdict(text: str) -> set[str]:
    """The codes of what is reported as wrong when the loader is built or first read."""
    findings = analyze(Source("case.py", text)).findings
    return {
        finding.rule.code
        for finding in findings
        if finding.rule.code.startswith("DL0") or finding.rule.code == "DL117"
    }
