"""DL101: every worker draws from its own copy of one generator of random numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ..classes_model import Callback, DatasetClass, Kept
from ..findings import Hit, Severity, rule
from ..model import Module
from ..text import Span
from ..usage import concrete, feeding_anywhere, kept_for_sure, made_by, may_run_in_workers
from ..values import Known

GENERATORS = frozenset(
    {"numpy.random.default_rng", "numpy.random.Generator", "numpy.random.RandomState",
     "random.Random", "torch.Generator"}
)  # fmt: skip


@rule("DL101", Severity.WARNING)
def rng_copied_into_workers(module: Module) -> Iterator[Hit]:
    """Reports generators that exist before the workers and are drawn from in them."""
    told: set[Span] = set()
    for dataset in concrete(module):
        epochs = _epochs_in_workers(module, dataset)
        if epochs is None or _shares_among_workers(dataset) or _makes_its_own(dataset):
            continue
        for kept in made_by(kept_for_sure(module, dataset), GENERATORS):
            if kept.span not in told and _drawn_from(dataset, kept):
                told.add(kept.span)
                yield Hit(
                    kept.span,
                    f"every worker gets a copy of {kept.shown}: all draw the same numbers{epochs}",
                    severity=None if feeding_anywhere(module, dataset) else Severity.HINT,
                )
    for transform in module.transforms:
        kept = transform.generator
        if kept.span not in told:
            yield Hit(
                kept.span,
                f"where workers run {transform.name}, each has a copy of {kept.shown}: "
                "all draw the same numbers, and again in every epoch",
            )


def _epochs_in_workers(module: Module, dataset: DatasetClass) -> str | None:
    """The words on later epochs; None where no worker can have an unchanged copy."""
    if not may_run_in_workers(module, dataset):
        return None
    loaders = feeding_anywhere(module, dataset)
    left = [
        call for call in loaders if call.may_start_processes and not _may_renew(call.worker_init)
    ]
    if loaders and not left:
        return None
    if not loaders and (dataset.name.startswith("_") or _can_be_seeded(dataset)):
        return None  # a private one has its loaders in this project, and they may have no workers
    kept_alive = left and all(
        case.what == Known(True) for call in left for case in call.cases("persistent_workers")
    )
    return "" if kept_alive else ", and again in every epoch"


def _may_renew(function: Callback | None) -> bool:
    """Reports whether a worker_init_fn reaches for the worker's dataset, or may."""
    if function is None:
        return False
    unknown = function.kind in ("unknown", "called") and function.definition is None
    return unknown or {"get_worker_info", "dataset"} <= function.mentions


def _can_be_seeded(dataset: DatasetClass) -> bool:
    """Reports whether it has a method for others to seed it, as a worker_init_fn might."""
    return any("seed" in name and not name.startswith("_") for name in dataset.own_methods)


def _shares_among_workers(dataset: DatasetClass) -> bool:
    """A stream that each worker takes its part of needs the same order in all of them."""
    return dataset.kind == "iterable" and "get_worker_info" in dataset.mentions


def _makes_its_own(dataset: DatasetClass) -> bool:
    """Reports whether its code makes generators in the workers, which it knows apart."""
    return "get_worker_info" in dataset.worker_mentions and not GENERATORS.isdisjoint(
        dataset.worker_calls
    )


def _drawn_from(dataset: DatasetClass, kept: Kept) -> bool:
    if kept.holder in ("module", "part"):
        return True
    name = kept.attribute
    replaced = dataset.worker_writes | dataset.worker_reseeds | dataset.set_from_outside
    return name in dataset.worker_reads_again and name not in replaced
