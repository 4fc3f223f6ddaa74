from collections.abc import Iterator

from ..edits import editable, removal, set_argument
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known, What, is_none, truth


@rule("DL003", Severity.ERROR)
def worker_option_without_workers(module: Module) -> Iterator[Hit]:
    for call in (*module.meant_to_work, *module.trainers):
        for option in OPTIONS:
            argument = call.arguments.get(option)
            if argument is None or not _always_raises(module, call, option):
                continue
            prefix = call.prefix
            yield Hit(
                argument.whole,
                f"{prefix}{option} needs {prefix}num_workers above 0, and it is 0 here: "
                f"{call.refusal(option)}",
                removal(module.source, call, argument),
                alternatives=tuple(_with_workers(module, call)),
            )


# Each option with the values that torch accepts without workers.
OPTIONS = {
    "prefetch_factor": (Known(None),),
    "persistent_workers": (Known(False), Known(None), Known(""), Known(b"")),
    "multiprocessing_context": (Known(None),),
    "timeout": (Known(0),),
}


def _always_raises(module: Module, call: LoaderCall, option: str) -> bool:
    accepted = OPTIONS[option]
    if option == "prefetch_factor" and not module.target.torch_at_least(2, 0):
        accepted = (Known(2),)  # the default then
    scenarios = call.scenarios("num_workers", option)
    return bool(scenarios) and all(
        one["num_workers"].what == Known(0)
        and one["num_workers"].origin is None
        and one[option].origin is None
        and _given(option, one[option].what, accepted)
        for one in scenarios
    )


def _given(option: str, what: What, accepted: tuple[What, ...]) -> bool:
    if option == "timeout":
        # one below 0 or of another type raises with workers too
        return isinstance(what, Known) and isinstance(what.value, (int, float)) and what.value > 0
    if isinstance(what, Known):
        return what not in accepted
    if option == "persistent_workers":
        return truth(what) is True
    return is_none(what) is False or getattr(what, "name", "") in CONTEXTS


# What is given for a multiprocessing_context: the two modules by mistake.
CONTEXTS = (
    "multiprocessing",
    "multiprocessing.get_context",
    "torch.multiprocessing",
    "torch.multiprocessing.get_context",
)


def _with_workers(module: Module, call: LoaderCall) -> Iterator[Fix]:
    workers = call.arguments.get("num_workers")
    if editable(call) and (workers is None or not workers.splatted):
        edits = set_argument(module.source, call, "num_workers", "2")
        yield Fix("Load with 2 workers", edits, Safety.UNSAFE)
