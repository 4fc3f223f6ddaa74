"""The syntax tree of a block, and where in the block each of its nodes stands."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from .nodes import children
from .text import Span


@dataclass(frozen=True)
class SyntaxProblem:
    """Code that cannot be read: why, and where in its block."""

    message: str
    span: Span


class Tree:
    """The syntax tree of one block, and the place of each of its nodes."""

    def __init__(self, text: str, module: cst.Module, problems: tuple[SyntaxProblem, ...]) -> None:
        self.text = text
        self.module = module
        self.problems = problems
        self._spans: dict[int, Span] = {}  # by the id of a node; to hash a node takes longer

    def span(self, node: cst.CSTNode) -> Span:
        """The place of `node` in the block, with its parentheses."""
        span = self._spans.get(id(node))
        if span is None:
            self._find(node)
            span = self._spans[id(node)]
        return span

    def code(self, node: cst.CSTNode) -> str:
        """The text of `node`, its further lines indented as if it stood at the left margin."""
        return self.module.code_for_node(node)

    def _find(self, node: cst.CSTNode) -> None:
        """Note the place of `node`, and of all in the part around it that was looked for.

        Its text may stand in the block several times, that of the statement around it
        seldom does. Writing out the whole block takes a third of the time of parsing it.
        """
        text = self.text.replace("\f", " ")
        part: cst.CSTNode | None = node
        while part is not None and part is not self.module:
            if part is node or type(part) in _STATEMENTS:
                indents = self._indents(part)
                state = CodegenState(self.module.default_indent, self.module.default_newline)
                state.indent_tokens = list(indents)
                part._codegen(state)
                code = "".join(state.tokens)
                at = text.find(code)
                if code and at >= 0 and text.find(code, at + 1) < 0:  # it can be nothing else
                    break
            part = self._parents.get(id(part))
        else:
            part, at, indents = self.module, 0, []
        recorder = _Recorder(text, self.module, at)
        recorder.indent_tokens = indents
        part._codegen(recorder)
        self._spans.update(recorder.spans)

    def _indents(self, node: cst.CSTNode) -> list[str]:
        """What stands before each line of a statement at that place, outermost first."""
        found: list[str] = []
        while (parent := self._parents.get(id(node))) is not None:
            node = parent
            if type(node) is cst.IndentedBlock:
                indent = node.indent
                found.insert(0, self.module.default_indent if indent is None else indent)
        return found

    @cached_property
    def _parents(self) -> dict[int, cst.CSTNode]:
        """By the id of a node what it is a part of."""
        found: dict[int, cst.CSTNode] = {}
        pending: list[cst.CSTNode] = [self.module]
        while pending:
            node = pending.pop()
            for part in children(node):
                found[id(part)] = node
                pending.append(part)
        return found


_STATEMENTS = frozenset(  # to ask whether a node is one of an abstract class is slow
    {cst.SimpleStatementLine, cst.If, cst.For, cst.While, cst.With, cst.Try, cst.TryStar,
     cst.FunctionDef, cst.ClassDef, cst.Match}
)  # fmt: skip
_NOTHING = nullcontext()


class _Recorder(CodegenState):
    """Writes a part of the tree out and notes where each node begins and ends."""

    def __init__(self, text: str, module: cst.Module, offset: int) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.text = text
        self.offset = offset
        self.open: list[int] = []
        self.spans: dict[int, Span] = {}

    def add_token(self, value: str) -> None:
        # libcst 1.9 forgets some blanks (`except E :`): catch up with the text
        while (
            not self.text.startswith(value, self.offset)
            and self.text[self.offset : self.offset + 1].isspace()
        ):
            self.offset += 1
        self.offset += len(value)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.offset += len(token)

    def pop_trailing_newline(self) -> None:
        pass

    def record_syntactic_position(self, *_: object, **__: object) -> Any:
        return _NOTHING  # libcst makes a new one for every node

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.open.append(self.offset)

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.spans[id(node)] = Span(self.open.pop(), self.offset)
