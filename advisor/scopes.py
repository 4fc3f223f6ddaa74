"""What is noted of a block: its scopes, and in each the bindings, calls and loops.

Everything noted has its `Place`: after which statements it runs, under which
conditions, in which loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import libcst as cst

from .nodes import Path, callee_tail, decorators, dotted_name
from .trees import Tree
from .values import Given

BindingKind: TypeAlias = Literal[
    "assign", "augment", "parameter", "loop", "context", "import", "definition", "delete", "unknown"
]


class Guard:
    """A condition that holds (or fails) at a place.

    Equal conditions have equal keys: their text in positive form. `test` is None for
    what is no expression: the branches of try and match, and whether a loop runs.
    """

    __slots__ = ("_key", "_straight", "place", "test", "written")

    def __init__(
        self,
        key: str,
        holds: bool,
        test: cst.BaseExpression | None = None,
        place: Place | None = None,
    ) -> None:
        self._key = key  # empty until it is asked for: most never are
        self._straight = True
        self.written = holds  # whether `test`, as it is written, holds
        self.test = test
        self.place = place

    @property
    def key(self) -> str:
        """The text of the condition in its positive form."""
        if not self._key:
            assert self.test is not None and self.place is not None
            self._key, self._straight = condition_key(self.test, self.place.scope.tree)
        return self._key

    @property
    def fact(self) -> tuple[str, bool]:
        """The condition in its positive form, and whether that holds."""
        key = self.key  # settles whether the condition is written in its positive form
        return key, self.written == self._straight


def condition_key(test: cst.BaseExpression, tree: Tree) -> tuple[str, bool]:
    """A condition's text in its positive form, and whether it stood so."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        key, straight = condition_key(test.expression, tree)
        return key, not straight
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        operator = test.comparisons[0].operator
        left = tree.code(test.left)
        right = tree.code(test.comparisons[0].comparator)
        if isinstance(operator, (cst.Is, cst.IsNot)):
            return f"{left} is {right}", isinstance(operator, cst.Is)
        if isinstance(operator, (cst.Equal, cst.NotEqual)):
            return f"{left} == {right}", isinstance(operator, cst.Equal)
    code = tree.code(test)
    while code.startswith("(") and test.lpar and code.endswith(")"):
        code = code[1:-1].strip()
        if len(test.lpar) <= 1:
            break
    return code, True


@dataclass(eq=False, slots=True)
class Loop:
    """A for or while statement, or a comprehension's `for`."""

    place: Place
    node: cst.For | cst.While | cst.CompFor
    target: cst.BaseExpression | None
    iterable: cst.BaseExpression | None
    body: Sequence[cst.CSTNode]
    endless: bool = False
    last: int = 0  # the order of the last place inside it


@dataclass(eq=False, slots=True)
class Trial:
    """A try statement, as seen from inside its body."""

    place: Place
    node: cst.Try


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A point in a scope."""

    scope: Scope
    order: int
    guards: tuple[Guard, ...] = ()
    loops: tuple[Loop, ...] = ()
    trials: tuple[Trial, ...] = ()
    contexts: tuple[cst.BaseExpression, ...] = ()

    @property
    def given(self) -> Given:
        """The conditions that hold here, as values carry them."""
        return frozenset(guard.fact for guard in self.guards)


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A name gets a value; attributes are bound by their dotted name."""

    name: str
    kind: BindingKind
    place: Place
    value: cst.CSTNode | None = None
    path: Path = ()
    target: str = ""  # of an import: the dotted name it stands for
    defined: Scope | None = None
    node: cst.CSTNode | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call, and when it runs."""

    node: cst.Call
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """An assignment to an attribute or an item: `target = value`."""

    target: cst.Attribute | cst.Subscript
    value: cst.BaseExpression | None
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Return:
    """A return statement, or the body of a lambda, which has none."""

    value: cst.BaseExpression | None
    place: Place
    node: cst.Return | None = None


@dataclass(eq=False)
class Scope:
    """A module's block, a class body, a function, a lambda or a comprehension."""

    kind: str
    name: str
    node: cst.CSTNode
    parent: Scope | None
    tree: Tree
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    children: list[Scope] = field(default_factory=list)
    outer_names: set[str] = field(default_factory=set)  # global and nonlocal
    global_names: set[str] = field(default_factory=set)
    stars: list[str] = field(default_factory=list)  # modules imported by *
    yielded: list[cst.Yield] = field(default_factory=list)
    raises: list[Place] = field(default_factory=list)
    place: Place | None = None  # where it is defined
    end: Place | None = None  # the place after its last statement

    @property
    def root(self) -> Scope:
        """The block that it stands in."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def enclosing(self, *kinds: str) -> Scope | None:
        """The innermost scope of one of these kinds, itself included; None where there is none."""
        scope: Scope | None = self
        while scope is not None and scope.kind not in kinds:
            scope = scope.parent
        return scope

    @property
    def yields(self) -> bool:
        """Whether it is a generator function."""
        return bool(self.yielded)

    @cached_property
    def parameters(self) -> cst.Parameters | None:
        """What it declares as parameters; None for what cannot be called."""
        return self.node.params if isinstance(self.node, (cst.FunctionDef, cst.Lambda)) else None

    @cached_property
    def first_parameter(self) -> str | None:
        """The name that a method calls its object by."""
        if self.parameters is None:
            return None
        every = [*self.parameters.posonly_params, *self.parameters.params]
        return every[0].name.value if every else None

    def functions(self) -> dict[str, Scope]:
        """The functions defined directly inside, by name; the last one wins."""
        return {child.name: child for child in self.children if child.kind == "function"}

    def everything(self) -> Iterator[Scope]:
        """This scope and all inside it."""
        yield self
        for child in self.children:
            yield from child.everything()

    @cached_property
    def inside(self) -> tuple[Scope, ...]:
        """The same, once all of it was read."""
        return tuple(self.everything())

    @cached_property
    def calls_by_tail(self) -> dict[str | None, list[Call]]:
        """The calls in it and in all inside it, by the last name of what is called."""
        found: dict[str | None, list[Call]] = {}
        for scope in self.everything():
            for call in scope.calls:
                found.setdefault(callee_tail(call.node), []).append(call)
        return found

    @cached_property
    def calls_by_keyword(self) -> dict[str, list[Call]]:
        """The calls in it and in all inside it, by the names of what they give by keyword."""
        found: dict[str, list[Call]] = {}
        for scope in self.everything():
            for call in scope.calls:
                for arg in call.node.args:
                    if arg.keyword is not None:
                        found.setdefault(arg.keyword.value, []).append(call)
        return found

    @cached_property
    def arguments_by_name(self) -> dict[str | None, list[tuple[Call, cst.Arg]]]:
        """What calls in it and in all inside it are given, by dotted names; others under None."""
        found: dict[str | None, list[tuple[Call, cst.Arg]]] = {}
        for scope in self.everything():
            for call in scope.calls:
                for arg in call.node.args:
                    found.setdefault(dotted_name(arg.value), []).append((call, arg))
        return found

    def opened_by(self, node: cst.CSTNode) -> Scope | None:
        """The scope in the same block that a lambda or comprehension opens."""
        for child in self.children:
            if child.node is node:
                return child
        return next((one for one in self.root.everything() if one.node is node), None)


def decorated(scope: Scope, name: str) -> bool:
    """Reports whether a function has the decorator, by whatever module it is named."""
    if not isinstance(scope.node, cst.FunctionDef):
        return False
    return any(one.rpartition(".")[2] == name for one in decorators(scope.node))
