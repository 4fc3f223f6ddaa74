from collections.abc import Iterable, Iterator

from ..edits import editable, set_argument
from ..findings import Fix, Hit, Related, Severity, rule
from ..model import Copy, LoaderCall, Loop, Module
from ..text import Edit, Span
from ..values import Known


@rule("DL200", Severity.WARNING)
def missing_pin_memory(module: Module) -> Iterator[Hit]:
    """Reports loaders with workers whose batches go to a GPU from pageable memory."""
    for call in module.loaders:
        copies = _copied_to_a_gpu(module.loops_over(call)) if _leaves_pageable(call) else []
        if not copies:
            continue
        where = call.arguments["pin_memory"].span if "pin_memory" in call.arguments else call.callee
        yield Hit(
            where,
            "every batch is copied to the GPU from pageable memory: pin_memory is off, so each "
            "copy is slower and the training loop waits for it",
            _fix(module, call, copies),
            (Related(copies[0].span, _copied_here(copies[0])),),
            alternatives=_with_non_blocking(module, call, copies),
        )
    yield from _of_other_modules(module)


def _of_other_modules(module: Module) -> Iterator[Hit]:
    told: set[Span] = set()
    for loop in module.outside_loops:
        if loop.told_where_made:
            continue
        copies = _copied_to_a_gpu([loop]) if _leaves_pageable(loop.loader) else []
        if copies and copies[0].span not in told:
            told.add(copies[0].span)
            yield Hit(
                copies[0].span,
                "every batch is copied to the GPU from pageable memory, and the training loop "
                f"waits for it: pin_memory is off ({loop.loader.stands})",
                related=(Related(loop.span, "the batch comes from this loop"),),
            )


def _copied_here(copy: Copy) -> str:
    where = f" ({copy.stands})" if copy.stands else ""
    return f"a batch is copied to the GPU here{where}"


def _leaves_pageable(call: LoaderCall) -> bool:
    """Reports whether workers make batches, for some caller, that surely are not pinned."""
    if call.handed_to or call.framework_hook or call.workers.some is None:
        return False
    if call.device_rows is not None or call.moved or call.family == "dgl":
        return False  # neither what is on the GPU nor a graph of dgl can be pinned
    scenarios = call.scenarios("pin_memory")
    return bool(scenarios) and all(
        s["pin_memory"].what == Known(False) and s["pin_memory"].origin is None for s in scenarios
    )


def _copied_to_a_gpu(loops: Iterable[Loop]) -> list[Copy]:
    return [
        copy
        for loop in loops
        for copy in loop.copies
        if copy.device in ("cuda", "maybe-cuda") and copy.pinning is None and not copy.joined
    ]


def _pin(module: Module, call: LoaderCall, copies: list[Copy]) -> tuple[Edit, ...]:
    """Edits that pin; none where the call or the import of torch does not allow them."""
    argument = call.arguments.get("pin_memory")
    if not editable(call) or (argument is not None and argument.splatted):
        return ()
    if all(copy.device == "cuda" for copy in copies):
        return set_argument(module.source, call, "pin_memory", "True")
    if module.torch_name is None:
        return ()
    code = f"{module.torch_name}.cuda.is_available()"
    return set_argument(module.source, call, "pin_memory", code)


def _fix(module: Module, call: LoaderCall, copies: list[Copy]) -> Fix | None:
    edits = _pin(module, call, copies)
    return Fix("Pin the batches", edits) if edits else None


def _with_non_blocking(module: Module, call: LoaderCall, copies: list[Copy]) -> tuple[Fix, ...]:
    pin = _pin(module, call, copies)
    blocking = [c for c in copies if not c.non_blocking]
    if not pin or not blocking:
        return ()
    edits = [copy.without_waiting for copy in blocking if copy.without_waiting is not None]
    if len(edits) < len(blocking):
        return ()
    return (Fix("Pin the batches and copy without waiting", (*pin, *edits)),)
