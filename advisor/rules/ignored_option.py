from collections.abc import Iterator

from ..edits import editable, removal
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit
from ..values import Known, is_none


@rule("DL117", Severity.INFO)
def ignored_option(module: Module) -> Iterator[Hit]:
    for call in module.loaders:
        for option, reason in _ignored(module, call):
            argument = call.arguments[option]
            yield Hit(argument.whole, reason, removal(module.source, call, argument))
        text = _text_for_bool(call)
        if text is not None:
            yield Hit(
                text.whole,
                f"shuffle is the text {text.code}, and every text but the empty one shuffles",
                _as_bool(call, text),
            )


def _ignored(module: Module, call: LoaderCall) -> Iterator[tuple[str, str]]:
    """The options that this loader never looks at, and why."""
    if call.workers.surely_zero:
        init = call.arguments.get("worker_init_fn")
        if init is not None and all(is_none(case.what) is False for case in init.value):
            yield "worker_init_fn", "worker_init_fn runs in workers, and num_workers is 0 here"
        if _is(call, "in_order", False):
            yield "in_order", "in_order is about the batches of several workers, and there is none"
    device = call.arguments.get("pin_memory_device")
    if device is not None and module.target.torch_at_least(2, 9):
        case = device.only
        if case is not None and isinstance(case.what, Known) and case.what.value:
            yield (
                "pin_memory_device",
                "pin_memory_device is ignored since torch 2.9, which pins for the current device",
            )
    threads = call.may_use_threads and _is(call, "use_thread_workers", True)
    if threads and call.workers.surely_some and _is(call, "persistent_workers", True):
        yield (
            "persistent_workers",
            "MONAI turns persistent_workers off where the workers are threads",
        )
    collate = call.arguments.get("collate_fn")
    if call.family == "pyg" and collate is not None and not _is(call, "collate_fn", None):
        yield "collate_fn", "torch_geometric's loader drops collate_fn and uses its own"


def _is(call: LoaderCall, option: str, value: bool | None) -> bool:
    argument = call.arguments.get(option)
    case = argument.only if argument is not None else None
    return case is not None and case.what == Known(value) and case.origin is None


def _text_for_bool(call: LoaderCall) -> Argument | None:
    argument = call.arguments.get("shuffle")
    case = argument.only if argument is not None else None
    if argument is None or case is None or case.origin is not None or argument.splatted:
        return None
    if call.dataset_kind == "iterable" or not call.lacks("sampler"):
        return None
    given = isinstance(case.what, Known) and isinstance(case.what.value, str) and case.what.value
    return argument if given else None


def _as_bool(call: LoaderCall, argument: Argument) -> Fix | None:
    case = argument.only
    assert case is not None and isinstance(case.what, Known)
    meant = BOOLS.get(str(case.what.value).lower())
    if meant is None or not editable(call):
        return None
    safety = Safety.SAFE if meant == "True" else Safety.UNSAFE
    return Fix(f"Write {meant}", (Edit(argument.span, meant),), safety)


BOOLS = {"true": "True", "yes": "True", "false": "False", "no": "False"}
