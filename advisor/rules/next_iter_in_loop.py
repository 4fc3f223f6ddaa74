import re
from collections.abc import Iterator

from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import EpochLoop, LoaderCall, Loop, Module
from ..text import Edit, Span
from ..values import Known, shown


@rule("DL303", Severity.WARNING)
def next_iter_in_loop(module: Module) -> Iterator[Hit]:
    """Reports `next(iter(loader))` in a loop: a new iterator, and a new pool, each time."""
    for loop in module.every_loop:
        if loop.kind != "next" or loop.epochs is None or loop.conditional or loop.rebuilt:
            continue
        if not loop.epochs.counted:
            continue
        harm = _harm(loop.loader)
        if harm is None or _may_resume(module, loop.loader):
            continue
        yield Hit(
            loop.span,
            harm,
            _kept_iterator(module, loop, loop.epochs),
            related=(Related(loop.epochs.span, "in each round of this loop"),),
        )


def _kept_iterator(module: Module, loop: Loop, around: EpochLoop) -> Fix | None:
    """One iterator for all rounds, that begins again when it is exhausted."""
    text = module.source.whole
    written = NEXT.fullmatch(text[loop.span.start : loop.span.end])
    start = text.rfind("\n", 0, around.span.start) + 1
    indent = text[start : around.span.start]
    if written is None or indent.strip() or "\r" in text:
        return None
    forever, batches = "forever", "batches"
    while re.search(rf"\b(?:{forever}|{batches})\b", text):
        forever, batches = f"{forever}_", f"{batches}_"
    lines = (
        f"def {forever}(loader):",
        "    while True:",
        "        yield from loader",
        "",
        f"{batches} = {forever}({written['loader']})",
    )
    before = "".join(f"{indent}{line}\n" if line else "\n" for line in lines)
    edits = (Edit(Span(start, start), before), Edit(loop.span, f"next({batches})"))
    return Fix("Keep one iterator", edits, Safety.UNSAFE)


NEXT = re.compile(r"next\(iter\((?P<loader>[\w.]+)\)\)")


def _harm(call: LoaderCall) -> str | None:
    """What happens to the user; None where nothing certain can be said."""
    if call.workers.surely_some:
        count = shown(call.workers.cases[0].what)
        return (
            f"each round starts {count} workers, lets them prefetch, takes one batch and stops "
            "them again"
        )
    if _in_fixed_order(call):
        return "each round takes the same first batch: a new iterator starts at the beginning"
    return None


def _may_resume(module: Module, call: LoaderCall) -> bool:
    """Reports whether a StatefulDataLoader may be given a state, where its next iterator begins."""
    return call.family == "stateful" and any(
        module.source.tells(f"{name}.{method}(")
        for name in call.names
        for method in ("load_state_dict", "state_dict")
    )


def _in_fixed_order(call: LoaderCall) -> bool:
    scenarios = call.scenarios("shuffle", "sampler", "batch_sampler")
    return (
        call.dataset_kind != "iterable"
        and bool(scenarios)
        and all(
            s["shuffle"].what in (Known(False), Known(None))
            and s["shuffle"].origin is None
            and s["sampler"].surely_none
            and s["batch_sampler"].surely_none
            for s in scenarios
        )
    )
