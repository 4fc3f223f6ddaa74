"""DL901: a training loop gets its samples in the order of the dataset."""

from __future__ import annotations

from collections.abc import Iterator

from ..edits import add_argument, editable
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module


@rule("DL901", Severity.HINT, opt_in=True)
def training_loader_not_shuffled(module: Module) -> Iterator[Hit]:
    """Reports loaders that a loop trains with and that say nothing on the order."""
    for call in module.loaders:
        if not _keeps_the_order(call):
            continue
        loop = next((one for one in module.loops_over(call) if one.trains), None)
        if loop is None:
            continue
        fix = None
        if editable(call):
            edits = add_argument(module.source, call, "shuffle", "True")
            fix = Fix("Shuffle", edits, Safety.UNSAFE)
        yield Hit(
            call.callee,
            "every epoch trains on the samples in the order of the dataset",
            fix,
            (Related(loop.span, "this loop trains"),),
        )


def _keeps_the_order(call: LoaderCall) -> bool:
    """Reports whether a map-style dataset is read from first to last, and nobody says so."""
    if call.family not in ("torch", "stateful") or call.subclass:
        return False
    if call.handed_to or call.framework_hook or call.dataset_kind != "map":
        return False
    return all(call.lacks(name) for name in ("shuffle", "sampler", "batch_sampler"))
