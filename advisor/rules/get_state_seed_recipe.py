"""DL103: workers seed numpy from its own state, and get the same seeds in every epoch and run."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Module
from ..text import Edit


@rule("DL103", Severity.WARNING)
def get_state_seed_recipe(module: Module) -> Iterator[Hit]:
    """Reports the recipe that was right before torch seeded numpy itself."""
    if not module.target.torch_at_least(1, 9):
        return
    for recipe in module.seed_recipes:
        fix = None
        if recipe.has_torch:
            fix = Fix(
                "Seed from torch's seed of the worker",
                (Edit(recipe.argument, "torch.initial_seed() % 2**32"),),
                Safety.UNSAFE,
            )
        yield Hit(
            recipe.span,
            "every worker gets the same numpy seed in every epoch and every run: "
            "get_state()[1][0] is always 2147483648 there",
            fix,
        )
