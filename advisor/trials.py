"""Which errors the code expects, and what its except clauses do about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .model import Handler
from .nodes import callee_tail, dotted_name, every_call, every_node, small_statements
from .resolve import Resolver
from .scopes import Loop, Place

# Words with which a handler says that it is about loading.
LOADING_WORDS = ("load", "batch", "data", "sample", "corrupt", "image", "file")
OTHER_WORDS = ("memory", "process", "predict", "infer", "evaluat")  # with which it is about others
ERRORS_OF_CONSTRUCTORS = frozenset({"TypeError", "ValueError", "AssertionError"})
# Contexts in which an error is expected
EXPECTING = frozenset({"raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp",
                       "suppress"})  # fmt: skip
_TELLING = frozenset({"print", "warning", "warn", "error", "exception", "info", "debug", "write",
                      "log", "print_exc", "append"})  # fmt: skip


def handlers(resolver: Resolver, loop: Loop) -> tuple[Handler, ...]:
    """The handlers of the try statements in the body of `loop`, and of those around it."""
    found = [
        _read(resolver, loop, node, handler, inside=True)
        for node in _tries(loop.body)
        for handler in node.handlers
    ]
    for trial in loop.place.trials:
        found += [
            _read(resolver, loop, trial.node, handler, inside=False)
            for handler in trial.node.handlers
        ]
    return tuple(found)


def _tries(body: Sequence[cst.CSTNode]) -> Iterator[cst.Try]:
    """The try statements directly in a loop's body."""
    for statement in body:
        if isinstance(statement, cst.Try):
            yield statement
        elif isinstance(statement, cst.With):
            yield from _tries(statement.body.body)


def _read(
    resolver: Resolver, loop: Loop, node: cst.Try, handler: cst.ExceptHandler, *, inside: bool
) -> Handler:
    scope = loop.place.scope
    program = resolver.program
    small = small_statements(handler.body)
    last = small[-1] if small else None
    continues = isinstance(last, cst.Continue) and inside and loop.body[-1] is node
    span = program.span(handler.type or handler, scope)
    if handler.type is None:
        start = span.now[0]
        span = span.part(program.source.text.find("except", start) - start, len("except"))
    words = " ".join(_strings(handler.body)).lower()
    return Handler(
        span=span,
        exceptions=_exceptions(handler),
        inside=inside,
        around_step=not any(callee_tail(call) == "next" for call in every_call(node.body)),
        continues=continues,
        continue_span=program.span(last, scope) if continues and last is not None else None,
        raises=any(isinstance(one, cst.Raise) for one in every_node(handler.body)),
        talks_of_loading=any(w in words for w in LOADING_WORDS)
        and not any(w in words for w in OTHER_WORDS),
        quiet="memory" not in words and all(is_quiet(one) for one in small),
    )


def _kinds(handler: cst.ExceptHandler) -> list[cst.BaseExpression]:
    """The classes of exceptions that a handler names."""
    if isinstance(handler.type, cst.Tuple):
        return [element.value for element in handler.type.elements]
    return [handler.type] if handler.type is not None else []


def _exceptions(handler: cst.ExceptHandler) -> tuple[str, ...]:
    """The names of what a handler catches; "?" for one without a name."""
    names = tuple(dotted_name(kind) or "?" for kind in _kinds(handler))
    return names or ("BaseException",)


def is_quiet(node: cst.CSTNode) -> bool:
    """Reports whether a statement only tells, passes or goes on."""
    if isinstance(node, (cst.Pass, cst.Continue)):
        return True
    if isinstance(node, cst.Expr):
        if isinstance(node.value, (cst.SimpleString, cst.Ellipsis)):
            return True
        return callee_tail(node.value) in _TELLING
    return isinstance(node, cst.AugAssign)


def _strings(node: cst.CSTNode) -> Iterator[str]:
    for one in every_node(node):
        if isinstance(one, (cst.SimpleString, cst.FormattedStringText)):
            yield one.value


def in_expecting(place: Place) -> bool:
    """Reports whether a context around `place` expects an error, as pytest.raises does."""
    return any(callee_tail(context) in EXPECTING for context in place.contexts)


def error_expected(place: Place) -> bool:
    """Reports whether the code expects a constructor to raise at `place`."""
    return in_expecting(place) or any(
        dotted_name(kind) in ERRORS_OF_CONSTRUCTORS
        for trial in place.trials
        for handler in trial.node.handlers
        for kind in _kinds(handler)
    )
