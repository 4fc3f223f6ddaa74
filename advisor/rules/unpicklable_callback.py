"""DL402: a function or dataset that cannot be pickled is sent to workers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..classes_model import Callback
from ..findings import Fix, Hit, Severity, rule
from ..model import Module
from ..text import Edit, Span
from ..usage import pickling_reason, surely_pickles


@rule("DL402", Severity.WARNING)
def unpicklable_callback(module: Module) -> Iterator[Hit]:
    """Reports lambdas and local definitions that workers would have to receive by name."""
    for call in module.loaders:
        reason = pickling_reason(module, call)
        if reason is None or not call.may_start_processes:
            continue
        severity = Severity.ERROR if surely_pickles(module, call) else None
        if "num_workers" not in call.arguments:
            severity = Severity.HINT  # only an unresolved ** could give it any
        for name, callback in (("collate_fn", call.collate), ("worker_init_fn", call.worker_init)):
            if callback is None or callback.kind not in ("lambda", "local"):
                continue
            if name == "collate_fn" and call.family in ("pyg", "graph"):
                continue  # that loader drops it
            what = (
                "is a lambda"
                if callback.kind == "lambda"
                else f"is {callback.name}, defined inside a function,"
            )
            yield Hit(
                callback.span,
                f"{name} {what} and cannot be pickled for the workers: {reason}",
                _hoisted(module, callback, "collate" if name == "collate_fn" else "init_worker"),
                severity=severity,
            )
        if call.dataset_class is not None and call.dataset_class.local:
            argument = call.arguments.get("dataset")
            if argument is not None:
                yield Hit(
                    argument.span,
                    f"class {call.dataset_class.name} is defined inside a function and its object "
                    f"cannot be pickled for the workers: {reason}",
                    severity=severity,
                )


def _hoisted(module: Module, callback: Callback, wish: str) -> Fix | None:
    """Make a lambda that needs nothing around it a function at the left margin."""
    text = module.source.whole
    body, parameters, statement = callback.body, callback.parameters, callback.statement
    if callback.kind != "lambda" or callback.definition != callback.span or callback.captures:
        return None
    if body is None or parameters is None or statement is None:
        return None
    written = text[parameters.start : parameters.end].strip()
    if "=" in written or ":=" in text[body.start : body.end]:
        return None
    name = _free(text, wish)
    expression = text[body.start : body.end]
    newline = "\r\n" if "\r\n" in text else "\n"
    if "\n" in expression:
        expression = f"({expression})"
    at = _above_comments(text, statement.start)
    above = text[:at].replace("\r", "")
    missing = max(0, 3 - (len(above) - len(above.rstrip("\n")))) if above else 0
    lines = [*[""] * missing, f"def {name}({written}):", f"    return {expression}", "", "", ""]
    return Fix(
        f"Define {name} at the left margin",
        (
            Edit(Span(at, at), newline.join(lines)),
            Edit(callback.span, name),
        ),
    )


def _above_comments(text: str, start: int) -> int:
    """Where the comment lines right above a statement begin."""
    while True:
        before = text.rfind("\n", 0, max(0, start - 1)) + 1
        if start == 0 or not text.startswith("#", before):
            return start
        start = before


def _free(text: str, wish: str) -> str:
    """A name like `wish` that the file does not use."""
    for name in (wish, *(f"{wish}_{number}" for number in range(2, 99))):
        if not re.search(rf"\b{name}\b", text):
            return name
    raise AssertionError("ninety-nine names are used")
