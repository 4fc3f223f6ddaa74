from collections.abc import Iterator

from ..findings import Hit, Related, Severity, rule
from ..model import Module


@rule("DL112", Severity.ERROR)
def shared_split_transform(module: Module) -> Iterator[Hit]:
    """Reports an attribute set through one part of a split that the other parts share."""
    for change in module.split_changes:
        others = " and ".join(f"`{name}`" for name in change.others)
        yield Hit(
            change.span,
            f"`{change.part}` and {others} share one dataset: this sets {change.attribute} for "
            f"{others} too",
            related=(Related(change.split, "the dataset is not copied here"),),
        )
