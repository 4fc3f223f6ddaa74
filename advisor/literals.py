"""Which literal of a file gives an argument of a loader its value.

Stricter than what rules ask: the literal must be the only source of the value, and give it
to nobody else, so that a change to it changes this loader and nothing besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

import libcst as cst

from . import options
from .calls import ReadCall
from .members import assignments, find_method, lineage
from .mentions import Mention, mentions_of_attribute, mentions_of_name
from .model import Argument
from .nodes import callee_tail, dotted_name, keyword_argument
from .parameters import argument_node, callers
from .reaching import Reaching
from .resolve import Resolver
from .scopes import Binding, Place, Scope
from .text import Span
from .values import Group, Origin, Unknown

DEEPEST = 10  # names that lead to names


class CannotFollow(Exception):
    """Why not: words that continue the argument's name."""


@dataclass(frozen=True)
class Literal:
    """Where the value is written; `option` names the command line's default that it is."""

    span: Span
    option: str | None = None


@dataclass(frozen=True)
class Entry:
    """An entry of a dictionary display or of a call of `dict`.

    `siblings` are all entries as if they were the arguments of a call that ends at
    `closing`; None where the entry is set by a statement of its own.
    """

    value: cst.BaseExpression
    place: Place
    index: int = 0
    siblings: tuple[Argument, ...] | None = None
    closing: int = 0


@dataclass(frozen=True)
class _Trail:
    """The way from the argument to its literal: the nodes that were followed."""

    resolver: Resolver
    call: ReadCall
    followed: tuple[cst.CSTNode, ...] = ()

    def over(self, node: cst.CSTNode) -> _Trail:
        if len(self.followed) >= DEEPEST:
            raise CannotFollow("comes through too many names")
        return replace(self, followed=(*self.followed, node))

    def line(self, node: cst.CSTNode, scope: Scope) -> int:
        program = self.resolver.program
        return program.source.line_at(program.span(node, scope).start)

    def used_elsewhere(self, found: Iterable[Mention]) -> int | None:
        """The first line of a use that is neither on the way nor in the loader's own call."""
        own = self.call.fact.span
        program = self.resolver.program
        for mention in found:
            if any(mention.node is one for one in self.followed):
                continue
            span = program.span(mention.node, mention.root)
            if not (own.start <= span.start and span.end <= own.end):
                return program.source.line_at(span.start)
        return None


def literal_of(resolver: Resolver, call: ReadCall, argument: Argument) -> Literal:
    """The literal that gives the argument its value; CannotFollow says why there is none."""
    trail = _Trail(resolver, call)
    node, place = _written(trail, argument)
    if argument.splatted:
        entry = _only_entry(trail, node, place, argument.name)
        return _follow(trail, entry.value, entry.place)
    return _follow(trail, node, place)


def entry_of(resolver: Resolver, call: ReadCall, argument: Argument) -> Entry:
    """The entry of the dictionary behind `**` that gives the argument."""
    trail = _Trail(resolver, call)
    node, place = _written(trail, argument)
    return _only_entry(trail, node, place, argument.name)


def _written(trail: _Trail, argument: Argument) -> tuple[cst.BaseExpression, Place]:
    call = trail.call.call
    for arg in call.node.args:
        if trail.resolver.program.span(arg.value, call.place.scope) == argument.span:
            return arg.value, call.place
    raise CannotFollow("is given by functools.partial")


def _follow(trail: _Trail, node: cst.BaseExpression, place: Place) -> Literal:
    if _is_literal(node):
        return Literal(trail.resolver.program.span(node, place.scope))
    match node:
        case cst.Name():
            return _name(trail, node, place)
        case cst.Attribute():
            return _attribute(trail, node, place)
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            text = _text(key)
            if text is not None:
                entry = _only_entry(trail.over(node), node.value, place, text)
                return _follow(trail, entry.value, entry.place)
        case cst.Call(args=[cst.Arg(star="", keyword=None, value=inner)]):
            if dotted_name(node.func) == "int":
                return _follow(trail, inner, place)
        case cst.NamedExpr():
            return _follow(trail, node.value, place)
    code = place.scope.tree.code(node)
    line = trail.line(node, place.scope)
    raise CannotFollow(f"is computed when the program runs ({_short(code)} on line {line})")


def _is_literal(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Name):
        return node.value in ("None", "True", "False")
    return isinstance(node, cst.Integer)


# Names


def _name(trail: _Trail, node: cst.Name, place: Place) -> Literal:
    name = node.value
    reaching = trail.resolver.program.reaching(name, place)
    if not reaching:
        raise CannotFollow(f"is {name}, which this file does not set")
    binding = _only_binding(trail, name, reaching)
    trail = trail.over(node)
    if binding.kind == "parameter":
        return _parameter(trail, binding)
    value = _assigned(trail, name, binding)
    _refuse_other_uses(trail, name, binding)
    return _follow(trail, value, binding.place)


def _only_binding(trail: _Trail, name: str, reaching: list[Reaching]) -> Binding:
    if len(reaching) == 1:
        return reaching[0].binding
    raise CannotFollow(f"is {name}, which has {_several(_lines(trail, reaching))}")


def _lines(trail: _Trail, reaching: Iterable[Reaching]) -> list[int]:
    found = set()
    for one in reaching:
        node = one.binding.value or one.binding.node
        if node is not None:
            found.add(trail.line(node, one.binding.place.scope))
    return sorted(found)


def _several(lines: list[int]) -> str:
    if len(lines) < 2:
        return "several possible values"
    shown = ", ".join(map(str, lines[:-1]))
    return f"several possible values (lines {shown} and {lines[-1]})"


def _assigned(trail: _Trail, name: str, binding: Binding) -> cst.BaseExpression:
    """The expression that a binding assigns as a whole."""
    value = binding.value
    if binding.kind == "assign" and not binding.path and isinstance(value, cst.BaseExpression):
        return value
    if binding.kind == "import":
        raise CannotFollow(f"is {name}, which comes from another file ({binding.target})")
    node = binding.value or binding.node
    where = f" on line {trail.line(node, binding.place.scope)}" if node is not None else ""
    how = {"loop": "takes its values from the loop", "augment": "is changed"}
    raise CannotFollow(f"is {name}, which {how.get(binding.kind, 'gets its value')}{where}")


def _refuse_other_uses(trail: _Trail, name: str, binding: Binding) -> None:
    program = trail.resolver.program
    scope = binding.place.scope
    line = trail.used_elsewhere(mentions_of_name(program, scope, name))
    if line is not None:
        raise CannotFollow(f"is {name}, which is used on line {line} as well")


def _parameter(trail: _Trail, binding: Binding) -> Literal:
    resolver, name, scope = trail.resolver, binding.name, binding.place.scope
    clicked = options.click_default(resolver, scope, name)
    if clicked is not None and clicked[0].origin is not None and scope.place is not None:
        return _option(trail, clicked[0].origin, scope.place)
    function = scope.name if scope.kind == "function" else "a lambda"
    if function == "__init__" and scope.parent is not None:
        function = scope.parent.name
    if scope.parameters is None or scope.kind == "lambda":
        raise CannotFollow(f"is {name}, a parameter of {function}")
    calls = callers(resolver, scope)
    given = [(call, argument_node(call.node, scope, name)) for call in calls]
    sources = [(call, node) for call, node in given if node is not None]
    _refuse_other_uses(trail, name, binding)
    if not sources:
        if binding.value is None or scope.place is None:
            raise CannotFollow(f"is {name}, which callers of {function} give in other files")
        default = options.typer_default(binding.value)
        assert isinstance(default, cst.BaseExpression)
        return _follow(trail, default, scope.place)
    if len(given) > 1:
        lines = sorted(trail.line(call.node, call.place.scope) for call, _ in given)
        shown = " and ".join(map(str, lines))
        raise CannotFollow(f"is {name}, and {function} is called several times (lines {shown})")
    [(call, node)] = sources
    if isinstance(node, Unknown):
        line = trail.line(call.node, call.place.scope)
        raise CannotFollow(f"is {name}, which a * or ** on line {line} may give")
    return _follow(trail, node, call.place)


# Attributes


def _attribute(trail: _Trail, node: cst.Attribute, place: Place) -> Literal:
    resolver = trail.resolver
    dotted = dotted_name(node)
    shown = dotted or _short(place.scope.tree.code(node))
    trail = trail.over(node)
    found = _assigned_here(resolver, dotted, place) if dotted else []
    if not found:
        found = _of_self(trail, node, place)
    if found:
        if len(found) > 1:
            raise CannotFollow(f"is {shown}, which has {_several(_lines(trail, found))}")
        value = _assigned(trail, shown, found[0].binding)
        _refuse_other_attributes(trail, node, shown)
        return _follow(trail, value, found[0].binding.place)
    value_of = resolver.value(node, place)
    origin = value_of[0].origin
    if len(value_of) > 1:
        raise CannotFollow(f"is {shown}, which has several possible values")
    if origin is None:
        raise CannotFollow(f"is {shown}, which cannot be followed to where it is set")
    if isinstance(origin.node, cst.Call) and callee_tail(origin.node) == "add_argument":
        for call in resolver.program.calls_named("add_argument"):
            if call.node is origin.node:
                return _option(trail, origin, call.place)
    default = options.typer_default(origin.node)
    if not _is_literal(default):
        raise CannotFollow(f"is {shown}, {origin.label}, which is no literal")
    _refuse_other_attributes(trail, node, shown)
    return Literal(origin.locate(default)[0])


def _assigned_here(resolver: Resolver, dotted: str, place: Place) -> list[Reaching]:
    """What assigns a dotted name in the scope that reads it."""
    scope = place.scope
    if scope.kind == "module":
        bound = bool(resolver.program.module_bindings(dotted))
    else:
        bound = dotted in scope.bindings
    return (resolver.program.reaching(dotted, place) or []) if bound else []


def _of_self(trail: _Trail, node: cst.Attribute, place: Place) -> list[Reaching]:
    """What assigns `self.name` in the methods or the body of the class around the call."""
    method = place.scope.enclosing("function")
    owner = method.parent if method is not None else None
    if method is None or owner is None or owner.kind != "class":
        return []
    if dotted_name(node.value) != method.first_parameter:
        return []
    name = node.attr.value
    if find_method(trail.resolver, owner, name) is not None:
        raise CannotFollow(f"is self.{name}, which a property computes")
    found = assignments(trail.resolver, owner, name)
    for one in lineage(trail.resolver, owner):
        found += one.bindings.get(name, [])
    return [Reaching(binding, frozenset()) for binding in found]


def _refuse_other_attributes(trail: _Trail, node: cst.Attribute, shown: str) -> None:
    found = mentions_of_attribute(trail.resolver.program, node.attr.value)
    line = trail.used_elsewhere(found)
    if line is not None:
        raise CannotFollow(f"is {shown}, which is used on line {line} as well")


def _option(trail: _Trail, origin: Origin, place: Place) -> Literal:
    """The default of an option of the command line, which may be used anywhere."""
    default = keyword_argument(origin.node, "default")
    option = origin.label.removeprefix("the default of ")
    if default is None:
        raise CannotFollow(f"is the switch {option}, which has no default to change")
    if isinstance(default, cst.SimpleString):  # which argparse converts
        return Literal(trail.resolver.program.span(default, place.scope), option)
    return replace(_follow(trail, default, place), option=option)


# Dictionaries


def _only_entry(trail: _Trail, node: cst.BaseExpression, place: Place, key: str) -> Entry:
    found = list(_entries(trail, node, place, key))
    if len(found) == 1:
        return found[0]
    if not found:
        code = _short(place.scope.tree.code(node))
        raise CannotFollow(f"comes from {code}, which cannot be followed to where it is set")
    lines = sorted({trail.line(one.value, one.place.scope) for one in found})
    raise CannotFollow(f"has {_several(lines)}")


def _entries(trail: _Trail, node: cst.BaseExpression, place: Place, key: str) -> Iterator[Entry]:
    """Everything that gives a dictionary the key."""
    match node:
        case cst.Dict():
            yield from _of_display(trail, node, place, key)
        case cst.Call() if dotted_name(node.func) == "dict":
            yield from _of_call(trail, node, place, key)
        case cst.Name():
            yield from _of_name(trail, node, place, key)
        case _:
            trail = trail.over(node)
            for case in trail.resolver.value(node, place):
                if not isinstance(case.what, Group) or not case.what.where:
                    _refuse_dictionary(trail, node, place)
                made, at = case.what.where
                if not isinstance(made, (cst.Dict, cst.Call)):
                    _refuse_dictionary(trail, node, place)
                if isinstance(node, cst.Attribute):
                    shown = dotted_name(node) or node.attr.value
                    _refuse_other_attributes(trail, node, shown)
                yield from _entries(trail, made, at, key)


def _refuse_dictionary(trail: _Trail, node: cst.BaseExpression, place: Place) -> NoReturn:
    line = trail.line(node, place.scope)
    code = _short(place.scope.tree.code(node))
    raise CannotFollow(f"comes from {code} on line {line}, which is no dictionary of this file")


def _of_display(trail: _Trail, node: cst.Dict, place: Place, key: str) -> Iterator[Entry]:
    siblings = tuple(_as_argument(trail, one, place) for one in node.elements)
    closing = siblings[-1].after if siblings else 0
    for index, element in enumerate(node.elements):
        if isinstance(element, cst.StarredDictElement):
            yield from _entries(trail, element.value, place, key)
        elif isinstance(element, cst.DictElement) and _text(element.key) == key:
            end = trail.resolver.program.next_code(closing)
            yield Entry(element.value, place, index, siblings, end)


def _of_call(trail: _Trail, node: cst.Call, place: Place, key: str) -> Iterator[Entry]:
    siblings = tuple(_as_argument(trail, one, place) for one in node.args)
    closing = siblings[-1].after if siblings else 0
    for index, arg in enumerate(node.args):
        if arg.keyword is None:
            yield from _entries(trail, arg.value, place, key)
        elif arg.keyword.value == key:
            end = trail.resolver.program.next_code(closing)
            yield Entry(arg.value, place, index, siblings, end)


def _as_argument(trail: _Trail, element: cst.BaseDictElement | cst.Arg, place: Place) -> Argument:
    """An entry in the terms of a call, so that it is taken out in the same way."""
    program = trail.resolver.program
    value = program.span(element.value, place.scope)
    whole = Span(program.span(element, place.scope).start, value.end)
    has_comma = isinstance(element.comma, cst.Comma)
    after = program.next_code(whole.end) + 1 if has_comma else whole.end
    return Argument("", value, whole, after, (), "")


def _of_name(trail: _Trail, node: cst.Name, place: Place, key: str) -> Iterator[Entry]:
    name = node.value
    program = trail.resolver.program
    reaching = program.reaching(name, place)
    if not reaching:
        raise CannotFollow(f"comes from {name}, which this file does not set")
    binding = _only_binding(trail, name, reaching)
    trail = trail.over(node)
    scope = binding.place.scope
    others = (
        one for one in mentions_of_name(program, scope, name) if not _about_other_key(one, key)
    )
    line = trail.used_elsewhere(others)
    if line is not None:
        raise CannotFollow(f"comes from {name}, which is used on line {line} as well")
    yield from _entries(trail, _assigned(trail, name, binding), binding.place, key)
    for frame in program.frame(scope):
        yield from _set_later(trail, frame, name, key)


def _about_other_key(mention: Mention, key: str) -> bool:
    """Reports whether `d` stands in `d["other"]`, or in a call that `_set_later` reads."""
    parent, above = mention.parent, mention.above
    if isinstance(parent, cst.Subscript) and parent.value is mention.node:
        match parent.slice:
            case [cst.SubscriptElement(slice=cst.Index(value=index))]:
                text = _text(index)
                return text is not None and text != key
    if isinstance(parent, cst.Attribute) and isinstance(above, cst.Call) and above.func is parent:
        if parent.attr.value in ("update", "setdefault", "pop"):
            return True
        if parent.attr.value == "get" and above.args:
            text = _text(above.args[0].value)
            return text is not None and text != key
    return False


def _set_later(trail: _Trail, scope: Scope, name: str, key: str) -> Iterator[Entry]:
    for store in scope.stores:
        target = store.target
        if isinstance(target, cst.Subscript) and dotted_name(target.value) == name:
            match target.slice:
                case [cst.SubscriptElement(slice=cst.Index(value=index))]:
                    if _text(index) == key and store.value is not None:
                        yield Entry(store.value, store.place)
    for call in scope.calls:
        func = call.node.func
        if not isinstance(func, cst.Attribute) or dotted_name(func.value) != name:
            continue
        if func.attr.value == "update":
            for one in _of_call(trail, call.node, call.place, key):
                yield replace(one, siblings=None)
        elif (
            func.attr.value in ("setdefault", "pop")
            and call.node.args
            and _text(call.node.args[0].value) == key
        ):
            line = trail.line(call.node, call.place.scope)
            raise CannotFollow(f"is changed by {name}.{func.attr.value}() on line {line}")


def _text(node: cst.CSTNode) -> str | None:
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def _short(code: str) -> str:
    """A piece of code for a message, in one line."""
    line = " ".join(code.split())
    return line if len(line) <= 50 else f"{line[:47]}..."
