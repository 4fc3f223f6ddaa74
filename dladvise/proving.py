"""Shows on this machine what a rule claims: a small program, done badly and done well."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dladvise.advisor import Rule
from dladvise.probe import guard

from . import interpreters, output
from .check import WRONG_USE
from .console import complain, say
from .interpreters import Interpreter, InterpreterError

SHOWN, NOT_SHOWN = 0, 1
PROOFS = Path(__file__).parent / "proofs"
LONGEST_S = 60.0
ENDING_S = 2.5  # for the guard to end everything
PREFIX = "dladvise-"  # of folders that the guard removes if we are killed
VARIANTS = ("bad", "good")
# Why there is no proof.
WITHOUT = {
    "DL000": "the interpreter itself says where code cannot be read",
    "DL099": "it is about dladvise's own comments",
    "DL107": "it needs several ranks, and a library that divides loaders among them",
    "DL115": "it needs a GPU, and what comes out wrong depends on chance",
    "DL202": "it is about time spent beside a GPU, and nothing is bundled yet that measures it",
}


class CannotProve(Exception):
    """The claim cannot be looked at with this interpreter; one line says why."""


@dataclass(frozen=True)
class Proof:
    """A program of `proofs`, and what it says of itself."""

    path: Path
    raises: tuple[str, ...]  # by the bad variant; where empty, the variants are compared
    quantity: str
    good: str  # more, fewer or less
    least_times: float
    shown: str
    turns: int
    needs: tuple[str, ...]
    platforms: tuple[str, ...]
    code: Mapping[str, str]  # what each variant has for itself

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass
class Outcome:
    """What came out of a proof: for each variant the values of all turns, or the error."""

    proof: Proof
    interpreter: Interpreter
    values: dict[str, list[float]] = field(default_factory=lambda: {one: [] for one in VARIANTS})
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)  # type and message
    why_not: str | None = None  # it could not be run here
    torch: str = ""
    python: str = ""
    gpu: str | None = None

    @property
    def times(self) -> float | None:
        """How many times better the good variant is; None where nothing is compared."""
        if self.proof.raises or not all(self.values.values()):
            return None
        bad, good = (statistics.median(self.values[one]) for one in VARIANTS)
        better, worse = (good, bad) if self.proof.good == "more" else (bad, good)
        return better / worse if worse else float("inf") if better else 1.0

    @property
    def is_shown(self) -> bool:
        if self.why_not is not None:
            return False
        if self.proof.raises:
            kind, _ = self.errors.get("bad", ("", ""))
            return kind in self.proof.raises and "good" not in self.errors
        times = self.times
        return not self.errors and times is not None and times >= self.proof.least_times


def proof_of(rule: Rule) -> Proof | None:
    """The proof that is bundled for a rule; None where there is none."""
    path = PROOFS / f"{rule.name.replace('-', '_')}.py"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    said: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant() | ast.Tuple() as value):
                said[name] = ast.literal_eval(value)
    return Proof(
        path,
        raises=said.get("RAISES", ()),
        quantity=said.get("QUANTITY", ""),
        good=said.get("GOOD", ""),
        least_times=said.get("TIMES", 1.0),
        shown=said.get("SHOWN", "The bad variant ends in an error that the good one avoids."),
        turns=said.get("TURNS", 1),
        needs=said.get("NEEDS", ()),
        platforms=said.get("PLATFORMS", ()),
        code=_differing(tree, text),
    )


def _differing(tree: ast.Module, text: str) -> dict[str, str]:
    """The function of each variant, with what it alone uses."""
    definitions: dict[str, ast.stmt] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                definitions[name] = node
            case ast.Assign(targets=[ast.Name(name)]):
                definitions[name] = node

    def used(name: str, seen: set[str]) -> set[str]:
        if name in definitions and name not in seen:
            seen.add(name)
            for node in ast.walk(definitions[name]):
                if isinstance(node, ast.Name):
                    used(node.id, seen)
        return seen

    names = {variant: used(variant, set()) for variant in VARIANTS}
    shared = names["bad"] & names["good"]
    return {
        variant: "\n\n".join(
            ast.get_source_segment(text, node) or ""
            for name, node in definitions.items()
            if name in names[variant] - shared
        )
        for variant in VARIANTS
    }


def run(rule: Rule, interpreter: str | None, as_json: bool) -> int:
    """Run the rule's proof and say what came out; the exit status is returned."""
    from . import render_proof

    try:
        proof = proof_of(rule)
        if proof is None:
            why = WITHOUT.get(rule.code, "nobody has written one yet")
            raise CannotProve(f"{rule.code}: there is no proof of it to run: {why}")
        with _turns_told(proof) as tell:
            outcome = outcome_of(proof, interpreter, tell)
    except (CannotProve, InterpreterError) as error:
        complain([str(error)])
        return WRONG_USE
    if as_json:
        say([json.dumps(render_proof.as_json(rule, outcome), indent=2)])
    else:
        say(render_proof.text(rule, outcome, output.paint_for(sys.stdout), sys.stdout))
    return SHOWN if outcome.is_shown else NOT_SHOWN


def outcome_of(proof: Proof, word: str | None, tell: Callable[[int], None]) -> Outcome:
    """Run both variants in turn, so that what else the machine does disturbs both alike.

    `word` names the interpreter, where the user does; `tell` is called with the number of the
    run that begins.
    """
    from .probing import settings_for

    here = Path.cwd()
    settings = settings_for(here)
    if word is not None:
        interpreter = interpreters.named(word, "--interpreter", here)
    else:
        interpreter = interpreters.configured(settings) or interpreters.found(here)
    outcome = Outcome(proof, interpreter)
    if proof.platforms and not sys.platform.startswith(proof.platforms):
        outcome.why_not = f"it can be seen on {', '.join(proof.platforms)} alone"
        return outcome
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        env = {**os.environ, **dict(settings.env)}
        _launch(outcome, Path(folder), env, tell)
    return outcome


def _launch(
    outcome: Outcome, folder: Path, env: Mapping[str, str], tell: Callable[[int], None]
) -> None:
    """Run the proof in the folder, and note what it says."""
    proof, interpreter = outcome.proof, outcome.interpreter
    mark = secrets.token_hex(8)
    command = [sys.executable, "-I", guard.__file__, mark, interpreter.path]
    command += [str(PROOFS / "run.py"), proof.name, str(proof.turns), *proof.needs]
    complaints = folder / "complaints"
    begun = time.time()
    is_over = threading.Event()
    with (
        complaints.open("wb") as stderr,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=folder,
            # the guard removes the folder of this address if we are killed
            env={**env, guard.ADDRESS: str(folder / "none")},
            start_new_session=os.name != "nt",
        ) as child,
    ):
        assert child.stdin is not None and child.stdout is not None

        def stop() -> None:
            is_over.set()
            _ask_to_end(child)

        limit = threading.Timer(LONGEST_S, stop)
        limit.start()
        try:
            tell(0)
            n_runs = 0
            for line in child.stdout:
                told = _read(line, interpreter)
                if told.get("ended"):
                    return
                note(told, outcome)
                if "variant" in told:
                    n_runs += 1
                    tell(n_runs)
        finally:
            limit.cancel()
            limit.join()
            _end(child, mark, begun)
    if is_over.is_set():
        outcome.why_not = f"it took more than {LONGEST_S:.0f} s"
        return
    lines = complaints.read_text(errors="replace").strip().splitlines()
    if lines and "No module named 'torch'" in lines[-1]:
        raise CannotProve(
            f"{interpreter.path} ({interpreter.source}) has no torch: name the project's "
            "interpreter with --interpreter"
        )
    words = lines[-1] if lines else f"exit status {child.returncode}"
    raise CannotProve(f"{interpreter.path} ({interpreter.source}): {words}")


def _read(line: bytes, interpreter: Interpreter) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        raise CannotProve(f"{interpreter.path} ({interpreter.source}) is no Python") from None
    return told


def note(told: Mapping[str, Any], outcome: Outcome) -> None:
    """Take in one line of what the proof says."""
    outcome.torch = told.get("torch", outcome.torch)
    outcome.python = told.get("python", outcome.python)
    outcome.gpu = told.get("gpu", outcome.gpu)
    outcome.why_not = told.get("lacking", outcome.why_not)
    if "error" in told:
        outcome.errors[told["variant"]] = (told["error"], told["message"])
    elif told.get("value") is not None:
        outcome.values[told["variant"]].append(told["value"])


def _end(child: subprocess.Popen[bytes], mark: str, begun: float) -> None:
    """End it, and all that it has started."""
    _ask_to_end(child)
    try:
        child.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.returncode < 0:  # somebody killed the guard
        guard.end_all(mark, set(), begun)


def _ask_to_end(child: subprocess.Popen[bytes]) -> None:
    """Write the byte that the guard waits for."""
    assert child.stdin is not None
    with contextlib.suppress(OSError):  # it has ended already
        os.write(child.stdin.fileno(), b".")


@contextlib.contextmanager
def _turns_told(proof: Proof) -> Iterator[Callable[[int], None]]:
    """On a terminal, a line that says how far it is, gone at the end."""
    if not sys.stderr.isatty():
        yield lambda number: None
        return
    n_runs = proof.turns * len(VARIANTS)

    def tell(number: int) -> None:
        done = min(number + 1, n_runs)
        sys.stderr.write(f"\r\033[Krunning {proof.name}: {done} of {n_runs}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
