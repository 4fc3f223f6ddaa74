"""DL110: a loader draws from an iterator that the first epoch uses up."""

from __future__ import annotations

from collections.abc import Iterator

from ..edits import editable
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit
from ..torch_data_model import SpentIterator


@rule("DL110", Severity.WARNING)
def one_shot_iterator(module: Module) -> Iterator[Hit]:
    """Reports samplers and streams that give nothing from the second epoch on."""
    for spent in module.torch_data.spent:
        repeated = _is_repeated(module, spent.loader)
        if not repeated and (not spent.argument or not _is_kept(module, spent.loader)):
            continue
        yield Hit(
            spent.span,
            f"{spent.words} is at its end after the first epoch: from then on there are no batches",
            _fix(module, spent) if spent.argument and editable(spent.loader) else None,
        )


def _is_repeated(module: Module, loader: LoaderCall) -> bool:
    """Reports whether the very loader is read in several epochs."""
    return any(loop.epochs is not None and not loop.rebuilt for loop in module.loops_over(loader))


def _is_kept(module: Module, loader: LoaderCall) -> bool:
    """Reports whether it is built once, and nothing here tells how often it is read."""
    return loader.function in (None, "__init__") and not any(module.loops_over(loader))


def _fix(module: Module, spent: SpentIterator) -> Fix:
    code = module.source.code(spent.span)
    listed = f"list{code}" if code.startswith("(") else f"list({code})"
    safety = Safety.SAFE if spent.keeps_batches else Safety.UNSAFE
    return Fix("Make a list of the indices", (Edit(spent.span, listed),), safety)
