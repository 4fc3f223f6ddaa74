"""DL106: set_epoch is called when the order is drawn already, or on what does not have it."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import Module, SetEpoch
from ..text import Span
from ..values import Known

# These wrap loaders, samplers or both.
WRAPPING = frozenset({"lightning", "accelerate", "ignite", "ray", "composer", "deepspeed"})


@rule("DL106", Severity.WARNING)
def set_epoch_misplaced(module: Module) -> Iterator[Hit]:
    """Reports calls of set_epoch that come too late, or fail."""
    told: set[Span] = set()
    shuffled = {id(use.loader) for use in module.samplers if use.shuffles}
    for loop in module.loops:
        if id(loop.loader) not in shuffled:
            continue
        for span in loop.late_set_epochs:
            if span not in told:
                told.add(span)
                yield Hit(
                    span,
                    "the order of this epoch is drawn already: the number takes effect an epoch "
                    "late, and the first two epochs have the same order",
                )
    for call in module.set_epochs:
        if call.span not in told and not module.frameworks & WRAPPING and _fails(call):
            yield Hit(
                call.span,
                f"AttributeError: the loader was given no {call.attribute}, and the one that torch "
                "makes has no set_epoch",
            )


def _fails(call: SetEpoch) -> bool:
    """Reports whether the sampler is surely one of torch's that are not distributed."""
    loader = call.loader
    if loader.family != "torch" or loader.subclass or loader.handed_to:
        return False
    scenarios = loader.scenarios(call.attribute)
    return bool(scenarios) and all(s[call.attribute].what == Known(None) for s in scenarios)
