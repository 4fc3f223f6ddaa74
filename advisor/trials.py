"""Except clauses in and around loops over batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .model import Handler
from .nodes import callee_tail, children, dotted_name
from .resolve import Resolver
from .scopes import Loop

# Words with which a handler says that it is about loading.
LOADING_WORDS = ("load", "batch", "data", "sample", "corrupt", "image", "file")
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
    kinds: list[cst.CSTNode] = []
    if isinstance(handler.type, cst.Tuple):
        kinds = [element.value for element in handler.type.elements]
    elif handler.type is not None:
        kinds = [handler.type]
    body = handler.body.body
    small = [
        one
        for statement in body
        for one in (
            statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
        )
    ]
    text = program.source.text
    start = program.span(handler.type or handler, scope)
    last = small[-1] if small else None
    continues = isinstance(last, cst.Continue) and inside and loop.body[-1] is node
    span = start
    if handler.type is None:
        at = text.find("except", start.start)
        span = type(start)(at, at + len("except"))
    words = " ".join(_strings(handler.body)).lower()
    return Handler(
        span=span,
        exceptions=tuple(dotted_name(kind) or "?" for kind in kinds) or ("BaseException",),
        inside=inside,
        around_step=not any(
            callee_tail(call) == "next" for call in _calls(node.body)
        ),
        continues=continues,
        continue_span=program.span(last, scope) if continues and last is not None else None,
        raises=any(isinstance(one, cst.Raise) for one in _all(handler.body)),
        talks_of_loading="memory" not in words and any(w in words for w in LOADING_WORDS),
        quiet="memory" not in words and all(_is_quiet(one) for one in small),
    )


def _is_quiet(node: cst.CSTNode) -> bool:
    """Reports whether a statement only tells, passes or goes on."""
    if isinstance(node, (cst.Pass, cst.Continue)):
        return True
    if isinstance(node, cst.Expr):
        if isinstance(node.value, (cst.SimpleString, cst.Ellipsis)):
            return True
        return callee_tail(node.value) in _TELLING
    return isinstance(node, cst.AugAssign)


def _all(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in children(node):
        yield from _all(child)


def _calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    return (one for one in _all(node) if isinstance(one, cst.Call))


def _strings(node: cst.CSTNode) -> Iterator[str]:
    for one in _all(node):
        if isinstance(one, cst.SimpleString):
            yield one.value
        elif isinstance(one, cst.FormattedStringText):
            yield one.value
