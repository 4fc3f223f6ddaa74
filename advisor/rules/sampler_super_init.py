"""DL018: a sampler gives arguments to Sampler.__init__, which takes none."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Severity, rule
from ..model import Module
from ..text import Edit


@rule("DL018", Severity.ERROR)
def sampler_super_init(module: Module) -> Iterator[Hit]:
    """Reports arguments for the __init__ of torch's Sampler."""
    if not module.target.torch_at_least(2, 1):
        return  # it needs one there
    raises = module.target.torch_at_least(2, 10)
    effect = "torch raises TypeError" if raises else "torch raises TypeError from 2.10 on"
    for one in module.torch_data.sampler_inits:
        yield Hit(
            one.span,
            f"class {one.class_name} gives arguments to Sampler, which takes none: {effect}",
            Fix("Give it none", (Edit(one.given, ""),)) if one.removable else None,
            severity=None if raises else Severity.WARNING,
        )
