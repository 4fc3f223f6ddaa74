"""DL019: a subclass of Subset overrides __getitem__ and leaves torch the old __getitems__."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Severity, rule
from ..model import Module
from ..text import Edit, Span
from ..torch_data_model import SubsetOverride


@rule("DL019", Severity.ERROR)
def subset_getitem_override(module: Module) -> Iterator[Hit]:
    """Reports classes derived from Subset whose __getitem__ a loader never calls."""
    if not module.target.torch_at_least(2, 1):
        return
    for one in module.torch_data.subset_overrides:
        effect = "a loader takes batches from the __getitems__ of Subset and never calls this one"
        if one.told and module.target.torch_at_least(2, 11):
            effect = "torch raises NotImplementedError when one is made"
        yield Hit(
            one.span,
            f"class {one.class_name} overrides __getitem__ and not __getitems__: {effect}",
            Fix("Add __getitems__", (_method(module, one),)),
        )


def _method(module: Module, one: SubsetOverride) -> Edit:
    newline = "\r\n" if "\r\n" in module.source.text else "\n"
    step = "\t" if one.indent.startswith("\t") else "    "
    lines = (
        "",
        f"{one.indent}def __getitems__(self, indices):",
        f"{one.indent}{step}return [self[index] for index in indices]",
    )
    return Edit(Span(one.behind, one.behind), newline + newline.join(lines))
