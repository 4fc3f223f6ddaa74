"""What a piece of syntax says by itself: its parts, its names, what it calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import libcst as cst

Path: TypeAlias = tuple[int | str, ...]  # how a target takes its part: `(a, (b, c)) = v`

_SKIPPED = (
    "whitespace", "lpar", "rpar", "comma", "leading_lines", "semicolon", "equal", "colon",
    "dot", "header", "footer", "lbracket", "rbracket", "lbrace", "rbrace", "star",
    "annotation", "asynchronous", "keyword",
)  # fmt: skip
_FIELDS: dict[type[cst.CSTNode], tuple[str, ...]] = {}
# What else stands in the fields of a node; asking isinstance(…, CSTNode) is slow
_NO_CODE = (str, type(None), bool, cst.MaybeSentinel)


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of a node that can hold code, in order."""
    kind = type(node)
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(name for name in kind.__dataclass_fields__ if not name.startswith(_SKIPPED))
        _FIELDS[kind] = names
    for name in names:
        value = getattr(node, name)
        held = type(value)
        if held in _NO_CODE:
            continue
        if held is list or held is tuple:
            for item in value:
                if type(item) not in _NO_CODE:
                    yield item
        else:
            yield value


def every_node(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node itself and everything in it that can hold code, in order."""
    yield node
    for child in children(node):
        yield from every_node(child)


def every_call(node: cst.CSTNode) -> Iterator[cst.Call]:
    """The calls in a node, itself included."""
    return (one for one in every_node(node) if isinstance(one, cst.Call))


def dotted_name(node: cst.CSTNode | None) -> str | None:
    """`a.b.c` as text; None where something else stands in it."""
    parts: list[str] = []
    while type(node) is cst.Attribute:  # isinstance asks an abstract class, which is slow
        parts.append(node.attr.value)
        node = node.value
    if type(node) is not cst.Name:
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def below(module: str, name: str) -> str:
    """The dotted name of what stands in a module, which may be relative: `.` or `..data`."""
    return f"{module}{name}" if module.endswith(".") else f"{module}.{name}"


def callee_tail(node: cst.CSTNode | None) -> str | None:
    """The last name of what is called: `raises` of `pytest.raises(ValueError)`."""
    if type(node) is not cst.Call:
        return None
    called = node.func
    if type(called) is cst.Name:
        return called.value
    return called.attr.value if type(called) is cst.Attribute else None


def keyword_argument(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """What a call gives for `name=`; None where it gives nothing."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
    return None


def plain_argument(call: cst.Call, name: str, position: int) -> cst.BaseExpression | None:
    """What a call gives by name or position; None for nothing, or where a star may hide it."""
    if any(arg.star for arg in call.args):
        return None
    plain = [arg.value for arg in call.args if arg.keyword is None]
    return plain[position] if position < len(plain) else keyword_argument(call, name)


def every_parameter(params: cst.Parameters) -> list[cst.Param]:
    """All parameters, with *args and **kwargs."""
    star = [params.star_arg] if isinstance(params.star_arg, cst.Param) else []
    last = [params.star_kwarg] if params.star_kwarg is not None else []
    return [*params.posonly_params, *params.params, *star, *params.kwonly_params, *last]


def decorators(node: cst.CSTNode) -> list[str]:
    """The dotted names of what decorates a function or class; "?" for one without a name."""
    if not isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        return []
    return [dotted_name(_callee(one.decorator)) or "?" for one in node.decorators]


def _callee(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.func if isinstance(node, cst.Call) else node


def small_statements(body: cst.BaseSuite) -> list[cst.CSTNode]:
    """The statements of a suite, those that share a line one by one."""
    found: list[cst.CSTNode] = []
    for line in body.body:
        found += line.body if isinstance(line, cst.SimpleStatementLine) else [line]
    return found


def target_names(target: cst.CSTNode) -> Iterator[str]:
    """The names that a target binds, attributes by their dotted name."""
    if isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from target_names(element.value)
    elif (dotted := dotted_name(target)) is not None:
        yield dotted


def target_part(target: cst.BaseExpression, path: Path) -> cst.BaseExpression:
    """The part of a target that `path` leads to, as far as the target is unpacked."""
    for step in path:
        if not isinstance(target, (cst.Tuple, cst.List)) or not isinstance(step, int):
            return target
        if step >= len(target.elements):
            return target
        target = target.elements[step].value
    return target
