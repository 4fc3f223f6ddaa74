"""Where the start method of processes is set, and whether it can be set there."""

from __future__ import annotations

from .model import StartMethodCall
from .resolve import Resolver
from .scopes import Call, Place
from .values import Known, Symbol

SETTER = "set_start_method"
SETTERS = frozenset({f"multiprocessing.{SETTER}", f"torch.multiprocessing.{SETTER}"})


def start_method_calls(resolver: Resolver) -> tuple[StartMethodCall, ...]:
    """The calls that set it, and do not say that it may be set already.

    Those in a `try` or under `suppress` are left out, and in notebooks all: their cells are
    run in any order, and imported by nobody.
    """
    program = resolver.program
    if not program.source.tells(SETTER) or program.source.cells:
        return ()
    calls = [
        (call, method)
        for call in program.calls_named(SETTER)
        if (method := _method(resolver, call)) is not None
    ]
    return tuple(
        StartMethodCall(
            span=program.span(call.node, call.place.scope),
            method=method,
            at_import=_is_plain(call.place),
            earlier=next(
                (
                    program.span(before.node, before.place.scope)
                    for before, _ in calls
                    if _runs_before(resolver, before.place, call.place)
                ),
                None,
            ),
        )
        for call, method in calls
    )


def _method(resolver: Resolver, call: Call) -> str | None:
    """The method that a call sets; None where it is not known, or may be set again."""
    args = call.node.args
    if len(args) != 1 or args[0].star or call.place.trials or call.place.contexts:
        return None
    if args[0].keyword is not None and args[0].keyword.value != "method":
        return None
    callee = resolver.value(call.node.func, call.place)
    if not all(isinstance(c.what, Symbol) and c.what.name in SETTERS for c in callee):
        return None
    value = resolver.value(args[0].value, call.place)
    what = value[0].what if len(value) == 1 else None
    return what.value if isinstance(what, Known) and isinstance(what.value, str) else None


def _is_plain(place: Place) -> bool:
    """Reports whether it runs whenever the file is imported."""
    return place.scope.kind == "module" and not place.guards and not place.loops


def _runs_before(resolver: Resolver, first: Place, second: Place) -> bool:
    """Reports whether the one has run, in the same function, wherever the other does."""
    if first is second or first.loops or not set(first.given) <= set(second.given):
        return False
    if first.scope.kind == "module" and second.scope.kind == "module":
        return resolver.program.in_order(first) < resolver.program.in_order(second)
    return first.scope is second.scope and first.order < second.order
