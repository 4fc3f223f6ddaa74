"""`dladvise rule CODE --prove`: what rules claim, shown on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dladvise.advisor import Rule, all_rules
from dladvise.interpreters import Interpreter
from dladvise.proving import PROOFS, VARIANTS, WITHOUT, Outcome, note, proof_of

from . import proof_runner
from .front_door import dladvise, environment

PROVEN = [rule for rule in all_rules() if proof_of(rule) is not None]
# What takes time says nothing certain on a busy machine; these differ many times over.
TIMED = {"DL303", "DL304"}
# What pages a worker has for itself is the kernel's business: on a busy machine it may be few.
ACCOUNTED = {"DL501"}
# Two interpreters or more are started, and each imports torch.
SPAWNING = {"DL402", "DL403"}


def test_every_proof_is_of_a_rule() -> None:
    names = {path.stem for path in PROOFS.glob("*.py")} - {"__init__", "run"}
    assert names == {rule.name.replace("-", "_") for rule in PROVEN}
    assert not {rule.code for rule in PROVEN} & WITHOUT.keys()
    assert WITHOUT.keys() <= {rule.code for rule in all_rules()}


@pytest.fixture(scope="module")
def told() -> Iterator[Callable[[list[str]], list[dict[str, object]]]]:
    command = [sys.executable, proof_runner.__file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None

        def ask(words: list[str]) -> list[dict[str, object]]:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(json.dumps(words) + "\n")
            child.stdin.flush()
            answer: list[dict[str, object]] = json.loads(child.stdout.readline())
            return answer

        yield ask
        child.stdin.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="proofs are run in forks")
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, marks=[pytest.mark.slow] if rule.code in SPAWNING else [])
        for rule in PROVEN
    ],
    ids=lambda rule: rule.code,
)
def test_the_claim_is_shown(
    rule: Rule, told: Callable[[list[str]], list[dict[str, object]]], tmp_path: Path
) -> None:
    proof = proof_of(rule)
    assert proof is not None
    if proof.platforms and not sys.platform.startswith(proof.platforms):
        pytest.skip(f"shown on {proof.platforms} alone")
    outcome = Outcome(proof, Interpreter(sys.executable, "the tests'"))
    *lines, last = told([str(tmp_path), proof.name, "1", *proof.needs])
    assert last == {"ended": True}
    for line in lines:
        note(line, outcome)
    if outcome.why_not is not None:
        assert proof.needs
        pytest.skip(outcome.why_not)
    if rule.code in TIMED or (proof.turns == 1 and rule.code not in ACCOUNTED):
        assert outcome.is_shown, outcome
    else:
        assert outcome.errors == {}
        assert [len(outcome.values[variant]) for variant in VARIANTS] == [1, 1]


def test_it_is_printed_for_people(tmp_path: Path) -> None:
    done = dladvise("rule", "DL003", "--prove", cwd=tmp_path)
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "bad   ValueError: persistent_workers option needs num_workers > 0" in text
    assert "good  no error" in text
    assert "The bad variant ends in an error that the good one avoids." in text
    assert "the program: " in text


def test_it_is_printed_for_programs(tmp_path: Path) -> None:
    done = dladvise("rule", "DL104", "--prove", "--output-format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["shown"]
    assert (found["bad"]["median"], found["good"]["median"], found["times"]) == (400, 100, 4.0)
    assert "get_worker_info" in found["good"]["code"]
    assert "get_worker_info" not in found["bad"]["code"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["DL099", "--prove"], "DL099: there is no proof of it to run"),
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
    assert "has no torch: name the project's interpreter" in done.stderr.decode()


@pytest.mark.skipif(os.name == "nt", reason="there is no such program")
def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    done = dladvise("rule", "DL003", "--prove", "--interpreter", "echo", cwd=tmp_path)
    assert done.returncode == 2
    assert "is no Python" in done.stderr.decode()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals to send")
@pytest.mark.parametrize(
    ("name", "status"), [("SIGINT", 130), ("SIGTERM", -signal.SIGTERM), ("SIGKILL", -9)]
)
def test_nothing_is_left_when_it_is_ended(name: str, status: int, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "dladvise", "rule", "DL303", "--prove"],
        cwd=tmp_path,
        env={**environment(), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_until(lambda: len(_working_below(folder)) >= 3)  # the guard, the proof, a worker
    child.send_signal(getattr(signal, name))
    _, complaints = child.communicate(timeout=20)
    assert child.returncode == status and b"Traceback" not in complaints
    _wait_until(lambda: not _working_below(folder) and not list(folder.glob("dladvise-*")))


def _wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _working_below(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found
