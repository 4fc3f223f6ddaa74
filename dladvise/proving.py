"""Shows on this machine what a rule claims: a small program, done badly and done well."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dladvise.advisor import Rule, document

from . import interpreters, output
from .check import WRONG_USE
from .console import complain, say
from .render_probe import number
from .render_text import Paint, Style
from .scan import this_machines_cores

SHOWN, NOT_SHOWN = 0, 1
PROOFS = Path(__file__).parent / "proofs"
LONGEST_S = 60  # for one run of one variant
VARIANTS = ("bad", "good")
GPU = "it is about copies to a GPU, and nothing is bundled yet that measures them"
# Why there is no proof, where there is more to say than that nobody has written it.
WITHOUT = {
    "DL000": "the interpreter itself says where code cannot be read",
    "DL099": "it is about dladvise's own comments",
    "DL200": GPU,
    "DL201": GPU,
    "DL401": "it needs a GPU",
    "DL300": "it depends on the machine and the data: dladvise probe measures it",
    "DL305": "it depends on the machine and the data: dladvise probe measures it",
}


class CannotProve(Exception):
    """The claim cannot be looked at here; one line says why."""


@dataclass(frozen=True)
class Proof:
    """A program of `proofs`, and what it says of itself."""

    path: Path
    quantity: str | None  # None where the claim is that an error is raised
    raises: tuple[str, ...]  # the names of such errors
    good: str  # more, fewer or less
    times: float
    turns: int
    platforms: tuple[str, ...]
    code: dict[str, str]  # of the variants

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class Outcome:
    """What came out of a proof: for each variant the values of all turns, or the error."""

    proof: Proof
    values: dict[str, list[float]]
    errors: dict[str, str]
    torch: str
    python: str

    @property
    def times(self) -> float | None:
        """How many times better the good variant is; None where nothing is compared."""
        if self.proof.quantity is None or self.errors:
            return None
        bad, good = (statistics.median(self.values[name]) for name in VARIANTS)
        better, worse = (good, bad) if self.proof.good == "more" else (bad, good)
        return better / worse if worse else float("inf")

    @property
    def is_shown(self) -> bool:
        if self.proof.quantity is None:
            raised = self.errors.get("bad", "").partition(":")[0]
            return set(self.errors) == {"bad"} and raised in self.proof.raises
        return self.times is not None and self.times >= self.proof.times


def proof_of(rule: Rule) -> Proof | None:
    """The proof that is bundled for a rule; None where there is none."""
    path = PROOFS / f"{rule.name.replace('-', '_')}.py"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    said: dict[str, Any] = {}
    code: dict[str, str] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant() | ast.Tuple()):
                said[name] = ast.literal_eval(node.value)
            case ast.FunctionDef(name=name) if name in VARIANTS:
                code[name] = textwrap.dedent(ast.get_source_segment(text, node) or "")
    return Proof(
        path,
        said["QUANTITY"],
        said.get("RAISES", ()),
        said.get("GOOD", ""),
        said.get("TIMES", 1.0),
        said.get("TURNS", 1),
        said.get("PLATFORMS", ()),
        code,
    )


def run(rule: Rule, interpreter: str | None, as_json: bool) -> int:
    """Run the rule's proof and say what came out; the exit status is returned."""
    try:
        proof = proof_of(rule)
        if proof is None:
            why = WITHOUT.get(rule.code, "nobody has written one yet")
            raise CannotProve(f"{rule.code}: there is no proof of it to run: {why}")
        if proof.platforms and not sys.platform.startswith(proof.platforms):
            raise CannotProve(f"{rule.code}: it is shown on {', '.join(proof.platforms)} alone")
        outcome = outcome_of(proof, _interpreter(interpreter))
    except (CannotProve, interpreters.InterpreterError) as error:
        complain([str(error)])
        return WRONG_USE
    if as_json:
        say([json.dumps(_json(rule, outcome), indent=2)])
    else:
        say(_text(rule, outcome, output.paint_for(sys.stdout)))
    return SHOWN if outcome.is_shown else NOT_SHOWN


def outcome_of(proof: Proof, interpreter: str) -> Outcome:
    """Run both variants in turn, so that what else the machine does disturbs both alike."""
    values: dict[str, list[float]] = {name: [] for name in VARIANTS}
    errors: dict[str, str] = {}
    told: dict[str, Any] = {}
    for _ in range(proof.turns):
        for variant in VARIANTS:
            told = _told(proof, variant, interpreter)
            if "error" in told:
                errors[variant] = told["error"]
            elif isinstance(told["value"], (int, float)):
                values[variant].append(told["value"])
    return Outcome(proof, values, errors, told["torch"], told["python"])


def _interpreter(word: str | None) -> str:
    if word is not None:
        return interpreters.named(word, "--interpreter", Path.cwd()).path
    from .probing import settings_for

    here = Path.cwd()
    return (interpreters.configured(settings_for(here)) or interpreters.found(here)).path


def _told(proof: Proof, variant: str, interpreter: str) -> dict[str, Any]:
    """What one run of one variant says."""
    command = [interpreter, str(PROOFS / "run.py"), proof.name, variant]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its workers end with it
    )
    try:
        out, complaints = child.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise CannotProve(f"{proof.name}: took more than {LONGEST_S} s") from None
    finally:
        _end(child)
    try:
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        lines = complaints.strip().splitlines() or [f"exit status {child.returncode}"]
        words = lines[-1]
        if "No module named 'torch'" in words:
            words = "there is no torch; --interpreter names a Python that has it"
        raise CannotProve(f"{interpreter}: {words}") from None
    return told


def _end(child: subprocess.Popen[str]) -> None:
    """End it, and all that it has started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _text(rule: Rule, outcome: Outcome, paint: Paint) -> Iterator[str]:
    proof = outcome.proof
    yield f"{paint(rule.code, Style.STRONG)} {paint(rule.name, Style.STRONG)}"
    yield from textwrap.wrap(_claim(rule), 100)
    for variant in VARIANTS:
        yield ""
        yield paint(variant, Style.ERROR if variant == "bad" else Style.HELP)
        yield from textwrap.indent(proof.code[variant], "    ").splitlines()
        yield f"  -> {_came(outcome, variant)}"
    yield ""
    yield paint(_conclusion(outcome), Style.STRONG)
    cores, _ = this_machines_cores()
    place = "" if cores is None else f"{cores} usable core{'' if cores == 1 else 's'}, "
    yield paint(f"on {place}torch {outcome.torch}, Python {outcome.python}", Style.FRAME)
    yield paint(f"the whole program: {proof.path}", Style.FRAME)


def _claim(rule: Rule) -> str:
    """The first sentence of the rule's document."""
    text = document(rule).partition("\n")[2].strip().partition("\n\n")[0]
    sentence, stop, _ = " ".join(text.split()).partition(". ")
    return sentence + stop.strip()


def _came(outcome: Outcome, variant: str) -> str:
    if variant in outcome.errors:
        return outcome.errors[variant]
    values = outcome.values[variant]
    if outcome.proof.quantity is None or not values:
        return "no error"
    middle = _shown(statistics.median(values))
    spread = f" ({_shown(min(values))} to {_shown(max(values))})" if len(values) > 1 else ""
    return f"{middle}{spread}  {outcome.proof.quantity}"


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else number(value)


def _conclusion(outcome: Outcome) -> str:
    proof = outcome.proof
    if proof.quantity is None:
        if outcome.is_shown:
            return "Shown: torch raises for the one, and not for the other."
        return "Not shown with this torch."
    if outcome.errors:
        return "Not shown: " + "; ".join(f"{one}: {why}" for one, why in outcome.errors.items())
    times = outcome.times
    assert times is not None
    factor = "" if times == float("inf") else f"{times:.1f} times "
    if outcome.is_shown:
        return f"Shown: {factor}{'as many' if proof.good == 'more' else proof.good} when done well."
    return f"Not shown here: {factor}{proof.good}, where at least {proof.times:g} times is claimed."


def _json(rule: Rule, outcome: Outcome) -> dict[str, Any]:
    times = outcome.times
    return {
        "code": rule.code,
        "name": rule.name,
        "shown": outcome.is_shown,
        "quantity": outcome.proof.quantity,
        "better": outcome.proof.good or None,
        "times": None if times is None or times == float("inf") else round(times, 2),
        "values": outcome.values,
        "errors": outcome.errors,
        "torch": outcome.torch,
        "python": outcome.python,
    }
