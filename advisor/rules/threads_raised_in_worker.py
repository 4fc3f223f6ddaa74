"""DL407: a forked worker is given several threads, and waits for ever in them."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..target import FORKSERVER_PYTHON
from ..text import Edit, Span
from ..usage import feeding
from ..values import Known


@rule("DL407", Severity.WARNING)
def threads_raised_in_worker(module: Module) -> Iterator[Hit]:
    """Reports `torch.set_num_threads` of more than one where workers are forked."""
    told: set[Span] = set()
    for raised in module.raised_threads:
        loaders: tuple[LoaderCall, ...] = (raised.loader,) if raised.loader is not None else ()
        if raised.dataset is not None:
            loaders = feeding(module, raised.dataset)
        if raised.span in told or not any(_forks_workers(module, call) for call in loaders):
            continue
        told.add(raised.span)
        yield Hit(
            raised.span,
            f"a forked worker with {raised.count} threads waits for ever in its first operation "
            "that uses them, if the main process has run one before",
            Fix("Keep to one thread", (Edit(raised.argument, "1"),), Safety.UNSAFE),
        )


def _forks_workers(module: Module, call: LoaderCall) -> bool:
    """Reports whether the loader may have workers, and on the target they are forked."""
    if not call.may_start_processes or "num_workers" not in call.arguments:
        return False
    contexts = {case.what for case in call.cases("multiprocessing_context")}
    if contexts == {Known("fork")}:
        return True
    if contexts != {Known(None)}:
        return False
    method = module.start_method or module.target.start_method
    if method is not None:
        return method == "fork"
    python = module.target.python
    return "linux" in module.target.platforms and (python is None or python < FORKSERVER_PYTHON)
