"""DL116: an evaluation leaves samples out, or counts some of them twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..edits import editable, removal
from ..findings import Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known

EVALUATION = re.compile(
    r"(?:^|[_.])(?:val|valid|validation|test|testing|eval|evaluation|predict|prediction)"
    r"(?:[_\d.]|data|loader|dl|set|$)",
    re.IGNORECASE,
)
# `test_training.py`, `tests/training.py`
TEST_FILE = re.compile(r"(?:^|[\\/])tests?(?:_\w*\.py$|[\\/])|_test\.py$")
PREDICTING = "predict_dataloader"  # Lightning makes it anew without drop_last (2.6, data.py)
# These know of repeated samples and take them out of what they gather.
TRIMMING = frozenset({"accelerate", "transformers", "lightning", "composer"})


@rule("DL116", Severity.INFO)
def eval_samples_dropped_or_repeated(module: Module) -> Iterator[Hit]:
    """Reports evaluation loaders with drop_last, or whose sampler repeats samples."""
    trained = {id(loop.loader) for loop in module.loops if loop.trains}
    for call in module.loaders:
        if id(call) not in trained and _evaluates(module, call) and _drops(call):
            argument = call.arguments["drop_last"]
            fix = removal(module.source, call, argument, Safety.UNSAFE) if editable(call) else None
            yield Hit(
                argument.span,
                "the evaluation leaves samples out: those that do not fill the last batch",
                fix,
            )
        elif (name := _evaluated_as(call)) is not None and _drops(call):
            yield Hit(
                call.arguments["drop_last"].span,
                f"{name} is made here as well, and leaves samples out: those that do not fill the "
                "last batch",
            )
    for use in module.samplers:
        loader = use.loader
        if id(loader) in trained or loader.handed_to or module.frameworks & TRIMMING:
            continue
        if use.pads and _evaluates(module, loader):
            yield Hit(
                use.span,
                "with several ranks some samples may come twice: the sampler repeats samples "
                "until every rank has as many",
                severity=Severity.HINT,
            )


def _evaluates(module: Module, call: LoaderCall) -> bool:
    """Reports whether its names, or the function that builds it, speak of evaluation alone."""
    named = call.names or ((call.keyword,) if call.keyword else ())
    if not named and call.function is not None and not _is_of_tests(module, call.function):
        named = (call.function,)
    return bool(named) and all(map(_speaks_of_evaluation, named))


def _is_of_tests(module: Module, function: str) -> bool:
    """Reports whether a function is one of pytest's or unittest's, whatever it trains."""
    return function.startswith("test_") and TEST_FILE.search(module.source.path) is not None


def _speaks_of_evaluation(name: str) -> bool:
    return EVALUATION.search(name) is not None and "train" not in name.lower()


def _evaluated_as(call: LoaderCall) -> str | None:
    """The name, if any, under which a caller of the function that makes it evaluates."""
    if any("train" in name.lower() for name in (*call.names, call.function or "")):
        return None
    return next(filter(_speaks_of_evaluation, call.given_names), None)


def _drops(call: LoaderCall) -> bool:
    """Reports whether the last batch is left out, and may lack samples."""
    if call.function == PREDICTING:
        return False
    scenarios = call.scenarios("drop_last", "batch_size")
    return bool(scenarios) and all(
        s["drop_last"].what == Known(True)
        and s["drop_last"].origin is None
        and s["batch_size"].what != Known(1)
        and not s["batch_size"].surely_none  # one by default is set by the program: torch raises
        for s in scenarios
    )
