from collections.abc import Iterator

from ..edits import editable, remove_argument, removable
from ..findings import Fix, Hit, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known, What


@rule("DL003", Severity.ERROR)
def worker_option_without_workers(module: Module) -> Iterator[Hit]:
    for call in module.loaders:
        for option, ignored in OPTIONS.items():
            argument = call.arguments.get(option)
            if argument is None or not _always_raises(call, option, ignored):
                continue
            fix = None
            if editable(call) and removable(call, argument):
                fix = Fix(f"Remove {option}", remove_argument(module.source, call, argument))
            where = "at the first batch" if option == "timeout" else "when the loader is built"
            yield Hit(
                argument.whole,
                f"{option} needs num_workers above 0, and it is 0 here: torch raises {where}",
                fix,
            )


# Each option with the values that torch accepts without workers.
OPTIONS = {
    "prefetch_factor": (Known(None),),
    "persistent_workers": (Known(False), Known(None), Known(0)),
    "multiprocessing_context": (Known(None),),
    "timeout": (Known(0), Known(0.0), Known(False)),
}


def _always_raises(call: LoaderCall, option: str, accepted: tuple[What, ...]) -> bool:
    scenarios = call.scenarios("num_workers", option)
    return bool(scenarios) and all(
        one["num_workers"].what in (Known(0), Known(False))
        and one["num_workers"].origin is None
        and isinstance(one[option].what, Known)
        and one[option].what not in accepted
        for one in scenarios
    )
