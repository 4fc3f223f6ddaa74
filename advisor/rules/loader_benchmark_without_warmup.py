from collections.abc import Iterator

from ..findings import Fix, Hit, Related, Severity, rule
from ..model import Loop, Module
from ..text import Edit, Span


@rule("DL307", Severity.INFO)
def loader_benchmark_without_warmup(module: Module) -> Iterator[Hit]:
    """Reports timings of a loader that include the start of its workers."""
    seen: set[Span] = set()
    for loop in module.loops:
        timing = loop.timing
        if timing is None or timing.warmed_up or not loop.body_is_trivial:
            continue
        if not loop.loader.workers.surely_some or timing.first in seen:
            continue
        seen.add(timing.first)
        related = [Related(timing.last, "the clock is read again here")]
        if timing.label_from_index is not None:
            code = module.source.code(timing.label_from_index)
            related.append(
                Related(
                    timing.label_from_index,
                    f"{code} need not be the number of workers: print loader.num_workers",
                )
            )
        yield Hit(
            timing.first,
            "this time includes starting and stopping the workers, and the loop's body does no "
            "work that loading could overlap with",
            related=tuple(related),
            alternatives=_steady_clock(module, loop),
        )


def _steady_clock(module: Module, loop: Loop) -> tuple[Fix, ...]:
    """time.perf_counter in place of time.time, which the system may set back."""
    timing = loop.timing
    assert timing is not None
    reads = (timing.first, timing.last)
    text = module.source.text
    if any(text[span.start : span.end] != "time.time()" for span in reads):
        return ()
    edits = tuple(Edit(span, "time.perf_counter()") for span in reads)
    return (Fix("Read a steady clock", edits),)
