"""Functions that loop over the batches of a loader which they are given."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from .arguments import argument_node
from .calling import PASSING
from .nodes import (
    Path,
    callee_tail,
    dotted_name,
    every_parameter,
    target_names,
    target_part,
)
from .scopes import Loop, Scope

BACKWARD = frozenset({"backward", "manual_backward"})


@dataclass(frozen=True)
class BatchTaker:
    """A loop over all batches, in the function `name`; each call of it runs that once."""

    name: str
    loop: Loop
    batch: frozenset[str]  # the names that it is bound to
    trains: bool
    breaks: bool
    tells_epoch: bool  # it calls set_epoch


def batch_taker(scope: Scope, call: cst.Call, argument: cst.Arg) -> BatchTaker | None:
    """What the function `scope` does with that argument of a call; None where it has no loop."""
    name = parameter_of(scope, call, argument)
    if name is None or len(scope.bindings.get(name, ())) != 1:
        return None
    over = [loop for loop in scope.loops if _runs_over(loop, name)]
    if len(over) != 1 or over[0].place.loops or scope.yields:
        return None
    loop = over[0]
    assert loop.target is not None
    return BatchTaker(
        name=scope.name,
        loop=loop,
        batch=frozenset(target_names(target_part(loop.target, _to_the_batch(loop)))),
        trains=trains(scope, loop),
        breaks=leaves_at_once(loop),
        tells_epoch=any(callee_tail(one.node) == "set_epoch" for one in scope.calls),
    )


def parameter_of(scope: Scope, call: cst.Call, argument: cst.Arg) -> str | None:
    """The parameter that an argument reaches; None where that cannot be told."""
    if argument.keyword is not None:
        return argument.keyword.value
    assert scope.parameters is not None
    names = (one.name.value for one in every_parameter(scope.parameters))
    return next(
        (name for name in names if argument_node(call, scope, name) is argument.value), None
    )


def trains(scope: Scope, loop: Loop) -> bool:
    """Reports whether a loop calls backward() itself."""
    return any(
        callee_tail(call.node) in BACKWARD for call in scope.calls if loop in call.place.loops
    )


def leaves_at_once(loop: Loop) -> bool:
    """Reports whether a loop's body always leaves the loop in its first round."""
    return any(
        isinstance(small, (cst.Break, cst.Return, cst.Raise))
        for statement in loop.body
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
    )


def _runs_over(loop: Loop, name: str) -> bool:
    return dotted_name(_unwrapped(loop)[-1]) == name


def _to_the_batch(loop: Loop) -> Path:
    """Where the batch is in what a loop takes from its iterable."""
    return tuple(1 for one in _unwrapped(loop) if callee_tail(one) == "enumerate")


def _unwrapped(loop: Loop) -> list[cst.BaseExpression | None]:
    """A loop's iterable, and what it is made of: `enumerate(tqdm(loader))`, …, `loader`."""
    found = [loop.iterable]
    while isinstance(node := found[-1], cst.Call) and callee_tail(node) in _HANDING_ON:
        if not node.args:
            break
        found.append(node.args[0].value)
    return found


_HANDING_ON = PASSING | {"enumerate"}
