"""The way from an argument to where its value is written, and who else uses what is on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import libcst as cst

from .calls import ReadCall
from .mentions import Mention, mentions_of_attribute, mentions_of_name
from .reaching import Reaching
from .resolve import Resolver
from .scopes import Binding, Scope

DEEPEST = 10  # names that lead to names


class CannotFollow(Exception):
    """Why not: words that continue the argument's name."""


@dataclass(frozen=True)
class Trail:
    """The way from the argument to its literal: the nodes that were followed."""

    resolver: Resolver
    call: ReadCall
    followed: tuple[cst.CSTNode, ...] = ()

    def over(self, node: cst.CSTNode) -> Trail:
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


def only_binding(trail: Trail, name: str, reaching: list[Reaching]) -> Binding:
    if len(reaching) == 1:
        return reaching[0].binding
    raise CannotFollow(f"is {name}, which has {several(lines_of(trail, reaching))}")


def lines_of(trail: Trail, reaching: Iterable[Reaching]) -> list[int]:
    found = set()
    for one in reaching:
        node = one.binding.value or one.binding.node
        if node is not None:
            found.add(trail.line(node, one.binding.place.scope))
    return sorted(found)


def several(lines: list[int]) -> str:
    if len(lines) < 2:
        return "several possible values"
    shown = ", ".join(map(str, lines[:-1]))
    return f"several possible values (lines {shown} and {lines[-1]})"


def assigned(trail: Trail, name: str, binding: Binding) -> cst.BaseExpression:
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


def refuse_other_uses(trail: Trail, name: str, binding: Binding) -> None:
    program = trail.resolver.program
    scope = binding.place.scope
    line = trail.used_elsewhere(mentions_of_name(program, scope, name))
    if line is not None:
        raise CannotFollow(f"is {name}, which is used on line {line} as well")


def refuse_other_attributes(trail: Trail, node: cst.Attribute, shown: str) -> None:
    found = mentions_of_attribute(trail.resolver.program, node.attr.value)
    line = trail.used_elsewhere(found)
    if line is not None:
        raise CannotFollow(f"is {shown}, which is used on line {line} as well")


def text_of(node: cst.CSTNode) -> str | None:
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def short(code: str) -> str:
    """A piece of code for a message, in one line."""
    line = " ".join(code.split())
    return line if len(line) <= 50 else f"{line[:47]}..."
