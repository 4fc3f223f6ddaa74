"""What happens in a block, in order: names bound, functions called, loops entered.

One walk over the tree of a block notes every binding, call and loop with its
`Place`: after which statements it runs, under which conditions, in which loops.
Nothing is evaluated here, and nothing outside the block is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import libcst as cst

from .blocks import Tree, parse

Path = tuple[int | str, ...]  # how a target takes its part of a value: `(a, (b, c)) = v`


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
        self._key = key
        self._straight = True
        self.written = holds  # whether `test`, as it is written, holds
        self.test = test
        self.place = place

    @property
    def key(self) -> str:
        if not self._key:
            assert self.test is not None and self.place is not None
            self._key, self._straight = condition_key(self.test, self.place.scope.tree)
        return self._key

    @property
    def holds(self) -> bool:
        """Whether the condition in its positive form holds."""
        self.key  # noqa: B018 - settles whether it is written in its positive form
        return self.written == self._straight


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


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A name gets a value.

    `kind` is one of assign, augment, parameter, loop, context, import, definition
    (function or class), delete, unknown. Attributes are bound by their dotted name.
    """

    name: str
    kind: str
    place: Place
    value: cst.CSTNode | None = None
    path: Path = ()
    target: str = ""  # of an import: the dotted name it stands for
    defined: Scope | None = None
    node: cst.CSTNode | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Call:
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
    value: cst.BaseExpression | None
    place: Place


@dataclass(eq=False)
class Scope:
    """A module's block, a class body, a function or a lambda."""

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
    stars: list[str] = field(default_factory=list)  # modules imported by *
    lambdas: dict[cst.Lambda, Scope] = field(default_factory=dict)
    yields: bool = False
    raises: list[Place] = field(default_factory=list)
    place: Place | None = None  # where it is defined
    end: Place | None = None  # the place after its last statement

    @property
    def root(self) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def parameters(self) -> cst.Parameters | None:
        return self.node.params if isinstance(self.node, (cst.FunctionDef, cst.Lambda)) else None

    @property
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


@lru_cache(maxsize=256)
def read_block(text: str, occurrence: int) -> Scope:
    """What happens in the block with that text."""
    tree = parse(text, occurrence)
    scope = Scope("module", "", tree.module, None, tree)
    walker = _Walker(scope)
    try:
        walker.suite(tree.module.body)
    except RecursionError:  # an expression of hundreds of levels; what came before it counts
        pass
    scope.end = walker.here()
    return scope


class _Walker:
    """Walks the statements of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.order = 0
        self.guards: tuple[Guard, ...] = ()
        self.loops: tuple[Loop, ...] = ()
        self.trials: tuple[Trial, ...] = ()
        self.contexts: tuple[cst.BaseExpression, ...] = ()
        self.comprehensions: list[dict[str, None]] = []

    def here(self) -> Place:
        self.order += 1
        return Place(
            self.scope, self.order, self.guards, self.loops, self.trials, self.contexts
        )

    # Statements

    def suite(self, body: Sequence[cst.CSTNode]) -> bool:
        """Walk a suite; reports whether its end cannot be reached."""
        guards = self.guards
        over = False
        for statement in body:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    over = self.small(small) or over
            elif isinstance(statement, cst.BaseSmallStatement):
                over = self.small(statement) or over
            else:
                over = self.compound(statement) or over
        self.guards = guards
        return over

    def block(self, body: cst.BaseSuite, *guards: Guard) -> bool:
        outer = self.guards
        self.guards = (*outer, *guards)
        over = self.suite(body.body)
        self.guards = outer
        return over

    def small(self, node: cst.CSTNode) -> bool:
        place = self.here()
        kind = type(node)
        if kind is cst.Expr:
            self.expression(node.value, place)
            return _ends_the_program(node.value)
        if kind is cst.Assign:
            self.expression(node.value, place)
            for target in node.targets:
                self.target(target.target, "assign", node.value, place, node)
        elif kind is cst.AnnAssign:
            if node.value is not None:
                self.expression(node.value, place)
                self.target(node.target, "assign", node.value, place, node)
        elif kind is cst.AugAssign:
            self.expression(node.value, place)
            self.target(node.target, "augment", node, place, node)
        elif kind is cst.Return:
            if node.value is not None:
                self.expression(node.value, place)
            self.scope.returns.append(Return(node.value, place))
            return True
        elif kind is cst.Raise:
            if node.exc is not None:
                self.expression(node.exc, place)
            self.scope.raises.append(place)
            return True
        elif kind in (cst.Break, cst.Continue):
            return True
        elif kind is cst.Assert:
            self.expression(node.test, place)
            self.guards = (*self.guards, *self.facts(node.test, True, place))
        elif kind in (cst.Import, cst.ImportFrom):
            self.imported(node, place)
        elif kind in (cst.Global, cst.Nonlocal):
            self.scope.outer_names |= {item.name.value for item in node.names}
        elif kind is cst.Del:
            for name in _delete_targets(node.target):
                if isinstance(name, cst.Subscript):
                    self.scope.stores.append(Store(name, None, place))
                elif dotted := dotted_name(name):
                    self.bind(Binding(dotted, "delete", place))
        elif kind is cst.TypeAlias:
            self.bind(Binding(node.name.value, "unknown", place))
        return False

    def compound(self, node: cst.CSTNode) -> bool:
        kind = type(node)
        if kind is cst.If:
            return self.branches(node)
        if kind is cst.FunctionDef:
            self.function(node)
        elif kind is cst.ClassDef:
            self.class_body(node)
        elif kind is cst.For:
            self.for_loop(node)
        elif kind is cst.While:
            return self.while_loop(node)
        elif kind is cst.With:
            return self.with_block(node)
        elif kind in (cst.Try, cst.TryStar):
            return self.try_block(node)
        elif kind is cst.Match:
            self.match(node)
        return False

    def branches(self, node: cst.If) -> bool:
        """An if with its elifs: each branch holds the failures of those before it."""
        outer = self.guards
        failed: tuple[Guard, ...] = ()
        all_over = True
        open_ends: list[tuple[Guard, ...]] = []
        clause: cst.If | cst.Else | None = node
        while isinstance(clause, cst.If):
            self.guards = (*outer, *failed)
            place = self.here()
            self.expression(clause.test, place)
            held = (*failed, *self.facts(clause.test, True, place))
            over = self.block(clause.body, *self.facts(clause.test, True, place))
            if not over:
                open_ends.append(held)
            all_over = all_over and over
            failed = (*failed, *self.facts(clause.test, False, place))
            clause = clause.orelse
        self.guards = (*outer, *failed)
        if clause is not None:
            over = self.suite(clause.body.body)
            all_over = all_over and over
            if not over:
                open_ends.append(failed)
        else:
            all_over = False
            open_ends.append(failed)
        # what holds behind the statement: the one branch whose end is reached
        self.guards = (*outer, *open_ends[0]) if len(open_ends) == 1 else outer
        return all_over

    def for_loop(self, node: cst.For) -> None:
        place = self.here()
        self.expression(node.iter, place)
        loop = Loop(place, node, node.target, node.iter, node.body.body)
        self.scope.loops.append(loop)
        self.inside(loop, node.body, Guard(f"loop {id(node)}", True))
        if node.orelse is not None:
            self.block(node.orelse.body)

    def while_loop(self, node: cst.While) -> bool:
        place = self.here()
        self.expression(node.test, place)
        endless = isinstance(node.test, cst.Name) and node.test.value == "True"
        endless = endless or (isinstance(node.test, cst.Integer) and node.test.value != "0")
        loop = Loop(place, node, None, None, node.body.body, endless)
        self.scope.loops.append(loop)
        guards = () if endless else self.facts(node.test, True, place)
        self.inside(loop, node.body, *guards, Guard(f"loop {id(node)}", True))
        if node.orelse is not None:
            self.block(node.orelse.body)
        return False

    def inside(self, loop: Loop, body: cst.BaseSuite, *guards: Guard) -> None:
        outer = self.loops
        self.loops = (*outer, loop)
        if loop.target is not None:
            place = Place(
                self.scope,
                self.order,
                (*self.guards, *guards),
                self.loops,
                self.trials,
                self.contexts,
            )
            self.target(loop.target, "loop", loop.iterable, place, loop.node)
        self.block(body, *guards)
        self.loops = outer
        loop.last = self.order

    def with_block(self, node: cst.With) -> bool:
        place = self.here()
        outer = self.contexts
        for item in node.items:
            self.expression(item.item, place)
            if item.asname is not None and isinstance(item.asname.name, cst.BaseExpression):
                self.target(item.asname.name, "context", item.item, place, node)
            self.contexts = (*self.contexts, item.item)
        over = self.block(node.body)
        self.contexts = outer
        return over and not self._swallows(node)

    def _swallows(self, node: cst.With) -> bool:
        """A context that may swallow the exception that ends its body."""
        return any(callee_tail(item.item) in SWALLOWING for item in node.items)

    def try_block(self, node: cst.Try | cst.TryStar) -> bool:
        outer_guards, outer_trials = self.guards, self.trials
        key = f"try {id(node)}"
        passed = Guard(key, True)
        if isinstance(node, cst.Try):
            self.trials = (*outer_trials, Trial(self.here(), node))
        self.guards = (*outer_guards, passed)
        body_over = self.suite(node.body.body)
        self.trials = outer_trials
        if node.orelse is not None:
            self.guards = (*outer_guards, passed)
            body_over = self.suite(node.orelse.body.body) or body_over
        failed: tuple[Guard, ...] = (Guard(key, False),)
        open_handlers = 0
        for index, handler in enumerate(node.handlers):
            own = Guard(f"{key} handler {index}", True)
            self.guards = (*outer_guards, *failed, own)
            place = self.here()
            if handler.type is not None:
                self.expression(handler.type, place)
            if handler.name is not None and isinstance(handler.name.name, cst.Name):
                self.bind(Binding(handler.name.name.value, "unknown", place))
            if not self.suite(handler.body.body):
                open_handlers += 1
            failed = (*failed, Guard(own.key, False))
        self.guards = outer_guards
        if not open_handlers and not body_over and node.handlers:
            self.guards = (*outer_guards, passed)
        if node.finalbody is not None and self.suite(node.finalbody.body.body):
            return True
        return body_over and not open_handlers and (bool(node.handlers) or node.finalbody is not None)

    def match(self, node: cst.Match) -> None:
        place = self.here()
        self.expression(node.subject, place)
        failed: tuple[Guard, ...] = ()
        outer = self.guards
        for index, case in enumerate(node.cases):
            own = f"match {id(node)} {index}"
            self.guards = (*outer, *failed)
            place = self.here()
            for name in _captured(case.pattern):
                self.bind(Binding(name, "unknown", place))
            if case.guard is not None:
                self.expression(case.guard, place)
            self.block(case.body, Guard(own, True))
            failed = (*failed, Guard(own, False))
        self.guards = outer

    def function(self, node: cst.FunctionDef) -> None:
        place = self.here()
        for decorator in node.decorators:
            self.expression(decorator.decorator, place)
        inner = Scope("function", node.name.value, node, self.scope, self.scope.tree)
        inner.place = place
        self.scope.children.append(inner)
        self.defaults(node.params, place)
        self.bind(Binding(inner.name, "definition", place, defined=inner, node=node))
        _Walker(inner).body(node.params, node.body)

    def body(self, params: cst.Parameters, body: cst.CSTNode) -> None:
        place = self.here()
        for parameter in every_parameter(params):
            self.bind(
                Binding(parameter.name.value, "parameter", place, parameter.default, node=parameter)
            )
        if isinstance(body, cst.BaseSuite):
            self.suite(body.body)
        else:
            assert isinstance(body, cst.BaseExpression)
            self.expression(body, place)
            self.scope.returns.append(Return(body, place))
        self.scope.end = self.here()

    def class_body(self, node: cst.ClassDef) -> None:
        place = self.here()
        for decorator in node.decorators:
            self.expression(decorator.decorator, place)
        for base in (*node.bases, *node.keywords):
            self.expression(base.value, place)
        inner = Scope("class", node.name.value, node, self.scope, self.scope.tree)
        inner.place = place
        self.scope.children.append(inner)
        self.bind(Binding(inner.name, "definition", place, defined=inner, node=node))
        walker = _Walker(inner)
        walker.suite(node.body.body)
        inner.end = walker.here()

    def defaults(self, params: cst.Parameters, place: Place) -> None:
        for parameter in every_parameter(params):
            if parameter.default is not None:
                self.expression(parameter.default, place)

    # Bindings

    def bind(self, binding: Binding) -> None:
        self.scope.bindings.setdefault(binding.name, []).append(binding)

    def target(
        self,
        node: cst.CSTNode,
        kind: str,
        value: cst.CSTNode | None,
        place: Place,
        statement: cst.CSTNode,
        path: Path = (),
    ) -> None:
        if isinstance(node, cst.Name):
            self.bind(Binding(node.value, kind, place, value, path, node=statement))
        elif isinstance(node, (cst.Tuple, cst.List)):
            starred = False
            for index, element in enumerate(node.elements):
                starred = starred or isinstance(element, cst.StarredElement)
                step: int | str = "*" if starred else index
                self.target(element.value, kind, value, place, statement, (*path, step))
        elif isinstance(node, (cst.Attribute, cst.Subscript)):
            self.expression(node.value, place)
            plain = isinstance(value, cst.BaseExpression) and kind == "assign" and not path
            self.scope.stores.append(Store(node, value if plain else None, place))  # type: ignore[arg-type]
            if isinstance(node, cst.Attribute) and (dotted := dotted_name(node)):
                self.bind(Binding(dotted, kind, place, value, path, node=statement))
            elif isinstance(node, cst.Subscript):
                for element in node.slice:
                    if isinstance(element.slice, cst.Index):
                        self.expression(element.slice.value, place)

    def imported(self, node: cst.Import | cst.ImportFrom, place: Place) -> None:
        if isinstance(node, cst.Import):
            for alias in node.names:
                name = dotted_name(alias.name) or ""
                if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                    bound, stands_for = alias.asname.name.value, name
                else:
                    bound = stands_for = name.partition(".")[0]
                self.bind(Binding(bound, "import", place, target=stands_for, node=node))
            return
        module = "." * len(node.relative) + (dotted_name(node.module) or "" if node.module else "")
        if isinstance(node.names, cst.ImportStar):
            self.scope.stars.append(module)
            return
        for alias in node.names:
            name = dotted_name(alias.name) or ""
            bound = name
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                bound = alias.asname.name.value
            full = f"{module}{name}" if module.endswith(".") else f"{module}.{name}"
            self.bind(Binding(bound, "import", place, target=full, node=node))

    # Conditions

    def facts(self, test: cst.BaseExpression, holds: bool, place: Place) -> tuple[Guard, ...]:
        """What is known when `test` holds (or fails)."""
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            return self.facts(test.expression, not holds, place)
        if isinstance(test, cst.BooleanOperation):
            both = isinstance(test.operator, cst.And) == holds
            if both:
                return (
                    *self.facts(test.left, holds, place),
                    *self.facts(test.right, holds, place),
                )
        return (Guard("", holds, test, place),)

    # Expressions

    def expression(self, node: cst.CSTNode, place: Place) -> None:
        """Note the calls, lambdas and comprehensions in an expression."""
        kind = type(node)
        if kind in (cst.Name, cst.Integer, cst.SimpleString, cst.Float):
            return
        if kind is cst.Call:
            self.scope.calls.append(Call(node, place))
        elif kind is cst.Lambda:
            inner = Scope("lambda", "<lambda>", node, self.scope, self.scope.tree)
            inner.place = place
            self.scope.children.append(inner)
            self.scope.lambdas[node] = inner
            self.defaults(node.params, place)
            _Walker(inner).body(node.params, node.body)
            return
        elif kind in (cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp):
            self.comprehension(node, place)
            return
        elif kind is cst.IfExp:
            self.expression(node.test, place)
            self.expression(node.body, self.when(node.test, True, place))
            self.expression(node.orelse, self.when(node.test, False, place))
            return
        elif kind is cst.BooleanOperation:
            self.expression(node.left, place)
            holds = isinstance(node.operator, cst.And)
            self.expression(node.right, self.when(node.left, holds, place))
            return
        elif kind is cst.Yield:
            self.scope.yields = True
        elif kind is cst.NamedExpr:
            self.expression(node.value, place)
            self.target(node.target, "assign", node.value, place, node)
            return
        for child in children(node):
            self.expression(child, place)

    def when(self, test: cst.BaseExpression, holds: bool, place: Place) -> Place:
        """`place`, reached only when `test` holds (or fails)."""
        guards = (*place.guards, *self.facts(test, holds, place))
        return replace(place, guards=guards)

    def comprehension(self, node: cst.CSTNode, place: Place) -> None:
        assert isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp))
        self.expression(node.for_in.iter, place)
        inner = Scope("comprehension", "", node, self.scope, self.scope.tree)
        inner.place = place
        self.scope.children.append(inner)
        walker = _Walker(inner)
        walker.loops = place.loops
        clause: cst.CompFor | None = node.for_in
        first = True
        while clause is not None:
            at = walker.here()
            if not first:
                walker.expression(clause.iter, at)
            loop = Loop(at if not first else place, clause, clause.target, clause.iter, ())
            inner.loops.append(loop)
            walker.loops = (*walker.loops, loop)
            walker.target(clause.target, "loop", clause.iter, walker.here(), clause)
            for test in clause.ifs:
                walker.expression(test.test, walker.here())
            clause = clause.inner_for_in
            first = False
        at = walker.here()
        if isinstance(node, cst.DictComp):
            walker.expression(node.key, at)
            walker.expression(node.value, at)
        else:
            walker.expression(node.elt, at)
        inner.end = walker.here()


def condition_key(test: cst.BaseExpression, tree: Tree) -> tuple[str, bool]:
    """A condition's text in its positive form, and whether it stood so."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        key, straight = condition_key(test.expression, tree)
        return key, not straight
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        operator = test.comparisons[0].operator
        left = tree.code(test.left)
        right = tree.code(test.comparisons[0].comparator)
        if isinstance(operator, cst.IsNot):
            return f"{left} is {right}", False
        if isinstance(operator, cst.Is):
            return f"{left} is {right}", True
        if isinstance(operator, cst.NotEqual):
            return f"{left} == {right}", False
        if isinstance(operator, cst.Equal):
            return f"{left} == {right}", True
    code = tree.code(test)
    while code.startswith("(") and test.lpar and code.endswith(")"):
        code = code[1:-1].strip()
        if len(test.lpar) <= 1:
            break
    return code, True


_SKIPPED = (
    "whitespace", "lpar", "rpar", "comma", "leading_lines", "semicolon", "equal", "colon",
    "dot", "header", "footer", "lbracket", "rbracket", "lbrace", "rbrace", "star",
    "annotation", "asynchronous", "keyword",
)  # fmt: skip
_FIELDS: dict[type, tuple[str, ...]] = {}
# What else stands in the fields of a node; asking isinstance(…, CSTNode) is slow
_NO_CODE = (str, type(None), bool, cst.MaybeSentinel)


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of a node that can hold code, in order."""
    kind = type(node)
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(
            name for name in kind.__dataclass_fields__ if not name.startswith(_SKIPPED)
        )
        _FIELDS[kind] = names
    for name in names:
        value = getattr(node, name)
        kind = type(value)
        if kind in _NO_CODE:
            continue
        if kind is list or kind is tuple:
            for item in value:
                if type(item) not in _NO_CODE:
                    yield item
        else:
            yield value


def dotted_name(node: cst.CSTNode | None) -> str | None:
    """`a.b.c` as text; None where something else stands in it."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


SWALLOWING = ("suppress", "raises", "assertRaises", "assertRaisesRegex")


def callee_tail(node: cst.CSTNode) -> str | None:
    """The last name of what is called: `raises` of `pytest.raises(ValueError)`."""
    if not isinstance(node, cst.Call):
        return None
    dotted = dotted_name(node.func)
    if dotted is not None:
        return dotted.rpartition(".")[2]
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else None


def every_parameter(params: cst.Parameters) -> list[cst.Param]:
    """All parameters, with *args and **kwargs."""
    star = [params.star_arg] if isinstance(params.star_arg, cst.Param) else []
    last = [params.star_kwarg] if params.star_kwarg is not None else []
    return [*params.posonly_params, *params.params, *star, *params.kwonly_params, *last]


def _delete_targets(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(node, (cst.Tuple, cst.List)):
        for element in node.elements:
            yield from _delete_targets(element.value)
    else:
        yield node


def _captured(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        yield node.name.value
    for child in children(node):
        yield from _captured(child)


def _ends_the_program(node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    return dotted_name(node.func) in ("sys.exit", "exit", "quit", "os._exit", "os.abort")
