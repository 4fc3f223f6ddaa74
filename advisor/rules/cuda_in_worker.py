"""DL401: code that runs in worker processes puts tensors on a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..classes_model import DatasetClass, DeviceCall
from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..text import Span
from ..usage import concrete, feeding_anywhere, surely_pickles
from ..values import Known


@rule("DL401", Severity.ERROR)
def cuda_in_worker(module: Module) -> Iterator[Hit]:
    """Reports CUDA calls in datasets and collate functions."""
    told: set[Span] = set()
    for device_call, loaders in _uses(module):
        if device_call.span not in told:
            told.add(device_call.span)
            yield _hit(module, device_call, loaders)


def _uses(module: Module) -> Iterator[tuple[DeviceCall, Sequence[LoaderCall]]]:
    """Each CUDA call with the loaders whose workers run it."""
    collates: dict[DeviceCall, list[LoaderCall]] = {}
    for call in module.loaders:
        here = _in_this_process(call) or call.workers.surely_zero  # one copy of the whole batch
        if call.collate is not None and not here:
            for device_call in call.collate.device_calls:
                collates.setdefault(device_call, []).append(call)
    yield from collates.items()
    for dataset in concrete(module):
        if not dataset.device_calls:
            continue
        loaders = feeding_anywhere(module, dataset)
        if not loaders and _gives_nothing(dataset):
            continue
        if loaders and all(map(_in_this_process, loaders)):
            continue
        for device_call in dataset.device_calls:
            yield device_call, [call for call in loaders if not _in_this_process(call)]


def _gives_nothing(dataset: DatasetClass) -> bool:
    """Reports whether its samples are all None: no loader can make a batch of them."""
    method = dataset.methods.get("__getitem__")
    return method is not None and not method.is_abstract and set(method.returns) == {Known(None)}


def _in_this_process(call: LoaderCall) -> bool:
    """Reports whether threads may load the samples, as MONAI recommends for work on a GPU."""
    in_one_thread = call.class_name == "ThreadDataLoader" and not call.workers.surely_some
    return in_one_thread or call.may_use_threads


def _hit(module: Module, device_call: DeviceCall, loaders: Sequence[LoaderCall]) -> Hit:
    code = " ".join(device_call.code.split())
    shown = code if len(code) <= 40 else f"{code[:37]}..."
    used = [call for call in loaders if not call.workers.surely_zero]
    if loaders and not used:
        return Hit(
            device_call.span,
            f"{shown} copies every sample to the GPU on its own, "
            "where one copy of the batch would do",
            severity=Severity.INFO,
        )
    certain = [
        call
        for call in used
        if not call.stands and call.workers.surely_some and not call.workers.by_default
    ]
    if certain and all(surely_pickles(module, call) for call in certain):
        return Hit(
            device_call.span,
            f"{shown} runs in the workers: each of them takes GPU memory for "
            "a CUDA context of its own",
            severity=Severity.WARNING,
        )
    runs = "runs in the workers" if certain else "runs in the workers if there are any"
    severity = None if certain and device_call.sure else Severity.WARNING
    return Hit(
        device_call.span,
        f"{shown} {runs}: a forked process cannot use CUDA once its parent has",
        severity=severity if loaders else Severity.HINT,
    )
