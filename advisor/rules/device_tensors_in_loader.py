"""DL203: a dataset hands out tensors that are on a GPU already."""

from __future__ import annotations

from collections.abc import Iterator

from ..classes_model import DeviceCall
from ..edits import editable, removal
from ..findings import Hit, Related, Severity, rule
from ..model import LoaderCall, Module
from ..usage import pickling_reason
from ..values import Known


@rule("DL203", Severity.WARNING)
def device_tensors_in_loader(module: Module) -> Iterator[Hit]:
    """Reports loaders that pin samples on a GPU, or take them out in forked workers."""
    for call in module.loaders:
        rows = call.device_rows
        if rows is None or call.collate is not None or call.family not in ("torch", "stateful"):
            continue
        yield from _pinned(module, call, rows)
        yield from _in_workers(module, call, rows)


def _pinned(module: Module, call: LoaderCall, rows: DeviceCall) -> Iterator[Hit]:
    scenarios = call.scenarios("pin_memory")
    cases = [scenario["pin_memory"] for scenario in scenarios]
    if not cases or any(case.what != Known(True) or case.origin for case in cases):
        return
    argument = call.arguments["pin_memory"]
    yield Hit(
        argument.span,
        "the first batch raises RuntimeError: only tensors in the CPU's memory can be pinned, and "
        f"these are on the GPU{_where(rows)}",
        removal(module.source, call, argument) if editable(call) else None,
        (Related(rows.span, "the samples are put on the GPU here"),),
    )


def _in_workers(module: Module, call: LoaderCall, rows: DeviceCall) -> Iterator[Hit]:
    workers = call.workers
    if not workers.surely_some or workers.by_default or pickling_reason(module, call) is not None:
        return
    yield Hit(
        call.arguments["num_workers"].span,
        "the first batch raises RuntimeError: a forked worker cannot use CUDA, and the samples are "
        f"on the GPU{_where(rows)}",
        related=(Related(rows.span, "the samples are put on the GPU here"),),
    )


def _where(rows: DeviceCall) -> str:
    return "" if rows.sure else " where there is one"
