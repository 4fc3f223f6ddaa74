from collections.abc import Iterator

from ..edits import editable, removable
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit, Span
from ..torch_api import POSITIONAL
from ..values import Defined, shown


@rule("DL002", Severity.ERROR)
def misplaced_positional_argument(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        for argument in call.misplaced:
            what = shown(argument.value[0].what)
            ordinal = ORDINALS[POSITIONAL.index(argument.name)]
            yield Hit(
                argument.span,
                f"{what} stands {ordinal}, where {argument.name} belongs: {EFFECTS[argument.name]}",
                _named(call, argument),
            )
        if call.surplus and call.family in ("torch", "stateful"):
            yield Hit(
                call.surplus[0].whole,
                f"{call.class_name} takes {len(POSITIONAL)} positional arguments, "
                "and this is one more: it raises TypeError",
            )


ORDINALS = ("first", "second", "third", "fourth", "fifth")
EFFECTS = {
    "shuffle": "it only says yes to shuffling",
    "sampler": "torch cannot iterate over it and raises",
    "batch_sampler": "torch cannot iterate over it and raises",
}


def _named(call: LoaderCall, argument: Argument) -> Fix | None:
    """A name before it, where it is the last positional one."""
    name = "collate_fn" if isinstance(argument.value[0].what, Defined) else "num_workers"
    if not editable(call) or name in call.arguments or not removable(call, argument):
        return None
    at = argument.whole.start
    edit = Edit(Span(at, at), f"{name}=")
    return Fix(f"Give it as {name}", (edit,), Safety.UNSAFE)
