"""`dladvise rule CODE --prove`: what rules claim, shown on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dladvise.advisor import all_rules
from dladvise.proving import PROOFS, WITHOUT, proof_of

from .front_door import dladvise, environment
from .probing import left_behind

PROVEN = [rule for rule in all_rules() if proof_of(rule) is not None]
# What takes time says nothing certain on a busy machine; these differ many times over.
TIMED = {"DL303", "DL304"}
# What pages a worker has for itself is the kernel's business: on a busy machine it may be few.
ACCOUNTED = {"DL501"}


def test_every_proof_is_of_a_rule() -> None:
    names = {path.stem for path in PROOFS.glob("*.py")} - {"__init__", "run"}
    assert names == {rule.name.replace("-", "_") for rule in PROVEN}
    assert not {rule.code for rule in PROVEN} & WITHOUT.keys()
    assert WITHOUT.keys() <= {rule.code for rule in all_rules()}


@pytest.mark.slow
@pytest.mark.parametrize("rule", PROVEN, ids=lambda rule: rule.code)
def test_the_claim_is_shown(rule, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    proof = proof_of(rule)
    assert proof is not None
    done = dladvise("rule", rule.code, "--prove", "--output-format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    counted = proof.turns == 1 and rule.code not in ACCOUNTED
    if counted or rule.code in TIMED:
        assert found["shown"], found
        assert done.returncode == 0
    else:
        assert found["errors"] == {}
        assert [len(values) for values in found["values"].values()] == [proof.turns] * 2
    assert left_behind(tmp_path) == []


def test_it_is_printed_for_people(tmp_path: Path) -> None:
    done = dladvise("rule", "DL003", "--prove", cwd=tmp_path)
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "  -> ValueError: persistent_workers option needs num_workers > 0" in text
    assert "  -> no error" in text
    assert "Shown: torch raises for the one, and not for the other." in text
    assert "the whole program: " in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["DL200", "--prove"], "DL200: there is no proof of it to run"),
        (["--all", "--prove"], "--prove shows one rule"),
        (["DL003", "--prove", "--interpreter", "no/such"], "there is no such interpreter"),
        (["DL003", "--interpreter", "python3"], "--interpreter goes with --prove"),
    ],
)
def test_what_cannot_be_proven(tmp_path: Path, words: list[str], complaint: str) -> None:
    done = dladvise("rule", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr.decode()


def test_a_python_without_torch_is_told(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    done = dladvise("rule", "DL003", "--prove", "--interpreter", str(bare), cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no torch; --interpreter names a Python that has it" in done.stderr.decode()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no Ctrl-C to send")
def test_nothing_is_left_after_an_interrupt(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dladvise", "rule", "DL303", "--prove"]
    child = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(3)
    child.send_signal(signal.SIGINT)
    _, complaints = child.communicate(timeout=20)
    assert child.returncode == 130 and b"Traceback" not in complaints
    assert left_behind(tmp_path) == []
