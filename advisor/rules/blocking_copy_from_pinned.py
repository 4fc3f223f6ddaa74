import re
from collections.abc import Iterable, Iterator

from ..findings import Fix, Hit, Related, Severity, rule
from ..model import Copy, LoaderCall, Loop, Module
from ..text import Span
from ..values import Known, Made

# `device.type == "cuda"`, `use_cuda`, `not args.no_gpu`
ASKS_FOR_GPU = re.compile(r"cuda|gpu", re.IGNORECASE)


@rule("DL201", Severity.INFO)
def blocking_copy_from_pinned(module: Module) -> Iterator[Hit]:
    """Reports copies of a pinned batch to the GPU that wait for their end."""
    seen: dict[Copy, tuple[str, list[Span]]] = {}
    for loop in module.every_loop:
        if loop.elsewhere or loop.loader.handed_to or loop.loader.framework_hook or loop.breaks:
            continue
        for copy in loop.copies:
            if not _could_overlap(copy):
                continue
            words = _waits(copy, loop)
            if words is not None:
                seen.setdefault(copy, (words, []))[1].append(loop.span)
    for copy, (words, loops) in seen.items():
        around = (Related(span, "the batch comes from this loop") for span in dict.fromkeys(loops))
        yield Hit(copy.span, words, _fix(copy), tuple(around) if copy.apart else ())
    for copies in module.copies_by_name:
        for copy in copies:
            words = _beside(copy, copies) if _could_overlap(copy) else None
            if words is not None and copy not in seen:
                seen[copy] = words, []
                yield Hit(copy.span, words, _fix(copy), severity=Severity.HINT)
    for span in dict.fromkeys(
        taken.span for taken in module.taken_by_accelerate if taken.waits and _pins(taken.loader)
    ):
        yield Hit(
            span,
            "the batches are pinned, and accelerate still waits until each is on the GPU: "
            "DataLoaderConfiguration(non_blocking=True) lets the copies overlap",
        )


def _could_overlap(copy: Copy) -> bool:
    """Reports whether a copy waits for what comes from pinned memory, and for no good reason."""
    return not (copy.non_blocking or copy.converted or copy.joined or copy.waited_for)


def _waits(copy: Copy, loop: Loop) -> str | None:
    """Why a copy should not wait, in words; None where nothing says so."""
    where = f" ({copy.stands})" if copy.stands else ""
    if copy.device in ("cuda", "maybe-cuda") and _pins(loop.loader):
        return (
            "the batch is pinned, and the loop still waits until it is on the GPU: "
            f"non_blocking=True lets the copy overlap{where}"
        )
    if _pins(loop.loader) and _leads_off_the_cpu(copy, loop):
        return (
            f"the batch is pinned, and the loop still waits until it is on {copy.target}: "
            f"non_blocking=True lets the copy overlap{where}"
        )
    return None if _surely_pageable(loop.loader) else _beside(copy, loop.copies)


def _beside(copy: Copy, copies: Iterable[Copy]) -> str | None:
    """Why a copy should not wait where another one does not; None where none is like that."""
    others = {one.target for one in copies if one.non_blocking and one.device != "cpu"}
    if not copy.target or copy.target not in others or copy.device == "cpu":
        return None
    where = f" ({copy.stands})" if copy.stands else ""
    return (
        "another part of the batch is copied without waiting, and this copy still waits for "
        f"all that {copy.target} has to do: non_blocking=True lets it overlap{where}"
    )


def _leads_off_the_cpu(copy: Copy, loop: Loop) -> bool:
    """Reports whether a copy goes to the one device of a loop, by a name that says so.

    Where nothing says which device it is, the pinned batches say that it is a GPU.
    """
    if copy.device != "unknown" or len({one.target for one in loop.copies}) != 1:
        return False
    name = copy.target.rpartition(".")[2].lower()
    return name == "dev" or "device" in name


def _fix(copy: Copy) -> Fix | None:
    edit = copy.without_waiting
    return None if edit is None else Fix("Copy without waiting", (edit,))


def _surely_pageable(call: LoaderCall) -> bool:
    return all(s["pin_memory"].what == Known(False) for s in call.scenarios("pin_memory"))


def _pins(call: LoaderCall) -> bool:
    """Reports whether batches are pinned wherever there is a GPU."""
    if call.moved or call.family == "dgl":
        return False  # neither what is on the GPU nor a graph of dgl can be pinned
    argument = call.arguments.get("pin_memory")
    if argument is not None and ASKS_FOR_GPU.search(argument.code):
        return not _surely_pageable(call)
    scenarios = call.scenarios("pin_memory")
    return bool(scenarios) and all(
        s["pin_memory"].what == Known(True)
        or (
            isinstance(s["pin_memory"].what, Made)
            and s["pin_memory"].what.name.endswith("is_available")
        )
        for s in scenarios
    )
