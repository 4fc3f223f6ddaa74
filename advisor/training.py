"""What the training code of a module tells about the loaders it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

import libcst as cst

from .model import Loop, RunSeed, Training
from .resolve import Resolver
from .scopes import Call
from .text import Span
from .values import Symbol

SEEDING = frozenset(
    {
        "torch.manual_seed",
        "torch.random.manual_seed",
        "lightning.seed_everything",
        "pytorch_lightning.seed_everything",
        "lightning.fabric.seed_everything",
    }
)
NORMALISING = frozenset({"torch.nn.BatchNorm1d", "torch.nn.LazyBatchNorm1d"})
# Any of these words, be it in a comment, means that an accelerator may be used.
_ACCELERATOR = re.compile(
    r"cuda|gpu|\bmps\b|xpu|npu|tpu|hpu|xla|device|accelerat|fabric|lightning|\.to\(", re.IGNORECASE
)


def training(resolver: Resolver, loops: Iterable[Loop]) -> Training:
    """What a module that trains says of its seed and of where it runs."""
    if not any(loop.trains for loop in loops):
        return Training()
    return Training(
        seed=_seed(resolver),
        normalised=_normalised(resolver),
        stays_on_cpu=not resolver.program.source.tells(_ACCELERATOR.search),
    )


def _seed(resolver: Resolver) -> RunSeed | None:
    """The first seed of a run; seeds of workers and of datasets are none."""
    program = resolver.program
    found = []
    for tail in ("manual_seed", "seed_everything"):
        for call in program.calls_named(tail) if program.source.tells(tail) else ():
            if _calls(resolver, call, SEEDING) and not _in_worker_code(call) and call.node.args:
                found.append(call)
    if not found:
        return None
    first = min(found, key=lambda one: program.span(one.node, one.place.scope))
    argument = first.node.args[0].value
    code = argument.value if isinstance(argument, cst.Integer) else None
    return RunSeed(program.span(first.node, first.place.scope), code)


def _normalised(resolver: Resolver) -> Span | None:
    """The first place that builds a layer which needs more than one sample."""
    program = resolver.program
    found = [
        program.span(call.node.func, call.place.scope)
        for name in sorted(NORMALISING)
        if program.source.tells(tail := name.rpartition(".")[2])
        for call in program.calls_named(tail)
        if _calls(resolver, call, NORMALISING)
    ]
    return min(found, default=None)


def _calls(resolver: Resolver, call: Call, names: frozenset[str]) -> bool:
    value = resolver.value(call.node.func, call.place)
    return bool(value) and all(
        isinstance(case.what, Symbol) and case.what.name in names for case in value
    )


def _in_worker_code(call: Call) -> bool:
    """Reports whether a seed is set by workers, or for something smaller than a run."""
    if call.place.loops or call.place.scope.enclosing("class", "lambda") is not None:
        return True
    function = call.place.scope.enclosing("function")
    if function is None:
        return False
    parameters = [] if function.parameters is None else function.parameters.params
    words = (function.name, *(one.name.value for one in parameters))
    return any("worker" in word.lower() for word in words)
