"""DL102: workers are given seeds that are the same in every epoch, or in every worker."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module, WorkerSeed
from ..text import Edit, Span
from ..usage import feeding
from ..values import Known

EVALUATION = ("val", "test", "eval", "infer", "predict")
FIXED = {"numpy": "torch.initial_seed() % 2**32", "random": "torch.initial_seed()"}


@rule("DL102", Severity.WARNING)
def constant_worker_seed(module: Module) -> Iterator[Hit]:
    """Reports seeds of workers that do not depend on torch's seed of the epoch."""
    told: set[Span] = set()
    for seed in module.worker_seeds:
        severity = None
        loaders: tuple[LoaderCall, ...] = (seed.loader,) if seed.loader is not None else ()
        if seed.dataset is not None:
            loaders = feeding(module, seed.dataset)
            severity = None if loaders else Severity.HINT
        message = _message(seed, loaders)
        if message is not None and seed.span not in told:
            told.add(seed.span)
            yield Hit(seed.span, message, _fix(seed), severity=severity)


def _message(seed: WorkerSeed, loaders: tuple[LoaderCall, ...]) -> str | None:
    if loaders:
        loaders = tuple(call for call in loaders if call.may_start_processes)
        if not loaders:
            return None
    again = all(_starts_anew(call) and not _evaluates(call) for call in loaders)
    if not seed.by_worker and not all(call.workers.exact == 1 for call in loaders):
        return "every worker gets the same seed and draws the same random numbers" + (
            ", again in every epoch" if again else ""
        )
    if not again:
        return None
    return "every epoch draws the same random numbers again: the seeds of its workers never change"


def _starts_anew(call: LoaderCall) -> bool:
    return all(case.what == Known(False) for case in call.cases("persistent_workers"))


def _evaluates(call: LoaderCall) -> bool:
    """Reports whether it is there to evaluate, where the same numbers again may be meant."""
    named = (*call.names, call.function or "")
    return any(word in name.lower() for name in named for word in EVALUATION)


def _fix(seed: WorkerSeed) -> Fix | None:
    if not seed.has_torch or seed.library not in FIXED:
        return None
    edit = Edit(seed.argument, FIXED[seed.library])
    return Fix("Seed from torch's seed of the worker", (edit,), Safety.UNSAFE)
