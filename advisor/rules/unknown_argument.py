from collections.abc import Iterator

from ..edits import editable
from ..findings import Fix, Hit, Severity, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit, Span
from ..torch_api import DEFAULTS, SINCE


@rule("DL001", Severity.ERROR)
def unknown_argument(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        for argument in call.unknown_keywords:
            message = f"{call.class_name} has no argument {argument.name}: it raises TypeError"
            yield Hit(_place(argument), message, _renamed(call, argument))
        for argument in call.repeated:
            yield Hit(
                _place(argument),
                f"{argument.name} is given twice: {call.class_name} raises TypeError",
            )
        if call.lacks("dataset") and call.family != "graph":
            yield Hit(call.callee, f"no dataset is given: {call.class_name} raises TypeError")
        for name, version in SINCE.items():
            late = call.arguments.get(name)
            if late is not None and not module.target.torch_at_least(*version):
                since = ".".join(map(str, version))
                yield Hit(
                    _place(late), f"{name} came with torch {since}: an older one raises TypeError"
                )


# What people write, and what they mean.
ALIASES = {
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bs": "batch_size",
    "collate": "collate_fn",
    "collate_function": "collate_fn",
    "n_workers": "num_workers",
    "nworkers": "num_workers",
    "number_of_workers": "num_workers",
    "persistent": "persistent_workers",
    "pin": "pin_memory",
    "pin_mem": "pin_memory",
    "prefetch": "prefetch_factor",
    "worker_init": "worker_init_fn",
    "workers": "num_workers",
}


def _place(argument: Argument) -> Span:
    return argument.span if argument.splatted else argument.whole


def _renamed(call: LoaderCall, argument: Argument) -> Fix | None:
    if argument.splatted or not editable(call):
        return None
    meant = _meant(argument.name)
    if meant is None or meant in call.arguments:
        return None
    if [one.name for one in call.unknown_keywords].count(argument.name) > 1 or any(
        _meant(other.name) == meant for other in call.unknown_keywords if other is not argument
    ):
        return None
    start = argument.whole.start
    edit = Edit(Span(start, start + len(argument.name)), meant)
    return Fix(f"Rename {argument.name} to {meant}", (edit,))


def _meant(name: str) -> str | None:
    if name in ALIASES:
        return ALIASES[name]
    close = [known for known in ("dataset", *DEFAULTS) if _distance(name, known) <= 2]
    return close[0] if len(close) == 1 else None


def _distance(one: str, other: str) -> int:
    """How many letters to change, add or leave out."""
    row = list(range(len(other) + 1))
    for count, letter in enumerate(one, 1):
        previous, row[0] = row[0], count
        for index, there in enumerate(other, 1):
            cost = previous + (letter != there)
            previous, row[index] = row[index], min(cost, row[index] + 1, row[index - 1] + 1)
    return row[-1]
