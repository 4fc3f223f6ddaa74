from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import Handler, Module
from ..text import Span

WIDE = frozenset({"Exception", "BaseException", "RuntimeError"})


@rule("DL410", Severity.INFO)
def loader_error_not_caught(module: Module) -> Iterator[Hit]:
    """Reports except clauses that are meant for loading errors and cannot catch them."""
    seen: set[Span] = set()
    for loop in module.loops:
        for handler in loop.handlers:
            if handler.span in seen or handler.raises or not handler.around_step:
                continue
            if not handler.quiet or not WIDE.issuperset(handler.exceptions):
                continue
            if handler.inside:
                hits = _inside(handler)
            else:
                hits = _around(handler, loop.loader.workers.surely_zero)
            for hit in hits:
                seen.add(handler.span)
                yield hit


def _inside(handler: Handler) -> Iterator[Hit]:
    if not handler.talks_of_loading:
        return
    yield Hit(
        handler.span,
        "errors of loading are raised by the `for` itself, outside this try: what is caught here "
        "are errors of the loop's own work, and it goes on without them",
    )
    if handler.continue_span is not None:
        yield Hit(
            handler.continue_span,
            "this continue changes nothing: it is the last statement of the loop's body",
        )


def _around(handler: Handler, no_workers: bool) -> Iterator[Hit]:
    if handler.exceptions != ("RuntimeError",):
        return
    where = "a dataset" if no_workers else "a worker"
    yield Hit(
        handler.span,
        f"an error in {where} keeps its own type (ValueError, KeyError, ...) and passes by here; "
        "what is caught, out of memory and wrong shapes included, ends training as if it had "
        "succeeded",
    )
