from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import Module
from ..values import shown


@rule("DL405", Severity.WARNING)
def missing_main_guard(module: Module) -> Iterator[Hit]:
    """Reports the first loop over a loader with workers that runs at import."""
    for loop in module.loops:
        call = loop.loader
        if not loop.at_import or not call.workers.surely_some:
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
        yield Hit(loop.span, message, severity=severity)
        return
