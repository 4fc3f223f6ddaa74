"""Methods of a dataset class: what they can be called with, and what they give back."""

from __future__ import annotations

import libcst as cst

from .classes_model import Method, Signature
from .nodes import children, dotted_name
from .program import Program
from .resolve import BUILTINS, Resolver
from .scopes import Scope
from .text import Span
from .values import UNKNOWN, Known, What

READ_RETURNS = frozenset({"__getitem__", "__len__", "__iter__"})


def read_method(resolver: Resolver, scope: Scope, makes_iterators: bool) -> Method:
    """A method's shape, and what it returns; `makes_iterators` of its class."""
    program, memory = resolver.program, resolver.program.memory
    node = scope.node
    assert isinstance(node, cst.FunctionDef)
    decorators = [dotted_name(_called(d.decorator)) or "?" for d in node.decorators]
    tails = {name.rpartition(".")[2] for name in decorators}
    signature = signature_of(scope, 0 if "staticmethod" in tails else 1)
    only_raises = _only_raises(node)
    returns: list[What] = []
    if scope.name in READ_RETURNS:
        for one in scope.returns:
            value = resolver.value(one.value, one.place) if one.value else ()
            returns += [case.what for case in value] if one.value else [Known(None)]
        if not scope.returns and not scope.raises:
            returns.append(Known(None))
        if scope.name == "__iter__" and makes_iterators:
            returns = [UNKNOWN]  # values do not tell `iter(rows)` from `rows`
    bare = scope.name == "__getitem__" and signature.most == 0
    mentions = frozenset(_names(node.body)) if bare else frozenset()
    return Method(
        name=scope.name,
        signature=signature,
        is_property=bool(tails & {"property", "cached_property"}),
        is_generator=scope.yields,
        is_abstract="abstractmethod" in tails or only_raises or _is_stub(node),
        decorated=bool(decorators),
        returns=tuple(returns),
        find_span=program.finding(node.name, scope),
        find_parameters=lambda: _parameters_span(memory.present, node, scope),
        find_returns=lambda: tuple(
            memory.present.span(one.value, scope) for one in scope.returns if one.value
        ),
        undefined_reads=tuple(_undefined(program, mentions, scope)),
        mentions=mentions,
    )


def _parameters_span(program: Program, node: cst.FunctionDef, scope: Scope) -> Span:
    """Between the parentheses of a definition."""
    opening = program.source.text.index("(", program.span(node.name, scope).end)
    params = program.span(node.params, scope)
    return Span(opening + 1, max(params.end, opening + 1))


def _undefined(program: Program, names: frozenset[str], scope: Scope) -> list[str]:
    """Those of the names read in a method that nothing in the file binds."""
    if program.stars:
        return []
    assert isinstance(scope.node, cst.FunctionDef) and scope.end is not None
    read = sorted(name for name in names if _is_read(scope.node.body, name))
    local = {name for inner in scope.everything() for name in inner.bindings}
    return [
        name
        for name in read
        if name not in BUILTINS and name not in local and program.reaching(name, scope.end) is None
    ]


def signature_of(scope: Scope, skip: int) -> Signature:
    """What a function can be called with; its first `skip` parameters are filled."""
    params = scope.parameters
    assert params is not None
    plain = [*params.posonly_params, *params.params]
    starred = isinstance(params.star_arg, cst.Param)
    least = sum(parameter.default is None for parameter in plain)
    return Signature(
        least=max(0, least - skip),
        most=None if starred else max(0, len(plain) - skip),
        required_keywords=tuple(
            parameter.name.value for parameter in params.kwonly_params if parameter.default is None
        ),
    )


def _called(node: cst.CSTNode) -> cst.CSTNode:
    return node.func if isinstance(node, cst.Call) else node


def _statements(node: cst.FunctionDef) -> list[cst.CSTNode]:
    """The small and compound statements of a body, without its docstring."""
    found: list[cst.CSTNode] = []
    for line in node.body.body:
        found += line.body if isinstance(line, cst.SimpleStatementLine) else [line]
    first = found[0] if found else None
    if isinstance(first, cst.Expr) and isinstance(
        first.value, (cst.SimpleString, cst.ConcatenatedString)
    ):
        found = found[1:]
    return found


def _only_raises(node: cst.FunctionDef) -> bool:
    """Reports whether a body ends in an exception and has nothing else to give."""
    statements = _statements(node)
    return bool(statements) and isinstance(statements[-1], cst.Raise) and len(statements) <= 2


def _is_stub(node: cst.FunctionDef) -> bool:
    statements = _statements(node)
    return all(
        isinstance(one, cst.Expr) and isinstance(one.value, cst.Ellipsis) for one in statements
    )


def _names(node: cst.CSTNode) -> list[str]:
    found = [node.value] if isinstance(node, cst.Name) else []
    for child in children(node):
        found += _names(child)
    return found


def _is_read(node: cst.CSTNode, name: str) -> bool:
    """Reports whether `name` stands alone somewhere, not only behind a dot or as a keyword."""
    if isinstance(node, cst.Name):
        return node.value == name
    if isinstance(node, cst.Attribute):
        return _is_read(node.value, name)
    return any(_is_read(child, name) for child in children(node))
