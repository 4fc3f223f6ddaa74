from collections.abc import Iterator

from ..edits import REPEATABLE, editable
from ..findings import Fix, Hit, Severity, pointed, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit
from ..values import Case, Known, Number


@rule("DL004", Severity.WARNING)
def worker_option_when_workers_may_be_zero(module: Module) -> Iterator[Hit]:
    for call in (*module.meant_to_work, *module.trainers):
        for option in GUARDED:
            argument = call.arguments.get(option)
            if argument is None or not _needs_workers(module, option, argument):
                continue
            cases = [one["num_workers"] for one in call.scenarios("num_workers", option)]
            zero = next((case for case in cases if _may_be_zero(case)), None)
            if zero is None or all(_fixed_zero(case) for case in cases):
                continue
            prefix = call.prefix
            yield Hit(
                argument.whole,
                f"{prefix}num_workers {_why(zero)}, and then {call.refusal(option)} because of "
                f"{prefix}{option}",
                _guarded(call, option, argument),
                related=pointed(zero.origin, "0 here"),
            )


# What is written for each option, with the name of the worker count filled in.
GUARDED = {
    "prefetch_factor": "{value} if {workers} > 0 else None",
    "persistent_workers": "{workers} > 0",
    "multiprocessing_context": "{value} if {workers} > 0 else None",
    "timeout": "{value} if {workers} > 0 else 0",
}


def _needs_workers(module: Module, option: str, argument: Argument) -> bool:
    """Whether the option is set whatever the number of workers."""
    case = argument.only
    if case is None or case.origin is not None or not isinstance(case.what, Known):
        return False
    if option == "prefetch_factor" and not module.target.torch_at_least(2, 0):
        return case.what.value not in (None, 2)
    return bool(case.what.value)


def _left_to_a_default(argument: Argument) -> bool:
    """Reports whether an option is set unless somebody says otherwise."""
    return any(
        case.origin is not None and case.what not in (Known(None), Known(False), Known(0))
        for case in argument.value
    )


def _may_be_zero(case: Case) -> bool:
    if isinstance(case.what, Number):
        # a count of cores or devices, divided or reduced
        return bool(case.what.source) and case.what.kind == "int" and case.what.low == 0
    return case.what == Known(0)


def _fixed_zero(case: Case) -> bool:
    return case.what == Known(0) and case.origin is None


def _why(case: Case) -> str:
    if isinstance(case.what, Number):
        return f"is {case.what.source}, which can be 0"
    return f"is 0 by {case.origin.words}" if case.origin else "is 0 on one of the ways to here"


def _guarded(call: LoaderCall, option: str, argument: Argument) -> Fix | None:
    workers = call.arguments.get("num_workers")
    if workers is None or workers.splatted or argument.splatted or not editable(call):
        return None
    others = (call.arguments.get(other) for other in GUARDED if other != option)
    if any(one is not None and _left_to_a_default(one) for one in others):
        return None  # torch refuses that one, too
    if not REPEATABLE.fullmatch(workers.code):
        return None
    code = GUARDED[option].format(value=argument.code, workers=workers.code)
    return Fix("Set it only with workers", (Edit(argument.span, code),))
