import re
from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Module
from ..text import Edit, Span
from ..values import shown


@rule("DL405", Severity.WARNING)
def missing_main_guard(module: Module) -> Iterator[Hit]:
    """Reports the first loop over a loader with workers that runs at import."""
    for loop in module.loops:
        call = loop.loader
        if not loop.at_import or not call.workers.surely_some or call.may_use_threads:
            continue
        reason = module.pickling_reason(call)
        explicit = module.pickles_here or reason != module.target.pickling_reason
        severity = Severity.HINT
        message = (
            "started by spawn or forkserver (Windows, macOS, Python 3.14) the workers import this "
            'file, run this loop and fail: put it under `if __name__ == "__main__":`'
        )
        if reason is not None:
            severity = Severity.ERROR if explicit else Severity.WARNING
            message = (
                f"{reason}, so each of the {shown(call.workers.cases[0].what)} workers imports "
                "this file, runs this loop and fails: put it under "
                '`if __name__ == "__main__":`'
            )
        yield Hit(loop.span, message, _guarded(module.source.whole, loop.span.start), (), severity)
        return


def _guarded(text: str, place: int) -> Fix | None:
    """The rest of the file, from the statement at `place`, put under the guard.

    None where that would hide a definition from the workers, or change a string of
    several lines.
    """
    starts = [match.start() for match in STATEMENT.finditer(text, 0, place)]
    if not starts:
        return None
    rest = text[starts[-1] :]
    if DEFINITION.search(rest) or '"""' in rest or "'''" in rest or "\\\n" in rest:
        return None
    newline = "\r\n" if "\r\n" in rest else "\n"
    indent = "\t" if re.search(r"^\t", text, re.MULTILINE) else "    "
    edits = [Edit(Span(starts[-1], starts[-1]), f'if __name__ == "__main__":{newline}{indent}')]
    for line in re.finditer(r"(?<=\n)[^\r\n]", rest):
        at = starts[-1] + line.start()
        edits.append(Edit(Span(at, at), indent))
    return Fix("Put the rest of the file under the main guard", tuple(edits), Safety.UNSAFE)


# A line that begins a statement at the left margin: no comment, bracket or further clause.
STATEMENT = re.compile(r"^(?!#|[)\]}\s]|(?:else|elif|except|finally)\b)(?=\S)", re.MULTILINE)
DEFINITION = re.compile(r"^(?:(?:async\s+)?def|class|@|import|from|if __name__)\b", re.MULTILINE)
