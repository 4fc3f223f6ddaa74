from collections.abc import Iterator

from ..edits import editable, set_argument
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known


@rule("DL902", Severity.HINT, opt_in=True)
def unconditional_pin_memory(module: Module) -> Iterator[Hit]:
    """Reports pin_memory=True in a module that trains on the CPU alone."""
    if not module.training.stays_on_cpu or module.frameworks or module.target.gpu:
        return
    for call in module.loaders:
        if not _pins(call) or not any(module.loops_over(call)):
            continue
        yield Hit(
            call.arguments["pin_memory"].whole,
            "without an accelerator torch warns and pins nothing, and nothing here uses one",
            _fix(module, call),
        )


def _pins(call: LoaderCall) -> bool:
    if call.family not in ("torch", "stateful") or call.handed_to or call.framework_hook:
        return False
    pin = call.arguments.get("pin_memory")
    if pin is None or pin.splatted:
        return False
    return all(case.what == Known(True) and case.origin is None for case in pin.value)


def _fix(module: Module, call: LoaderCall) -> Fix | None:
    if module.torch_name is None or not editable(call):
        return None
    code = f"{module.torch_name}.cuda.is_available()"
    edits = set_argument(module.source, call, "pin_memory", code)
    return Fix("Pin where there is a GPU", edits, Safety.UNSAFE)
