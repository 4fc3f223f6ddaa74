"""Where a file constructs loaders, for those who want the places and not the findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from .calls import ReadCall, loader_calls
from .classes import dataset_classes
from .nodes import children, every_node
from .program import Program
from .project import Imports
from .resolve import Resolver
from .scopes import Scope
from .text import Source, Span
from .trees import Tree

_COMPOUND = (
    cst.BaseCompoundStatement,
    cst.Else,
    cst.Finally,
    cst.ExceptHandler,
    cst.ExceptStarHandler,
    cst.MatchCase,
)


@dataclass(frozen=True)
class Lines:
    """From the first to the last line, both of which belong to it."""

    first: int
    last: int

    def __contains__(self, line: int) -> bool:
        return self.first <= line <= self.last


@dataclass(frozen=True)
class Construction:
    """A loader is constructed: `line` is that of the callee's name.

    `lines` are those of the call, `statement` those of the statement it stands in: of its
    head alone where that is a `for`, `with` or `def`. `function` is `main` or
    `Module.train_dataloader`, and None at the left margin.
    """

    class_name: str
    names: tuple[str, ...]  # what it is assigned to: `loader`, `self.train_loader`
    function: str | None
    line: int
    lines: Lines
    statement: Lines
    callee: Span

    @property
    def shown(self) -> str:
        """`train_loader = DataLoader(...) in main`."""
        targets = "".join(f"{name} = " for name in self.names)
        where = f" in {self.function}" if self.function else ""
        return f"{targets}{self.class_name}(...){where}"


def constructions(source: Source, imports: Imports | None = None) -> tuple[Construction, ...]:
    """Every construction of a loader whose class is known, in order of place."""
    resolver, calls = read_calls(source, imports)
    found = []
    for call in calls:
        fact = call.fact
        lines = _lines(source, fact.span)
        owner = fact.in_class and fact.function and f"{fact.in_class}.{fact.function}"
        found.append(
            Construction(
                class_name=fact.class_name,
                names=_names(call),
                function=owner or fact.function,
                line=source.line_at(fact.callee.start),
                lines=lines,
                statement=_statement_around(resolver.program, call, lines),
                callee=fact.callee,
            )
        )
    return tuple(found)


def at(found: Iterable[Construction], line: int) -> tuple[Construction, ...]:
    """Those that a line means: it stands in their call, else in their statement."""
    found = tuple(found)
    own = tuple(one for one in found if line in one.lines)
    return own or tuple(one for one in found if line in one.statement)


@dataclass(frozen=True)
class Statement:
    """A statement by its lines, those of its head alone where others stand in it.

    `whole` has all of them. `calls` says that something is called in its own lines.
    """

    own: Lines
    whole: Lines
    calls: bool


def statement_at(source: Source, line: int) -> Statement | None:
    """The innermost statement that a line belongs to; None for blank lines and comments."""
    program = Program(source)
    offset = source.line_starts[line - 1] if line <= len(source.line_starts) else -1
    for index, block in enumerate(program.blocks):
        if block.start <= offset < block.start + len(block.text):
            for one in _statements(program, program.read(index)):
                if line in one.own:
                    return one
    return None


def read_calls(source: Source, imports: Imports | None = None) -> tuple[Resolver, list[ReadCall]]:
    """The constructions as they were read, for those who follow what stands in them."""
    program = Program(source)
    program.read_first()
    resolver = Resolver(program, imports)
    return resolver, loader_calls(resolver, dataset_classes(resolver))


def _names(call: ReadCall) -> tuple[str, ...]:
    """What it is assigned to; the variable of a loop over it is something else."""
    return tuple(
        binding.name
        for bindings in call.call.place.scope.bindings.values()
        for binding in bindings
        if binding.kind == "assign" and binding.value is call.call.node and not binding.path
    )


def _lines(source: Source, span: Span) -> Lines:
    return Lines(*source.lines_of(span))


def _statement_around(program: Program, call: ReadCall, lines: Lines) -> Lines:
    scope = call.call.place.scope.root
    around = [one for one in _statements(program, scope) if lines.first in one.own]
    return around[0].own if around else lines


def _statements(program: Program, root: Scope) -> Iterator[Statement]:
    """The statements of a block, in order; those inside of others too."""
    for node in root.tree.module.body:
        yield from _inside(program, root, root.tree, node)


def _inside(program: Program, root: Scope, tree: Tree, node: cst.CSTNode) -> Iterator[Statement]:
    source = program.source
    span = program.span(node, root)
    whole = Span(program.next_code(span.start), _end_of_code(source.text, span))
    if isinstance(node, cst.SimpleStatementLine):
        calls = any(isinstance(one, cst.Call) for one in every_node(node))
        yield Statement(_lines(source, whole), _lines(source, whole), calls)
        return
    if not isinstance(node, _COMPOUND):
        return
    body = [one for one in children(node) if isinstance(one, cst.BaseSuite)]
    parts = [one for one in children(node) if isinstance(one, _COMPOUND)]
    first = min((program.span(one, root).start for one in (*body, *parts)), default=whole.end)
    head = Span(whole.start, first)
    on_one_line = bool(body) and isinstance(body[0], cst.SimpleStatementSuite)
    if on_one_line:
        head = Span(whole.start, program.span(body[0], root).end)
    below = [] if on_one_line else [*body, *parts]
    in_head = (one for one in children(node) if not any(one is other for other in below))
    calls = any(isinstance(one, cst.Call) for piece in in_head for one in every_node(piece))
    head = Span(head.start, _end_of_code(source.text, head))
    yield Statement(_lines(source, head), _lines(source, whole), calls)
    for suite in body:
        if isinstance(suite, cst.IndentedBlock):
            for statement in suite.body:
                yield from _inside(program, root, tree, statement)
    for part in parts:
        yield from _inside(program, root, tree, part)


def _end_of_code(text: str, span: Span) -> int:
    """Where a piece of code ends, without the line end behind it."""
    end = min(span.end, len(text))  # the tree ends the last line of a file even if nobody did
    while end > span.start and text[end - 1].isspace():
        end -= 1
    return end
