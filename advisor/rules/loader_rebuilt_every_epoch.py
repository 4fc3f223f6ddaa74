from collections.abc import Iterator

from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import Module, Rebuilt
from ..text import Edit, Span


@rule("DL301", Severity.WARNING)
def loader_rebuilt_every_epoch(module: Module) -> Iterator[Hit]:
    """Reports loaders that are built inside the epoch loop although nothing in them changes."""
    for rebuilt in module.rebuilt:
        call = rebuilt.loader
        workers = call.workers
        if call.handed_to or call.framework_hook:
            continue
        severity = Severity.WARNING
        if rebuilt.seeded:
            message = (
                "the loader and its seeded generator are made anew in every epoch: each epoch "
                "draws the same order"
            )
        elif workers.surely_some:
            message = (
                "the loader is built anew in every epoch with the same arguments: its workers "
                "start from nothing each time and cannot be kept"
            )
        else:
            message = "the loader is built anew in every epoch with the same arguments"
            severity = Severity.HINT
        yield Hit(
            call.callee,
            message,
            _hoist(module, rebuilt),
            (Related(rebuilt.loop.span, "the epoch loop"),),
            severity,
        )


def _hoist(module: Module, rebuilt: Rebuilt) -> Fix | None:
    """Move the statement in front of the loop; None where its lines cannot simply move."""
    statement = rebuilt.statement
    text = module.source.text
    if statement is None:
        return None
    lines = text[statement.start : statement.end]
    if "'''" in lines or '"""' in lines or not lines.endswith("\n"):
        return None
    first = text.rfind("\n", 0, rebuilt.loop.span.start) + 1
    indent = text[first : rebuilt.loop.span.start]
    deeper = rebuilt.loop.indent
    if indent.strip() or not lines.startswith(deeper) or not deeper.startswith(indent):
        return None
    moved = "".join(
        indent + line.removeprefix(deeper) if line.startswith(deeper) else line
        for line in lines.splitlines(keepends=True)
    )
    # a body of one statement would be left empty
    if not text[statement.end :].startswith(deeper):
        return None
    edits = (Edit(Span(first, first), moved), Edit(statement, ""))
    return Fix("Build the loader once, before the loop", edits, Safety.UNSAFE)
