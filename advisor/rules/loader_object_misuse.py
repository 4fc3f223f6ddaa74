"""DL015: a loader is used as an iterator, as a sequence, or set anew after it was built."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Severity, rule
from ..model import Module
from ..text import Edit, Span
from ..torch_data_model import LoaderUse


@rule("DL015", Severity.ERROR)
def loader_object_misuse(module: Module) -> Iterator[Hit]:
    """Reports uses of a loader that raise, and an assignment that nothing reads."""
    for use in module.torch_data.loader_uses:
        if use.kind == "set" and use.attribute == "shuffle":
            message = "shuffle is read when the loader is built: this changes nothing"
            yield Hit(use.span, message, severity=Severity.WARNING)
        elif use.kind == "set":
            message = (
                f"{use.attribute} cannot be set once the loader is built: torch raises ValueError"
            )
            yield Hit(use.span, message)
        elif use.kind == "next":
            message = "a DataLoader is no iterator, and next() raises TypeError: iter() gives one"
            yield Hit(use.span, message, None if use.repeated else _with_iter(use))
        elif use.kind == "next method" and module.target.torch_at_least(1, 13):
            message = "iterators of a loader have no next method since torch 1.13: AttributeError"
            yield Hit(use.span, message, _called(module, use))
        elif use.kind == "index":
            message = "a DataLoader cannot be indexed: TypeError is raised; its dataset can"
            yield Hit(use.span, message)


def _with_iter(use: LoaderUse) -> Fix:
    start, end = use.subject.start, use.subject.end
    edits = (Edit(Span(start, start), "iter("), Edit(Span(end, end), ")"))
    return Fix("Take the first batch of an iterator", edits)


def _called(module: Module, use: LoaderUse) -> Fix:
    code = module.source.code(use.subject)
    return Fix("Call next()", (Edit(use.span, f"next({code})"),))
