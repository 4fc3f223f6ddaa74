import re
from collections.abc import Iterator

from ..classes_model import Callback
from ..edits import editable
from ..findings import Fix, Hit, Related, Severity, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit, Span
from ..values import Known


@rule("DL012", Severity.ERROR)
def callback_signature(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        for option, callback in (
            ("collate_fn", call.collate),
            ("worker_init_fn", call.worker_init),
        ):
            argument = call.arguments.get(option)
            if callback is None or argument is None or not _settled(argument):
                continue
            if option == "collate_fn" and call.family in ("pyg", "graph"):
                continue  # which has its own and never calls this one
            if callback.kind == "called":
                yield _of_call(call, argument, callback)
            elif (trouble := _trouble(argument, callback)) and not _never_runs(call, option):
                places: tuple[Related, ...] = ()
                if callback.definition is not None and callback.kind != "lambda":
                    places = (Related(callback.definition, "defined here"),)
                sure = option == "collate_fn" or _workers_for_sure(call)
                yield Hit(
                    argument.span,
                    f"{option} is called with one argument, and {trouble}",
                    related=places,
                    severity=Severity.ERROR if sure else Severity.WARNING,
                )


def _settled(argument: Argument) -> bool:
    """Whether it is one and the same thing whatever happens before."""
    return len({case.what for case in argument.value}) == 1


def _of_call(call: LoaderCall, argument: Argument, callback: Callback) -> Hit:
    assert callback.signature is not None
    fix = None
    opening = re.search(r"\(\s*\)$", argument.code)
    if opening and callback.signature.takes(1) and editable(call):
        start = argument.span.start + opening.start()
        fix = Fix("Hand over the function itself", (Edit(Span(start, argument.span.end), ""),))
    name = callback.name
    if opening and not callback.signature.takes(0):
        return Hit(argument.span, f"{name}() is called here without its argument and raises", fix)
    return Hit(
        argument.span, f"{name} is called here and returns None: there is no {argument.name}", fix
    )


def _trouble(argument: Argument, callback: Callback) -> str | None:
    if callback.kind == "constant":
        return f"{callback.name or argument.code} cannot be called"
    signature = callback.signature
    if signature is None or signature.takes(1):
        return None
    name = "the lambda" if callback.kind == "lambda" else callback.name
    if callback.kind == "unbound":
        return f"{name} also needs the object it belongs to"
    if signature.required_keywords and signature.least <= 1:
        return f"{name} also needs {', '.join(signature.required_keywords)}"
    if signature.most is not None and signature.most < 1:
        return f"{name} takes none"
    return f"{name} needs {signature.least}"


def _never_runs(call: LoaderCall, option: str) -> bool:
    return option == "worker_init_fn" and call.workers.surely_zero


def _workers_for_sure(call: LoaderCall) -> bool:
    workers = call.workers
    return workers.surely_some and not any(
        case.origin is not None or case.what == Known(0) for case in workers.cases
    )
