from collections.abc import Iterator

from ..edits import removal
from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..values import Case, is_none, shown, truth


@rule("DL005", Severity.ERROR)
def sampler_with_shuffle(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        sampler, shuffle = call.arguments.get("sampler"), call.arguments.get("shuffle")
        if sampler is None or shuffle is None or not _always_raises(call):
            continue
        if sampler in call.misplaced:
            continue
        order = "the sampler decides the order"
        if "DistributedSampler" in shown(sampler.value[0].what):
            order = "DistributedSampler shuffles by itself"
        yield Hit(
            shuffle.whole,
            f"shuffle is set beside a sampler, and torch raises ValueError: {order}",
            removal(module.source, call, shuffle),
        )


def _always_raises(call: LoaderCall) -> bool:
    if call.dataset_kind == "iterable":
        return False  # such a dataset takes neither of the two
    scenarios = call.scenarios("sampler", "shuffle", "batch_sampler")
    return bool(scenarios) and all(
        _given(one["sampler"])
        and one["shuffle"].origin is None
        and truth(one["shuffle"].what) is True
        and not _given(one["batch_sampler"])
        for one in scenarios
    )


def _given(case: Case) -> bool:
    return case.origin is None and is_none(case.what) is False
