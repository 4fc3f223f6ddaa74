"""Functions given to a loader: collate_fn and worker_init_fn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from .classes_model import Callback, DeviceCall, Signature
from .definitions import Definition
from .devices import device_calls
from .members import find_method
from .nodes import children, dotted_name
from .resolve import Resolver
from .scopes import Place, Scope
from .text import Span
from .values import UNKNOWN, Defined, Group, Known, Made, Number, Symbol, Text, Value, What, is_none
from .worker_code import calls_in

# Decorators under which a function is still called with the arguments it declares.
_TRANSPARENT = frozenset({"staticmethod", "classmethod", "override", "no_grad", "inference_mode"})


def callback(
    resolver: Resolver, node: cst.BaseExpression, place: Place, span: Span
) -> Callback | None:
    """What is known of the function that `node` gives; None where it is None.

    Where it is None in some cases only, this is the function of the others.
    """
    reading = _Reading(resolver, node, place, span)
    return reading.called() or reading.one_of(resolver.value(node, place))


def callback_among(
    resolver: Resolver, node: cst.BaseExpression, place: Place, span: Span, value: Value
) -> Callback | None:
    """What is known of a function that `node`, a dictionary, holds as `value`."""
    return _Reading(resolver, node, place, span).one_of(value)


@dataclass(frozen=True)
class _Reading:
    """One argument, while it is being read."""

    resolver: Resolver
    node: cst.BaseExpression
    place: Place
    span: Span

    def one_of(self, value: Value) -> Callback | None:
        others = list(dict.fromkeys(c.what for c in value if is_none(c.what) is not True))
        if not others:
            return None
        return self.described(others[0] if len(others) == 1 else UNKNOWN)

    def called(self) -> Callback | None:
        """The call of a function of this file that fails, or that gives nothing."""
        node = self.node
        if not isinstance(node, cst.Call):
            return None
        value = self.resolver.value(node.func, self.place)
        what = value[0].what if len(value) == 1 else UNKNOWN
        if not isinstance(what, Defined) or what.kind != "function" or _decorators(what.where):
            return None
        signature = _signature(what)
        if signature is None:
            return None
        fails = not node.args and (signature.least > 0 or bool(signature.required_keywords))
        nothing = _gives_nothing(what.where)
        if not fails and not nothing:
            return None
        return Callback("called", what.name, self.span, signature, returns_only_none=nothing)

    def described(self, what: What) -> Callback:
        match what:
            case Known(value):
                return Callback("constant", repr(value), self.span)
            case Number() | Text() | Group():
                return Callback("constant", "", self.span)
            case Symbol(_, Definition(is_class=False, scope=Scope() as scope, bound=bound)):
                return self.of_another_module(Defined("function", scope.name, scope, bound))
            case Symbol(name):
                return Callback("unknown", name.rpartition(".")[2], self.span)
            case Defined("function" | "lambda", _, scope):
                return self.function(what, scope)
            case Defined(_, name, _):
                return Callback("unknown", name, self.span)
            case Made("functools.partial", (made, place), _, ()) if isinstance(made, cst.Call):
                return self.partial(made, place)
            case Made(name, _, Scope() as scope, ()):
                return self.object(name, scope)
            case Made(name):
                return Callback("unknown", name.rpartition(".")[2], self.span)
        return Callback("unknown", dotted_name(self.node) or "", self.span)

    def of_another_module(self, what: Defined) -> Callback:
        """A function whose places are not in this text."""
        return Callback(
            kind=_kind(what),
            name=what.name,
            span=self.span,
            signature=_own_signature(what),
            mentions=frozenset(_mentions(what.where.node)),
        )

    def function(self, what: Defined, scope: Scope) -> Callback:
        node = scope.node
        signature = _own_signature(what)
        span = self.resolver.program.span
        body = parameters = None
        if isinstance(node, cst.Lambda):
            body, parameters = span(node.body, scope), span(node.params, scope)
        mentions = frozenset(_mentions(node))
        return Callback(
            kind=_kind(what),
            name=what.name,
            span=self.span,
            signature=signature,
            captures=_captures(scope, mentions),
            definition=span(node.name if isinstance(node, cst.FunctionDef) else node, scope),
            body=body,
            parameters=parameters,
            statement=self.resolver.program.block_span(self.place.scope),
            device_calls=self.device_calls(scope),
            mentions=mentions,
            assigns_worker_dataset=_assigns_worker_dataset(scope, mentions),
        )

    def partial(self, made: cst.Call, place: Place) -> Callback:
        """The function inside, with the signature that is left of it."""
        inner = self.resolver.value(made.args[0].value, place) if made.args else ()
        what = inner[0].what if len(inner) == 1 else UNKNOWN
        found = self.described(what)
        if not isinstance(what, Defined) or found.signature is None:
            return replace(found, signature=None)
        return replace(found, signature=_after_partial(what, made.args[1:]))

    def object(self, name: str, scope: Scope) -> Callback:
        """An object of a class of this file: its __call__ is what is called."""
        method = find_method(self.resolver, scope, "__call__")
        if method is None or _decorators(method) or _stands_for_another(method):
            return Callback("unknown", name, self.span)
        signature = _signature(Defined("function", "__call__", method, bound=True))
        return Callback(
            "unknown",
            name,
            self.span,
            signature,
            device_calls=self.device_calls(method),
            mentions=frozenset(_mentions(method.node)),
        )

    def device_calls(self, scope: Scope) -> tuple[DeviceCall, ...]:
        """The calls in it that put something on a GPU."""
        return tuple(device_calls(self.resolver, calls_in(scope)))


def _kind(what: Defined) -> str:
    """lambda, local, module, method or unbound."""
    if what.kind == "lambda":
        return "lambda"
    outer = what.where.parent
    if outer.kind == "class":
        if what.bound:
            return "method"
        return "module" if "staticmethod" in _decorators(what.where) else "unbound"
    return "module" if outer.kind == "module" else "local"


def _decorators(scope: Scope) -> list[str]:
    """The last names of its decorators; "?" for one that has none."""
    if not isinstance(scope.node, cst.FunctionDef):
        return []
    found = []
    for one in scope.node.decorators:
        node = one.decorator
        name = dotted_name(node.func if isinstance(node, cst.Call) else node) or "?"
        found.append(name.rpartition(".")[2])
    return found


def _own_signature(what: Defined) -> Signature | None:
    """How a function is called; None where a decorator, or one that overrides it, decides."""
    opaque = any(name not in _TRANSPARENT for name in _decorators(what.where))
    return None if opaque or _stands_for_another(what.where) else _signature(what)


def _signature(what: Defined) -> Signature | None:
    parameters = _parameters(what)
    return None if parameters is None else _shape(parameters, what.where)


def _parameters(what: Defined) -> list[tuple[str, bool]] | None:
    """The positional parameters left to fill, each with whether it may be left out."""
    declared = what.where.parameters
    if declared is None:
        return None
    found = [
        (one.name.value, one.default is not None)
        for one in (*declared.posonly_params, *declared.params)
    ]
    return found[1:] if what.bound else found


def _shape(parameters: list[tuple[str, bool]], scope: Scope) -> Signature:
    declared = scope.parameters
    assert declared is not None
    least = sum(not optional for _, optional in parameters)
    endless = isinstance(declared.star_arg, cst.Param)
    required = tuple(one.name.value for one in declared.kwonly_params if one.default is None)
    return Signature(least, None if endless else len(parameters), required)


def _after_partial(what: Defined, args: Sequence[cst.Arg]) -> Signature | None:
    """What is left to give once `args` are given; None where that cannot be told."""
    if any(arg.star for arg in args):
        return None
    left = _parameters(what)
    assert left is not None
    given = {arg.keyword.value for arg in args if arg.keyword is not None}
    left = left[sum(arg.keyword is None for arg in args) :]
    whole = _shape(left, what.where)
    required = {name for name in whole.required_keywords if name not in given}
    for index, (name, _) in enumerate(left):
        if name in given:
            # what follows it can be given by name only
            required |= {n for n, optional in left[index:] if not optional and n not in given}
            least = sum(not optional for _, optional in left[:index])
            return Signature(least, index, tuple(sorted(required)))
    return Signature(whole.least, whole.most, tuple(sorted(required)))


def _gives_nothing(scope: Scope) -> bool:
    """Reports whether it is a function at the left margin that works and returns nothing.

    An explicit `return None` may be meant, and a method may be overridden.
    """
    node = scope.node
    if not isinstance(node, cst.FunctionDef) or node.asynchronous is not None or scope.yields:
        return False
    if scope.parent is None or scope.parent.kind != "module":
        return False
    return not any(one.value is not None for one in scope.returns) and not _empty(node)


def _stands_for_another(scope: Scope) -> bool:
    """Reports whether it is a method without a body, there to be overridden."""
    node = scope.node
    return (
        isinstance(node, cst.FunctionDef)
        and scope.parent is not None
        and scope.parent.kind == "class"
        and (_empty(node) or bool(scope.raises and not scope.returns))
    )


def _empty(node: cst.FunctionDef) -> bool:
    """Reports whether nothing but a docstring, pass or an ellipsis stands in it."""
    for statement in node.body.body:
        small = statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
        for one in small:
            constant = isinstance(one, cst.Expr) and isinstance(
                one.value, (cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis)
            )
            if not constant and not isinstance(one, cst.Pass):
                return False
    return True


def _mentions(node: cst.CSTNode) -> Iterator[str]:
    """Every name and attribute in it."""
    if isinstance(node, cst.Name):
        yield node.value
    for child in children(node):
        yield from _mentions(child)


def _captures(scope: Scope, mentions: frozenset[str]) -> tuple[str, ...]:
    """The names of enclosing functions that it reads."""
    free = mentions - {name for one in scope.everything() for name in one.bindings}
    found: set[str] = set()
    outer = scope.parent
    while outer is not None:
        if outer.kind in ("function", "lambda", "comprehension"):
            found |= {name for name in free if name in outer.bindings}
        outer = outer.parent
    return tuple(sorted(found))


def _assigns_worker_dataset(scope: Scope, mentions: frozenset[str]) -> bool:
    """Reports whether it changes the worker's own copy of the dataset."""
    if "get_worker_info" not in mentions or "dataset" not in mentions:
        return False
    return any(one.stores for one in scope.everything()) or "setattr" in mentions


__all__ = ["callback"]
