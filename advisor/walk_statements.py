"""What happens in a block, in order: names bound, functions called, loops entered.

One walk over the tree of a block notes every binding, call and loop with its `Place`.
Nothing is evaluated here, and nothing outside the block is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache

import libcst as cst

from .nodes import below, callee_tail, children, dotted_name
from .parsing import parse
from .scopes import Binding, Guard, Loop, Place, Return, Scope, Store, Trial
from .walk_expressions import ExpressionWalk

# Contexts that swallow the exception which ends their body
SWALLOWING = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})
ENDING = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort"})


@lru_cache(maxsize=256)
def read_block(text: str, occurrence: int, in_pieces: bool = False) -> Scope:
    """What happens in a block, parsed with these options."""
    tree = parse(text, occurrence, in_pieces=in_pieces)
    scope = Scope("module", "", tree.module, None, tree)
    walk = StatementWalk(scope)
    with suppress(RecursionError):  # an expression of hundreds of levels; what came before counts
        walk.suite(tree.module.body)
    scope.end = walk.here()
    return scope


class StatementWalk(ExpressionWalk):
    """Walks the statements of one scope in the order in which they stand.

    Where a method returns a bool, it reports whether the end of what it walked cannot be
    reached.
    """

    def suite(self, body: Sequence[cst.CSTNode]) -> bool:
        outer = self.guards
        over = False
        for statement in body:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    over = self.small(small) or over
            elif isinstance(statement, cst.BaseSmallStatement):
                over = self.small(statement) or over
            else:
                over = self.compound(statement) or over
        self.guards = outer
        return over

    def block(self, body: cst.BaseSuite, *guards: Guard) -> bool:
        """Walk a suite that runs under further conditions."""
        outer = self.guards
        self.guards = (*outer, *guards)
        over = self.suite(body.body)
        self.guards = outer
        return over

    def small(self, node: cst.CSTNode) -> bool:
        place = self.here()
        match node:  # the most frequent first
            case cst.Expr():
                self.expression(node.value, place)
                return _ends_the_program(node.value)
            case cst.Assign():
                self.expression(node.value, place)
                for target in node.targets:
                    self.target(target.target, "assign", node.value, place, node)
            case cst.Return():
                if node.value is not None:
                    self.expression(node.value, place)
                self.scope.returns.append(Return(node.value, place, node))
                return True
            case cst.Raise():
                if node.exc is not None:
                    self.expression(node.exc, place)
                self.scope.raises.append(place)
                return True
            case cst.AugAssign():
                self.expression(node.value, place)
                self.target(node.target, "augment", node, place, node)
            case cst.AnnAssign():
                if node.value is not None:
                    self.expression(node.value, place)
                    self.target(node.target, "assign", node.value, place, node)
            case cst.Break() | cst.Continue():
                return True
            case cst.Import():
                self.imported(node, place)
            case cst.ImportFrom():
                self.imported_from(node, place)
            case cst.Assert():
                self.expression(node.test, place)
                self.guards = (*self.guards, *self.facts(node.test, True, place))
            case cst.Global() | cst.Nonlocal():
                names = {item.name.value for item in node.names}
                self.scope.outer_names |= names
                if isinstance(node, cst.Global):
                    self.scope.global_names |= names
            case cst.Del():
                self.deleted(node, place)
            case cst.TypeAlias():
                self.bind(Binding(node.name.value, "unknown", place))
        return False

    def compound(self, node: cst.CSTNode) -> bool:
        match node:
            case cst.If():
                return self.branches(node)
            case cst.FunctionDef():
                self.function(node)
            case cst.ClassDef():
                self.class_body(node)
            case cst.For():
                self.for_loop(node)
            case cst.With():
                return self.with_block(node)
            case cst.Try() | cst.TryStar():
                return self.try_block(node)
            case cst.While():
                self.while_loop(node)
            case cst.Match():
                self.match(node)
        return False

    # Branches

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
            holds = self.facts(clause.test, True, place)
            over = self.block(clause.body, *holds)
            if not over:
                open_ends.append((*failed, *holds))
            all_over = all_over and over
            failed = (*failed, *self.facts(clause.test, False, place))
            clause = clause.orelse
        self.guards = (*outer, *failed)
        over = clause is not None and self.suite(clause.body.body)
        if not over:
            open_ends.append(failed)
        # what holds behind the statement: the one branch whose end is reached
        self.guards = (*outer, *open_ends[0]) if len(open_ends) == 1 else outer
        return all_over and over

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
        handlers: Sequence[cst.ExceptHandler | cst.ExceptStarHandler] = node.handlers
        for index, handler in enumerate(handlers):
            own = f"{key} handler {index}"
            self.guards = (*outer_guards, *failed, Guard(own, True))
            open_handlers += not self.handler(handler)
            failed = (*failed, Guard(own, False))
        self.guards = outer_guards
        if not open_handlers and not body_over and handlers:
            self.guards = (*outer_guards, passed)
        if node.finalbody is not None and self.suite(node.finalbody.body.body):
            return True
        return body_over and not open_handlers

    def handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
        place = self.here()
        if node.type is not None:
            self.expression(node.type, place)
        if node.name is not None and isinstance(node.name.name, cst.Name):
            self.bind(Binding(node.name.name.value, "unknown", place))
        return self.suite(node.body.body)

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
        return over and not any(callee_tail(item.item) in SWALLOWING for item in node.items)

    # Loops

    def for_loop(self, node: cst.For) -> None:
        place = self.here()
        self.expression(node.iter, place)
        loop = Loop(place, node, node.target, node.iter, node.body.body)
        self.loop(loop, node.body, Guard(f"loop {id(node)}", True))
        if node.orelse is not None:
            self.block(node.orelse.body)

    def while_loop(self, node: cst.While) -> None:
        place = self.here()
        self.expression(node.test, place)
        endless = isinstance(node.test, cst.Name) and node.test.value == "True"
        endless = endless or (isinstance(node.test, cst.Integer) and node.test.value != "0")
        loop = Loop(place, node, None, None, node.body.body, endless)
        guards = () if endless else self.facts(node.test, True, place)
        self.loop(loop, node.body, *guards, Guard(f"loop {id(node)}", True))
        if node.orelse is not None:
            self.block(node.orelse.body)

    def loop(self, loop: Loop, body: cst.BaseSuite, *guards: Guard) -> None:
        self.scope.loops.append(loop)
        outer = self.loops
        self.loops = (*outer, loop)
        if loop.target is not None:
            inside = (*self.guards, *guards)
            place = Place(self.scope, self.order, inside, self.loops, self.trials, self.contexts)
            self.target(loop.target, "loop", loop.iterable, place, loop.node)
        self.block(body, *guards)
        self.loops = outer
        loop.last = self.order

    # Definitions

    def function(self, node: cst.FunctionDef) -> None:
        place = self.here()
        for decorator in node.decorators:
            self.expression(decorator.decorator, place)
        inner = self.open("function", node.name.value, node, place)
        self.defaults(node.params, place)
        self.bind(Binding(inner.name, "definition", place, defined=inner, node=node))
        walk = StatementWalk(inner)
        walk.parameters(node.params, walk.here())
        walk.suite(node.body.body)
        inner.end = walk.here()

    def class_body(self, node: cst.ClassDef) -> None:
        place = self.here()
        for decorator in node.decorators:
            self.expression(decorator.decorator, place)
        for base in (*node.bases, *node.keywords):
            self.expression(base.value, place)
        inner = self.open("class", node.name.value, node, place)
        self.bind(Binding(inner.name, "definition", place, defined=inner, node=node))
        walk = StatementWalk(inner)
        walk.suite(node.body.body)
        inner.end = walk.here()

    # Imports and deletions

    def imported(self, node: cst.Import, place: Place) -> None:
        for alias in node.names:
            name = dotted_name(alias.name) or ""
            bound = _alias(alias)
            stands_for = name if bound else name.partition(".")[0]
            self.bind(Binding(bound or stands_for, "import", place, target=stands_for, node=node))

    def imported_from(self, node: cst.ImportFrom, place: Place) -> None:
        module = "." * len(node.relative) + (dotted_name(node.module) or "" if node.module else "")
        if isinstance(node.names, cst.ImportStar):
            self.scope.stars.append(module)
            return
        for alias in node.names:
            name = dotted_name(alias.name) or ""
            full = below(module, name)
            self.bind(Binding(_alias(alias) or name, "import", place, target=full, node=node))

    def deleted(self, node: cst.Del, place: Place) -> None:
        for target in _deleted(node.target):
            if isinstance(target, cst.Subscript):
                self.scope.stores.append(Store(target, None, place))
            elif dotted := dotted_name(target):
                self.bind(Binding(dotted, "delete", place))


def _alias(alias: cst.ImportAlias) -> str | None:
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        return alias.asname.name.value
    return None


def _deleted(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(node, (cst.Tuple, cst.List)):
        for element in node.elements:
            yield from _deleted(element.value)
    else:
        yield node


def _captured(node: cst.CSTNode) -> Iterator[str]:
    """The names that a pattern binds."""
    if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        yield node.name.value
    for child in children(node):
        yield from _captured(child)


def _ends_the_program(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and dotted_name(node.func) in ENDING
