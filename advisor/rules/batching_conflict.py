from collections.abc import Iterator

from ..edits import removal
from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..values import Case, Defined, Group, Known, Text, interval, is_none, truth


@rule("DL006", Severity.ERROR)
def batching_conflict(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        if call.dataset_kind != "iterable":
            yield from _beside_batch_sampler(module, call)
        yield from _partial_batch_dropped(module, call)


def _beside_batch_sampler(module: Module, call: LoaderCall) -> Iterator[Hit]:
    misplaced = {one.name for one in call.misplaced} - {"shuffle"}
    for option, conflicts in CONFLICTS.items():
        argument = call.arguments.get(option)
        if argument is None or misplaced & {option, "batch_sampler"}:
            continue
        scenarios = call.scenarios("batch_sampler", option)
        if scenarios and all(
            _given(one["batch_sampler"]) and one[option].origin is None and conflicts(one[option])
            for one in scenarios
        ):
            yield Hit(
                argument.whole,
                f"{option} is set beside a batch_sampler, which makes the batches: "
                "torch raises ValueError",
                removal(module.source, call, argument),
            )


def _partial_batch_dropped(module: Module, call: LoaderCall) -> Iterator[Hit]:
    argument = call.arguments.get("drop_last")
    scenarios = call.scenarios("batch_size", "drop_last", "batch_sampler")
    if argument is None or not scenarios:
        return
    if all(
        one["batch_size"].what == Known(None)
        and one["batch_size"].origin is None
        and one["drop_last"].origin is None
        and truth(one["drop_last"].what) is True
        and not _given(one["batch_sampler"])
        for one in scenarios
    ):
        yield Hit(
            argument.whole,
            "drop_last is set although batch_size=None makes no batches: torch raises ValueError",
            removal(module.source, call, argument),
        )


def _given(case: Case) -> bool:
    return case.origin is None and is_none(case.what) is False


def _not_one(case: Case) -> bool:
    what = case.what
    if isinstance(what, Known):
        return what.value != 1  # None too
    if isinstance(what, (Group, Text, Defined)):
        return True
    bounds = interval(what)
    if bounds is None:
        return False
    low, high = bounds
    return (low is not None and low > 1) or (high is not None and high < 1)


def _true(case: Case) -> bool:
    return truth(case.what) is True


# The options that torch refuses beside a batch_sampler, and for which values.
CONFLICTS = {"batch_size": _not_one, "shuffle": _true, "sampler": _given, "drop_last": _true}
