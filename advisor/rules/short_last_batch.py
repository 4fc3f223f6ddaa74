"""DL903: the last batch of an epoch may be one sample, which a BatchNorm1d refuses."""

from __future__ import annotations

from collections.abc import Iterator

from ..edits import editable, set_argument
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..torch_api import is_published
from ..values import Known, Made


@rule("DL903", Severity.HINT, opt_in=True)
def short_last_batch(module: Module) -> Iterator[Hit]:
    """Reports loaders that a loop trains with, whose last batch may be too short."""
    normalised = module.training.normalised
    if normalised is None:
        return
    for call in module.loaders:
        if not _may_end_short(call) or not any(loop.trains for loop in module.loops_over(call)):
            continue
        argument = call.arguments.get("drop_last")
        fix = None
        if editable(call) and (argument is None or not argument.splatted):
            edits = set_argument(module.source, call, "drop_last", "True")
            fix = Fix("Leave a short last batch out", edits, Safety.UNSAFE)
        yield Hit(
            call.callee,
            "the last batch may hold a single sample, which ends in a ValueError of BatchNorm1d",
            fix,
            (Related(normalised, "this layer needs more than one sample"),),
        )


def _may_end_short(call: LoaderCall) -> bool:
    """Reports whether batches of several samples are made, and the last is kept."""
    if call.family not in ("torch", "stateful") or call.subclass or call.handed_to:
        return False
    datasets = [case.what for case in call.cases("dataset")]
    if any(isinstance(what, Made) and is_published(what.name) for what in datasets):
        return False  # of the same length everywhere: whoever ran it has seen its last batch
    scenarios = call.scenarios("drop_last", "batch_size", "batch_sampler")
    return bool(scenarios) and all(
        s["drop_last"].what == Known(False)
        and s["drop_last"].origin is None
        and s["batch_size"].what not in (Known(1), Known(None))
        and s["batch_sampler"].what == Known(None)
        for s in scenarios
    )
