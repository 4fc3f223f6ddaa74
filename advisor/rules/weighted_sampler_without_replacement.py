"""DL113: a WeightedRandomSampler draws every sample once, whatever its weight."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Module
from ..text import Edit
from ..values import Known


@rule("DL113", Severity.WARNING)
def weighted_sampler_without_replacement(module: Module) -> Iterator[Hit]:
    """Reports samplers whose weights change the order alone."""
    for call in module.torch_data.calls:
        replacement = call.arguments.get("replacement")
        if not call.draws_length or replacement is None or call.hidden:
            continue
        if any(one.what != Known(False) or one.origin is not None for one in replacement.value):
            continue
        edit = Edit(replacement.span, "True")
        yield Hit(
            replacement.whole,
            "every sample is drawn exactly once: without replacement, the weights change the "
            "order alone and balance nothing",
            Fix("Draw with replacement", (edit,), Safety.UNSAFE),
        )
