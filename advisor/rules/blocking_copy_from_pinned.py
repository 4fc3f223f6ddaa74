from collections.abc import Iterator

from ..findings import Fix, Hit, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit, Span
from ..values import Known, Made


@rule("DL201", Severity.INFO)
def blocking_copy_from_pinned(module: Module) -> Iterator[Hit]:
    """Reports copies of a pinned batch to the GPU that wait for their end."""
    seen = set()
    for loop in module.every_loop:
        if loop.loader.handed_to or loop.loader.framework_hook or not _pins(loop.loader):
            continue
        for copy in loop.copies:
            if copy.non_blocking or copy.device not in ("cuda", "maybe-cuda") or copy in seen:
                continue
            seen.add(copy)
            separator = "" if copy.arguments_empty else " " if copy.trailing_comma else ", "
            place = Span(copy.closing, copy.closing)
            yield Hit(
                copy.span,
                "the batch is pinned, and the loop still waits until it is on the GPU: "
                "non_blocking=True lets the copy overlap",
                Fix("Copy without waiting", (Edit(place, f"{separator}non_blocking=True"),)),
            )

    for span in dict.fromkeys(
        taken.span for taken in module.taken_by_accelerate if taken.waits and _pins(taken.loader)
    ):
        yield Hit(
            span,
            "the batches are pinned, and accelerate still waits until each is on the GPU: "
            "DataLoaderConfiguration(non_blocking=True) lets the copies overlap",
        )


def _pins(call: LoaderCall) -> bool:
    """Reports whether batches are pinned wherever there is a GPU."""
    scenarios = call.scenarios("pin_memory")
    return bool(scenarios) and all(
        s["pin_memory"].what == Known(True)
        or (
            isinstance(s["pin_memory"].what, Made)
            and s["pin_memory"].what.name.endswith("is_available")
        )
        for s in scenarios
    )
