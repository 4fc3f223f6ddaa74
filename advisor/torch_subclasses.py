"""Classes derived from torch's Sampler and Subset: what they do not do as torch asks."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .members import find_method, lineage, mixins, outer_bases
from .nodes import callee_tail, dotted_name
from .program import Program
from .resolve import Resolver
from .scopes import Call, Scope
from .text import Span
from .torch_api import SAMPLER
from .torch_data_model import SamplerInit, SubsetOverride
from .trials import error_expected
from .values import Symbol

OLD = "torch._six"  # gone since torch 2.0, where a sampler still had to be given something
SUBSET = "torch.utils.data.Subset"
# Bases without an __init__ of their own
NEUTRAL = frozenset(
    {"builtins.object", "typing.Generic", "typing.Protocol", "typing_extensions.Generic",
     "abc.ABC", "collections.abc.Iterable", "collections.abc.Sized", "typing.Iterable"}
)  # fmt: skip


def sampler_inits(resolver: Resolver) -> tuple[SamplerInit, ...]:
    """The calls that give arguments to the __init__ of torch's Sampler, in order of place."""
    if not resolver.program.source.tells("Sampler") or resolver.program.source.tells(OLD):
        return ()
    found = []
    for scope in list(resolver.program.scopes()):
        init = scope.functions().get("__init__") if scope.kind == "class" else None
        if init is None or not _reaches_torch(resolver, scope):
            continue
        for call in init.calls:
            given = _given_above(resolver, scope, init, call)
            if given and not call.place.guards and not error_expected(call.place):
                found.append(_sampler_init(resolver.program, scope, call, given))
    return tuple(sorted(found, key=lambda one: one.span))


def _reaches_torch(resolver: Resolver, scope: Scope) -> bool:
    """Reports whether what is above the class has no __init__ but torch's Sampler."""
    bases = outer_bases(resolver, scope)
    without_init = NEUTRAL | {SAMPLER} | mixins(resolver, scope)
    if SAMPLER not in bases or not without_init.issuperset(map(str, bases)):
        return False
    return not any("__init__" in one.bindings for one in lineage(resolver, scope)[1:])


def _given_above(resolver: Resolver, owner: Scope, init: Scope, call: Call) -> list[cst.Arg] | None:
    """The arguments of `super().__init__(…)` or `Sampler.__init__(self, …)`, without self."""
    func = call.node.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "__init__":
        return None
    args = list(call.node.args)
    if any(arg.star for arg in args):
        return None
    if callee_tail(func.value) == "super":
        assert isinstance(func.value, cst.Call)
        named = func.value.args
        own = not named or dotted_name(named[0].value) == owner.name
        return args if own else None
    value = resolver.value(func.value, call.place)
    me = dotted_name(args[0].value) if args else None
    if [case.what for case in value] == [Symbol(SAMPLER)] and me == init.first_parameter:
        return args[1:]
    return None


def _sampler_init(program: Program, owner: Scope, call: Call, given: list[cst.Arg]) -> SamplerInit:
    scope = call.place.scope
    start = program.span(given[0], scope).start
    end = program.span(given[-1], scope).end
    if given[0] is not call.node.args[0]:  # the comma behind self goes too
        start = program.span(call.node.args[0].value, scope).end
    text = program.source.text
    closing = program.next_code(end)
    return SamplerInit(
        class_name=owner.name,
        span=Span(
            program.span(given[0].value, scope).start, program.span(given[-1].value, scope).end
        ),
        given=Span(start, closing),
        removable=text[closing : closing + 1] == ")"
        and "#" not in text[start:closing]
        and all(_says_nothing(arg.value) for arg in given),
    )


def _says_nothing(node: cst.BaseExpression) -> bool:
    """Reports whether evaluating it does nothing: a name, an attribute or a constant."""
    return dotted_name(node) is not None or isinstance(node, (cst.SimpleString, cst.Integer))


def subset_overrides(resolver: Resolver) -> tuple[SubsetOverride, ...]:
    """The classes derived from torch's Subset whose own __getitem__ stands alone."""
    if not resolver.program.source.tells("Subset"):
        return ()
    return tuple(
        found for scope in list(resolver.program.scopes()) for found in _override(resolver, scope)
    )


def _override(resolver: Resolver, scope: Scope) -> Iterator[SubsetOverride]:
    if scope.kind != "class":
        return
    bases = outer_bases(resolver, scope)
    line = lineage(resolver, scope)
    method = scope.functions().get("__getitem__")
    if (
        method is None
        or SUBSET not in bases
        or not (NEUTRAL | {SUBSET}).issuperset(map(str, bases))
    ):
        return
    if any("__getitems__" in one.bindings or "__getattr__" in one.bindings for one in line):
        return
    assert isinstance(method.node, cst.FunctionDef)
    program = resolver.program
    name = program.span(method.node.name, method)
    text = program.source.text
    start = text.rfind("\n", 0, name.start) + 1
    indent = text[start : len(text[start:]) - len(text[start:].lstrip()) + start]
    behind = program.span(method.node, method).end
    while behind > name.end and text[behind - 1].isspace():
        behind -= 1
    init = find_method(resolver, scope, "__init__")
    yield SubsetOverride(
        class_name=scope.name,
        span=name,
        behind=behind,
        indent=indent,
        told=init is None or any(_calls_above(call) for call in init.calls),
    )


def _calls_above(call: Call) -> bool:
    func = call.node.func
    return isinstance(func, cst.Attribute) and func.attr.value == "__init__"
