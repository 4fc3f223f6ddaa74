"""DL109: worker processes write into their own copy of the dataset."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Related, Severity, rule
from ..model import LoaderCall, Module
from ..usage import feeding
from ..values import Known


@rule("DL109", Severity.WARNING)
def worker_side_mutation(module: Module) -> Iterator[Hit]:
    """Reports what workers collect or count for the main process, and caches they lose."""
    for dataset in module.datasets:
        loaders = tuple(call for call in feeding(module, dataset) if call.may_start_processes)
        if not loaders:
            continue
        some = [call for call in loaders if call.workers.surely_some]
        for change in dataset.worker_changes:
            if change.read_span is not None:
                yield Hit(
                    change.span,
                    f"with workers the main process never sees this: each writes to its own copy "
                    f"of self.{change.attribute}",
                    related=(Related(change.read_span, "the main process reads its own here"),),
                    severity=None if some else Severity.HINT,
                )
            elif change.cached and any(map(_starts_anew, some)) and _again(module, some):
                yield Hit(
                    change.span,
                    f"the cache is lost with the workers at the end of each epoch, and every "
                    f"worker fills its own: self.{change.attribute} saves nothing",
                )


def _starts_anew(call: LoaderCall) -> bool:
    return all(case.what == Known(False) for case in call.cases("persistent_workers"))


def _again(module: Module, loaders: list[LoaderCall]) -> bool:
    """Reports whether one of them is read in several epochs."""
    return any(
        loop.epochs is not None and not loop.rebuilt
        for call in loaders
        for loop in module.loops_over(call)
    )
