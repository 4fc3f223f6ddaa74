"""Which loops are loops of epochs, and what their fact tells."""

from __future__ import annotations

import libcst as cst

from .model import EpochLoop
from .nodes import callee_tail, dotted_name, target_names
from .resolve import Resolver
from .scopes import Loop, Place
from .text import Span
from .values import Known, Number, constant

SEEDING = frozenset({"manual_seed", "seed_everything", "seed_all", "set_seed", "fix_seed"})


class Epochs:
    """Reads loops as facts, and finds the loop of a fact again."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._loops: dict[EpochLoop, Loop] = {}

    def fact(self, loop: Loop) -> EpochLoop:
        """What a for or while statement tells as a loop of epochs."""
        program = self._resolver.program
        scope = loop.place.scope
        text = program.source.text
        start = program.next_code(program.span(loop.node, scope).start)
        first = program.span(loop.body[0], scope) if loop.body else Span(start, start)
        body = program.next_code(first.start)
        line = max(text.rfind("\n", 0, body), text.rfind("\r", 0, body)) + 1
        condition = loop.node.test if isinstance(loop.node, cst.While) else loop.iterable
        assert condition is not None
        counted = _counts(self._resolver, loop)
        variable = _variable(loop, counted)
        function = scope.enclosing("function")
        fact = EpochLoop(
            span=Span(start, program.span(condition, scope).end),
            variable=variable,
            counted=counted,
            named=not _runs_once(self._resolver, loop)
            and ((variable is not None and _named_like_epoch(variable)) or _ends_at_epochs(loop)),
            body=body,
            indent=text[line:body],
            in_function=function.name if function is not None else None,
            reseeds=any(
                callee_tail(call.node) in SEEDING and loop in call.place.loops
                for call in scope.calls
            ),
        )
        self._loops[fact] = loop
        return fact

    def loop(self, fact: EpochLoop) -> Loop | None:
        """The loop that a fact was read from; None where a framework loops."""
        return self._loops.get(fact)


def is_conditional(place: Place, loop: Loop) -> bool:
    """Reports whether a condition inside `loop` decides whether `place` is reached."""
    return any(
        guard.place is not None and guard.place.order > loop.place.order
        for guard in place.guards
        if guard.test is not None
    )


def _variable(loop: Loop, counted: bool) -> str | None:
    """The name that counts the epochs: the target, or the first of several."""
    if loop.target is None:
        return None
    if isinstance(loop.target, cst.Name):
        return loop.target.value
    return next(target_names(loop.target), None) if counted else None


def _named_like_epoch(name: str) -> bool:
    short = name.lower().strip("_")
    return "epoch" in short or short in ("ep", "e")


def _ends_at_epochs(loop: Loop) -> bool:
    """Reports whether a loop runs up to a number of epochs: `for _ in range(args.epochs)`."""
    node = loop.iterable
    while isinstance(node, cst.Call) and node.args:
        if callee_tail(node) in ("range", "trange"):
            last = dotted_name(node.args[min(len(node.args), 2) - 1].value) or ""
            return "epoch" in last.rpartition(".")[2].lower()
        node = node.args[0].value if callee_tail(node) in ("tqdm", "track") else None
    return False


def _runs_once(resolver: Resolver, loop: Loop) -> bool:
    """Reports whether the code itself says that there is one round: `range(1)`."""
    match loop.iterable:
        case cst.Call(func=cst.Name("range"), args=[last]):
            rounds = resolver.value(last.value, loop.place)
            return all(case.what == Known(1) and case.origin is None for case in rounds)
    return False


def _counts(resolver: Resolver, loop: Loop) -> bool:
    """Reports whether a loop runs several times by count, or without end."""
    node = loop.iterable
    if node is None:
        return True
    if isinstance(node, cst.Name):  # bar = trange(10)
        only = resolver.program.only_assignment(node.value, loop.place)
        made = only.value if only is not None else None
        node = made if isinstance(made, cst.BaseExpression) else None
    while isinstance(node, cst.Call) and callee_tail(node) in ("tqdm", "track") and node.args:
        node = node.args[0].value
    tail = callee_tail(node)
    if tail in ("trange", "count"):
        return True
    if not isinstance(node, cst.Call) or tail != "range" or not node.args:
        return False
    if len(node.args) > 2:
        return True
    first = 0
    if len(node.args) == 2:
        start = constant(resolver.value(node.args[0].value, loop.place))
        if start is not None and isinstance(start.value, int):
            first = start.value
    for case in resolver.value(node.args[-1].value, loop.place):
        what = case.what
        if isinstance(what, Known) and isinstance(what.value, int) and what.value - first <= 1:
            return False
        if isinstance(what, Number) and what.source.startswith("len("):
            return False
    return True
