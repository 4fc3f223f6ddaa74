"""DL502: itertools.cycle keeps every batch of the first epoch and hands the same ones out again."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Module
from ..text import Edit
from ..torch_data_model import LoaderUse


@rule("DL502", Severity.WARNING)
def cycle_caches_loader(module: Module) -> Iterator[Hit]:
    """Reports loaders given to itertools.cycle."""
    for use in module.torch_data.loader_uses:
        if use.kind == "cycle":
            yield Hit(
                use.span,
                "cycle() keeps all batches of the first epoch in memory and hands out the same "
                "ones again, in the same order",
                _endless(module, use),
            )


def _endless(module: Module, use: LoaderUse) -> Fix | None:
    """An endless generator; needs itertools by name for its count()."""
    code = module.source.code(use.subject)
    if not use.module or code.startswith("iter("):
        return None
    endless = f"(batch for _ in {use.module}.count() for batch in {code})"
    return Fix("Read the loader anew in every round", (Edit(use.span, endless),), Safety.UNSAFE)
