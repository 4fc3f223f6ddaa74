"""What came out of a proof, for people and for programs."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterator
from typing import Any, TextIO

from dladvise.advisor import Rule, document

from .proving import VARIANTS, Outcome
from .render_probe import can_write
from .render_text import Paint, Style, printable
from .scan import this_machines_cores

WIDEST = 100
LONGEST_BAR = 24
STYLES = {"bad": Style.ERROR, "good": Style.HELP}


def text(rule: Rule, outcome: Outcome, paint: Paint, stream: TextIO) -> Iterator[str]:
    """The claim, how the two variants differ, what came of them, and what follows."""
    yield paint(f"{rule.code} {rule.name}", Style.STRONG)
    yield from textwrap.wrap(claim(rule), WIDEST)
    for variant in VARIANTS:
        yield ""
        yield paint(variant, STYLES[variant])
        yield from textwrap.indent(outcome.proof.code[variant], "    ").splitlines()
    yield ""
    if outcome.why_not is None:
        yield from _figures(outcome, paint, stream)
        yield ""
    style = Style.STRONG if outcome.is_shown else Style.WARNING
    for line in textwrap.wrap(printable(conclusion(outcome)), WIDEST):
        yield paint(line, style)
    yield paint(_place(outcome), Style.FRAME)
    yield paint(f"the program: {outcome.proof.path}", Style.FRAME)


def claim(rule: Rule) -> str:
    """The first sentence of the rule's document."""
    opening = document(rule).partition("\n")[2].strip().partition("\n\n")[0]
    sentence, stop, _ = " ".join(opening.split()).partition(". ")
    return sentence + stop.strip()


def conclusion(outcome: Outcome) -> str:
    """What follows, in a sentence."""
    proof, times = outcome.proof, outcome.times
    if outcome.is_shown:
        return proof.shown.format(times="many" if times is None else f"{times:.1f}")
    if outcome.why_not is not None:
        return f"Not shown here: {outcome.why_not}."
    if "good" in outcome.errors:
        return "Not shown here: the good variant ends in an error too."
    if proof.raises or times is None:
        return f"Not shown with torch {outcome.torch}."
    return (
        f"Not shown here: the good variant is {times:.2f} times better, and at least "
        f"{proof.least_times:g} times is claimed."
    )


def as_json(rule: Rule, outcome: Outcome) -> dict[str, Any]:
    """The same as one object."""
    times = outcome.times
    return {
        "code": rule.code,
        "name": rule.name,
        "claim": claim(rule),
        "shown": outcome.is_shown,
        "conclusion": conclusion(outcome),
        "quantity": outcome.proof.quantity or None,
        "better": outcome.proof.good or None,
        "times": None if times is None or times == float("inf") else round(times, 2),
        **{variant: _variant_json(outcome, variant) for variant in VARIANTS},
        "machine": {
            "usable_cores": this_machines_cores()[0],
            "torch": outcome.torch or None,
            "python": outcome.python or None,
            "gpu": outcome.gpu,
        },
        "interpreter": outcome.interpreter.path,
        "program": str(outcome.proof.path),
    }


def _variant_json(outcome: Outcome, variant: str) -> dict[str, Any]:
    values = outcome.values[variant]
    return {
        "code": outcome.proof.code[variant],
        "values": values,
        "median": statistics.median(values) if values else None,
        "error": ": ".join(outcome.errors[variant]) if variant in outcome.errors else None,
    }


def _figures(outcome: Outcome, paint: Paint, stream: TextIO) -> Iterator[str]:
    """A line for each variant; where they are compared, with a bar."""
    proof = outcome.proof
    cells = {variant: _cell(outcome, variant) for variant in VARIANTS}
    if proof.raises or outcome.errors:
        for variant, cell in cells.items():
            yield f"{paint(variant.ljust(4), STYLES[variant])}  {cell}"
        return
    yield proof.quantity + (f" (median of {proof.turns})" if proof.turns > 1 else "")
    middles = {variant: statistics.median(outcome.values[variant]) for variant in VARIANTS}
    most = max(middles.values()) or 1
    taken = max(map(len, cells.values()))
    block = "█" if can_write(stream, "█") else "#"
    for variant, cell in cells.items():
        bar = block * round(LONGEST_BAR * middles[variant] / most)
        name = paint(variant.ljust(4), STYLES[variant])
        yield f"{name}  {cell.ljust(taken)}  {paint(bar, STYLES[variant])}".rstrip()


def _cell(outcome: Outcome, variant: str) -> str:
    if variant in outcome.errors:
        return printable(": ".join(outcome.errors[variant]))
    values = outcome.values[variant]
    if outcome.proof.raises or not values:
        return "no error"
    middle = _number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle}  ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:#.3g}"


def _place(outcome: Outcome) -> str:
    cores, _ = this_machines_cores()
    parts = []
    if cores is not None:
        parts.append(f"{cores} usable core{'' if cores == 1 else 's'}")
    if outcome.gpu is not None:
        parts.append(printable(outcome.gpu))
    if outcome.torch:
        parts += [f"torch {outcome.torch}", f"Python {outcome.python}"]
    return f"on {', '.join(parts)}, with {printable(outcome.interpreter.path)}"
