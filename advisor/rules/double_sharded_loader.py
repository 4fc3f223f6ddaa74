"""DL107: a loader that is divided among the ranks already is divided once more."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Related, Severity, rule
from ..model import Module


@rule("DL107", Severity.ERROR)
def double_sharded_loader(module: Module) -> Iterator[Hit]:
    """Reports loaders with a DistributedSampler that are given to accelerate."""
    for taken in module.taken_by_accelerate:
        for use in module.samplers:
            if use.loader is taken.loader:
                yield Hit(
                    use.span,
                    "most samples are never seen: each rank's part is divided among the ranks "
                    "once more",
                    related=(Related(taken.span, "accelerate divides the loader here"),),
                )
