"""What expressions do in a scope: names bound, functions called, scopes opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import libcst as cst

from .nodes import Path, children, dotted_name, every_parameter
from .scopes import Binding, BindingKind, Call, Guard, Loop, Place, Return, Scope, Store, Trial

Comprehension: TypeAlias = cst.ListComp | cst.SetComp | cst.GeneratorExp | cst.DictComp

_LEAVES = frozenset({cst.Name, cst.Integer, cst.SimpleString, cst.Float})
# Most expressions are none of these: one look-up settles that, where isinstance takes ten.
_NOTED = frozenset(
    {cst.Call, cst.Lambda, cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp, cst.IfExp,
     cst.BooleanOperation, cst.Yield, cst.NamedExpr}
)  # fmt: skip


class ExpressionWalk:
    """Walks the expressions of one scope in the order in which they run."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.order = 0
        self.guards: tuple[Guard, ...] = ()
        self.loops: tuple[Loop, ...] = ()
        self.trials: tuple[Trial, ...] = ()
        self.contexts: tuple[cst.BaseExpression, ...] = ()

    def here(self) -> Place:
        """A new place, after all before it."""
        self.order += 1
        return Place(self.scope, self.order, self.guards, self.loops, self.trials, self.contexts)

    def expression(self, node: cst.CSTNode, place: Place) -> None:
        """Note what an expression and its parts do when it stands at `place`."""
        kind = type(node)
        if kind in _LEAVES or (kind in _NOTED and self.note(node, place)):
            return
        for child in children(node):
            self.expression(child, place)

    def note(self, node: cst.CSTNode, place: Place) -> bool:
        """Note what one expression does; reports whether its parts are noted as well."""
        match node:
            case cst.Call():
                self.scope.calls.append(Call(node, place))
                return False
            case cst.Yield():
                self.scope.yielded.append(node)
                return False
            case cst.IfExp():
                self.expression(node.test, place)
                self.expression(node.body, self.when(node.test, True, place))
                self.expression(node.orelse, self.when(node.test, False, place))
            case cst.BooleanOperation():
                self.expression(node.left, place)
                holds = isinstance(node.operator, cst.And)
                self.expression(node.right, self.when(node.left, holds, place))
            case cst.Lambda():
                self.lambda_(node, place)
            case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
                self.comprehension(node, place)
            case cst.NamedExpr():
                self.expression(node.value, place)
                self.target(node.target, "assign", node.value, place, node)
        return True

    # Inner scopes

    def open(self, kind: str, name: str, node: cst.CSTNode, place: Place) -> Scope:
        """A scope inside this one."""
        inner = Scope(kind, name, node, self.scope, self.scope.tree, place=place)
        self.scope.children.append(inner)
        return inner

    def lambda_(self, node: cst.Lambda, place: Place) -> None:
        """Walk a lambda; its body counts as what it returns."""
        inner = self.open("lambda", "<lambda>", node, place)
        self.defaults(node.params, place)
        walk = ExpressionWalk(inner)
        start = walk.here()
        walk.parameters(node.params, start)
        walk.expression(node.body, start)
        inner.returns.append(Return(node.body, start))
        inner.end = walk.here()

    def parameters(self, params: cst.Parameters, place: Place) -> None:
        """Bind the parameters of the scope."""
        for one in every_parameter(params):
            self.bind(Binding(one.name.value, "parameter", place, one.default, node=one))

    def defaults(self, params: cst.Parameters, place: Place) -> None:
        """Note what the defaults do where the function is defined."""
        for parameter in every_parameter(params):
            if parameter.default is not None:
                self.expression(parameter.default, place)

    def comprehension(self, node: Comprehension, place: Place) -> None:
        """Walk a comprehension: its own scope but for the first iterable."""
        self.expression(node.for_in.iter, place)
        inner = self.open("comprehension", "", node, place)
        walk = ExpressionWalk(inner)
        walk.loops = place.loops
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            at = walk.here()
            if clause is node.for_in:
                at = place  # the first iterable is evaluated outside
            else:
                walk.expression(clause.iter, at)
            loop = Loop(at, clause, clause.target, clause.iter, ())
            inner.loops.append(loop)
            walk.loops = (*walk.loops, loop)
            walk.target(clause.target, "loop", clause.iter, walk.here(), clause)
            for test in clause.ifs:
                walk.expression(test.test, walk.here())
            clause = clause.inner_for_in
        at = walk.here()
        parts = (node.key, node.value) if isinstance(node, cst.DictComp) else (node.elt,)
        for part in parts:
            walk.expression(part, at)
        inner.end = walk.here()

    # Bindings

    def bind(self, binding: Binding) -> None:
        """Note a binding, after all others of its name."""
        self.scope.bindings.setdefault(binding.name, []).append(binding)

    def target(
        self,
        node: cst.CSTNode,
        kind: BindingKind,
        value: cst.CSTNode | None,
        place: Place,
        statement: cst.CSTNode,
        path: Path = (),
    ) -> None:
        """Bind what a target names to `value`, or to the part of it that `path` leads to."""
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
            whole = kind == "assign" and not path
            stored = value if whole and isinstance(value, cst.BaseExpression) else None
            self.scope.stores.append(Store(node, stored, place))
            if isinstance(node, cst.Subscript):
                for item in node.slice:
                    if isinstance(item.slice, cst.Index):
                        self.expression(item.slice.value, place)
            elif dotted := dotted_name(node):
                self.bind(Binding(dotted, kind, place, value, path, node=statement))

    # Conditions

    def facts(self, test: cst.BaseExpression, holds: bool, place: Place) -> tuple[Guard, ...]:
        """What is known when `test` holds (or fails)."""
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            return self.facts(test.expression, not holds, place)
        if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And) == holds:
            return (*self.facts(test.left, holds, place), *self.facts(test.right, holds, place))
        return (Guard("", holds, test, place),)

    def when(self, test: cst.BaseExpression, holds: bool, place: Place) -> Place:
        """`place`, reached only when `test` holds (or fails)."""
        return replace(place, guards=(*place.guards, *self.facts(test, holds, place)))
