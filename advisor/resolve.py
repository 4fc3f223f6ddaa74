"""What an expression is known to be where it stands.

The order of trust is that of how loaders are written in real code: literals and
constants, single assignments, defaults of argparse, click, dataclasses and
parameters, dictionaries splatted into a call, arithmetic. Where any step is unsure the
value is unknown.
"""

from __future__ import annotations

import builtins
from typing import TypeAlias

import libcst as cst

from .arithmetic import arithmetic
from .calling import call_value
from .conditions import boolean, choice, comparison, truth_value, truths
from .members import attribute
from .parameters import parameter
from .pieces import elements, part, subscript
from .program import Program
from .scopes import Binding, Call, Place, Scope
from .text import Span
from .torch_api import TORCH_DATA_NAMES, canonical
from .values import (
    NOTHING_KNOWN,
    Case,
    Constant,
    Defined,
    Group,
    Known,
    Origin,
    Symbol,
    Text,
    Value,
    combined,
    known,
    under,
    united,
)

DEEPEST = 40  # names that lead to names; real code stays below ten
MOST_STEPS = 60_000  # evaluations in one file; generated code may have no end
BUILTINS = frozenset(dir(builtins))

_CONSTANTS: dict[str, Constant] = {"None": None, "True": True, "False": False}
_OPERATORS: dict[type[cst.BaseBinaryOp] | type[cst.BaseAugOp], str] = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/",
    cst.FloorDivide: "//", cst.Modulo: "%", cst.Power: "**", cst.BitOr: "|",
    cst.BitAnd: "&", cst.LeftShift: "<<", cst.RightShift: ">>",
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*",
    cst.DivideAssign: "/", cst.FloorDivideAssign: "//", cst.ModuloAssign: "%",
    cst.PowerAssign: "**", cst.BitOrAssign: "|",
}  # fmt: skip
_Asked: TypeAlias = tuple[cst.CSTNode | str, Place]  # an expression or a name, and where


class Resolver:
    """Evaluates expressions of one program.

    How each kind of expression is evaluated stands in a module of its own; they share
    this object, which remembers what was asked and ends what has no end.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps = 0
        self.callers: dict[Scope, list[Call]] = {}  # what parameters.callers has found
        self._memo: dict[_Asked, Value] = {}
        self._active: set[_Asked] = set()

    def value(self, node: cst.CSTNode | None, place: Place) -> Value:
        """What `node` can be when it stands at `place`."""
        if node is None:
            return NOTHING_KNOWN
        if type(node) is cst.Name and node.value in _CONSTANTS:
            return known(_CONSTANTS[node.value])
        if type(node) is cst.Integer or type(node) is cst.Float:
            return known(node.evaluated_value)
        asked: _Asked = (node, place)
        if asked in self._memo:
            return self._memo[asked]
        if asked in self._active or len(self._active) > DEEPEST or self.steps > MOST_STEPS:
            return NOTHING_KNOWN
        self.steps += 1
        self._active.add(asked)
        found = self._value(node, place)
        self._active.discard(asked)
        self._memo[asked] = found
        return found

    def _value(self, node: cst.CSTNode, place: Place) -> Value:
        match node:
            case cst.Name():
                return self.name(node.value, place)
            case cst.Attribute():
                return attribute(self, node, place)
            case cst.Call():
                return call_value(self, node, place)
            case cst.SimpleString() | cst.ConcatenatedString():
                text = node.evaluated_value
                return (Case(Text()),) if text is None else known(text)
            case cst.FormattedString():
                first = node.parts[0] if node.parts else None
                prefix = first.value if isinstance(first, cst.FormattedStringText) else ""
                return (Case(Text(prefix)),)
            case cst.Subscript():
                return subscript(self, node, place)
            case cst.BinaryOperation():
                operator = _OPERATORS.get(type(node.operator), "")
                left, right = self.value(node.left, place), self.value(node.right, place)
                return combined(lambda a, b: arithmetic(operator, a, b), left, right)
            case cst.UnaryOperation():
                return self._unary(node, place)
            case cst.BooleanOperation():
                return boolean(self, node, place)
            case cst.Comparison():
                return comparison(self, node, place)
            case cst.IfExp():
                return choice(self, node, place)
            case cst.NamedExpr():
                return self.value(node.value, place)
            case cst.Lambda():
                scope = place.scope.opened_by(node)
                return (Case(Defined("lambda", "<lambda>", scope)),) if scope else NOTHING_KNOWN
            case cst.List() | cst.ListComp():
                return (Case(Group("list", (node, place))),)
            case cst.Tuple():
                return (Case(Group("tuple", (node, place))),)
            case cst.Set() | cst.SetComp():
                return (Case(Group("set", (node, place))),)
            case cst.Dict() | cst.DictComp():
                return (Case(Group("dict", (node, place))),)
            case cst.GeneratorExp():
                return (Case(Group("generator", (node, place))),)
        return NOTHING_KNOWN

    def _unary(self, node: cst.UnaryOperation, place: Place) -> Value:
        if isinstance(node.operator, cst.Not):
            inside = truths(self, node.expression, place)
            return truth_value(one._replace(holds=not one.holds) for one in inside)
        inner = self.value(node.expression, place)
        if isinstance(node.operator, cst.Minus):
            return combined(lambda a: arithmetic("-", Known(0), a), inner)
        return inner if isinstance(node.operator, cst.Plus) else NOTHING_KNOWN

    # Names

    def name(self, name: str, place: Place) -> Value:
        """What a name, or a dotted one that is assigned to, stands for at `place`."""
        reaching = self.program.reaching(name, place)
        if reaching is None:
            return self._unbound(name)
        asked: _Asked = (name, place)
        if asked in self._active or len(self._active) > DEEPEST:
            return NOTHING_KNOWN
        self._active.add(asked)
        found: list[Case] = []
        for one in reaching:
            found += under(self.bound(one.binding), one.given)
        self._active.discard(asked)
        return united(found)

    def _unbound(self, name: str) -> Value:
        if name in BUILTINS:
            return (Case(Symbol(f"builtins.{name}")),)
        stars = self.program.stars
        if stars and name in TORCH_DATA_NAMES and all(star.startswith("torch.") for star in stars):
            return (Case(Symbol(f"torch.utils.data.{name}")),)
        return NOTHING_KNOWN

    def bound(self, binding: Binding) -> Value:
        """The value that a binding gives to its name."""
        match binding.kind:
            case "assign" | "context":
                return part(self, self.value(binding.value, binding.place), binding.path)
            case "import":
                return (Case(Symbol(canonical(binding.target))),)
            case "definition":
                scope = binding.defined
                assert scope is not None
                return (Case(Defined(scope.kind, scope.name, scope)),)
            case "augment":
                return self._augmented(binding)
            case "parameter":
                return parameter(self, binding)
            case "loop":
                iterable = self.value(binding.value, _evaluated_at(binding))
                return part(self, elements(self, iterable), binding.path)
        return NOTHING_KNOWN

    def _augmented(self, binding: Binding) -> Value:
        """`name += value`, where it runs once."""
        statement, place = binding.value, binding.place
        if place.loops or not isinstance(statement, cst.AugAssign):
            return NOTHING_KNOWN
        operator = _OPERATORS.get(type(statement.operator), "")
        before = NOTHING_KNOWN if "." in binding.name else self.name(binding.name, place)
        added = self.value(statement.value, place)
        return combined(lambda a, b: arithmetic(operator, a, b), before, added)

    # Where values come from

    def origin(
        self, words: str, node: cst.CSTNode, scope: Scope, *, tells_line: bool = False
    ) -> Origin:
        """The default that `node`, which stands in `scope`, gives; `words` say which it is."""

        def locate(one: cst.CSTNode) -> tuple[Span, int]:
            span = self.program.span(one, scope)
            return span, self.program.source.line_at(span.start)

        return Origin(words, node, locate, tells_line)


def _evaluated_at(binding: Binding) -> Place:
    """Where a loop's iterable is evaluated: the first of a comprehension outside of it."""
    scope = binding.place.scope
    if scope.kind == "comprehension" and scope.loops[0].node is binding.node:
        return scope.loops[0].place
    return binding.place
