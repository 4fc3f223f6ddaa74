"""DL408: the start method is set where each spawned worker sets it again."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit, Span
from ..values import Known

PICKLING = ("spawn", "forkserver")
OF_TESTS = ("pytest", "unittest")  # their files are imported by another program's workers, or none


@rule("DL408", Severity.WARNING)
def start_method_at_import(module: Module) -> Iterator[Hit]:
    """Reports calls of set_start_method that are repeated, here or in the workers."""
    for call in module.start_method_calls:
        if call.earlier is not None:
            yield Hit(
                call.span,
                "the start method has been set already: this raises RuntimeError",
                related=(Related(call.earlier, "here it is set"),),
                severity=Severity.ERROR,
            )
        elif call.at_import and call.method in PICKLING and _has_workers(module):
            yield Hit(
                call.span,
                f"each worker that is started by {call.method} imports this file, and ends here "
                "with RuntimeError: context has already been set",
                _guarded(module.source.text, call.span),
            )


def _has_workers(module: Module) -> bool:
    """Reports whether a loader here may start workers by the method that is set."""
    of_tests = any(map(module.source.tells, OF_TESTS))
    return any(map(_starts_workers, module.loaders)) and not of_tests


def _starts_workers(call: LoaderCall) -> bool:
    if not call.may_start_processes or "num_workers" not in call.arguments:
        return False
    contexts = {case.what for case in call.cases("multiprocessing_context")}
    return contexts <= {Known(None), *map(Known, PICKLING)}


def _guarded(text: str, span: Span) -> Fix | None:
    """Put the call under the main guard, where it is a statement of its own."""
    behind = text[span.end :].partition("\n")[0].strip()
    begins_line = text[: span.start].endswith("\n") or span.start == 0
    if not begins_line or (behind and not behind.startswith("#")):
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    guard = f'if __name__ == "__main__":{newline}    '
    edit = Edit(Span(span.start, span.start), guard)
    return Fix("Set it under the main guard", (edit,), Safety.UNSAFE)
