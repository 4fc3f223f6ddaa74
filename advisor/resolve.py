"""What an expression is known to be where it stands.

The order of trust is that of how loaders are written in real code: literals and
constants, single assignments, defaults of argparse, click, dataclasses and
parameters, dictionaries splatted into a call, arithmetic. Where any step is unsure the
value is unknown.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import libcst as cst

from .arithmetic import arithmetic
from .calling import call_value
from .conditions import boolean, choice, comparison, truth_value, truths
from .members import attribute, member
from .memory import NEVER_AGAIN, Found, Questions
from .nodes import below
from .parameters import parameter
from .pieces import elements, part, subscript
from .program import Program
from .reaching import without_fallbacks
from .scopes import Binding, Call, Loop, Place, Scope
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

if TYPE_CHECKING:
    from .project import Imports

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
_T = TypeVar("_T")
_Asked: TypeAlias = tuple[int | str, int]  # an expression (its id) or a name, and a place (its id)


class Resolver:
    """Evaluates expressions of one program.

    How each kind of expression is evaluated stands in a module of its own; they share
    this object, which remembers what was asked and ends what has no end.
    """

    def __init__(self, program: Program, imports: Imports | None = None) -> None:
        self.program = program
        self.imports = imports  # from the project's other modules; None where none is read
        self.steps = 0
        # what parameters.callers has found, and the questions it asked
        self.callers: dict[Scope, tuple[list[Call], Questions]] = {}
        self._memory = program.memory
        self._active: set[_Asked] = set()

    def value(self, node: cst.CSTNode | None, place: Place) -> Value:
        """What `node` can be when it stands at `place`."""
        if node is None:
            return NOTHING_KNOWN
        if type(node) is cst.Name and node.value in _CONSTANTS:
            return known(_CONSTANTS[node.value])
        if type(node) is cst.Integer or type(node) is cst.Float:
            return known(node.evaluated_value)
        asked = (id(node), id(place))
        known_before = self._memory.values.get(asked)
        if known_before is not None and self._memory.holds(known_before):
            self.program.asked |= known_before.questions
            before: Value = known_before.value
            return before
        if asked in self._active or len(self._active) > DEEPEST or self.steps > MOST_STEPS:
            return self.broken_off()
        evaluate = _EVALUATED.get(type(node))
        if evaluate is None:
            return NOTHING_KNOWN
        self.steps += 1
        self._active.add(asked)
        value, questions = self.program.noting(lambda: evaluate(self, node, place))
        self._active.discard(asked)
        self._memory.values[asked] = Found(value, (node, place), questions, self._memory.now)
        return value

    def remembered(self, what: Hashable, subject: Scope | Loop, find: Callable[[], _T]) -> _T:
        """What `find` says of a class or loop, as long as what it asks has the same answers."""
        assert subject.place is not None
        asked = (what, id(subject))
        found = self._memory.values.get(asked)
        if found is None or not self._memory.holds(found):
            facts, questions = self.program.noting(find)
            found = Found(facts, (subject, subject.place), questions, self._memory.now)
            self._memory.values[asked] = found
        else:
            self.program.asked |= found.questions
            facts = found.value
        return facts

    def broken_off(self) -> Value:
        """The answer to what has no end; where a search begins decides where it is broken off."""
        self.program.asked[NEVER_AGAIN] = None
        return NOTHING_KNOWN

    # Names

    def name(self, name: str, place: Place) -> Value:
        """What a name, or a dotted one that is assigned to, stands for at `place`."""
        reaching = self.program.reaching(name, place)
        if reaching is None:
            return self._unbound(name)
        asked = (name, id(place))
        if asked in self._active or len(self._active) > DEEPEST:
            return self.broken_off()
        self._active.add(asked)
        found: list[Case] = []
        for one in without_fallbacks(reaching):
            found += under(self.bound(one.binding), one.given)
        self._active.discard(asked)
        return united(found)

    def _unbound(self, name: str) -> Value:
        if name in BUILTINS:
            return (Case(Symbol(f"builtins.{name}")),)
        stars = self.program.stars
        for star in stars:
            found = self.imports.value(below(star, name)) if self.imports is not None else None
            if found is not None:
                return found
        if stars and name in TORCH_DATA_NAMES and all(star.startswith("torch.") for star in stars):
            return (Case(Symbol(f"torch.utils.data.{name}")),)
        return NOTHING_KNOWN

    def bound(self, binding: Binding) -> Value:
        """The value that a binding gives to its name."""
        match binding.kind:
            case "assign" | "context":
                return part(self, self.value(binding.value, binding.place), binding.path)
            case "import":
                return self.outside(binding.target)
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

    def at_the_end(self, name: str) -> Value:
        """What a name at the left margin stands for once the module has run."""
        found: list[Case] = []
        for one in without_fallbacks(self.program.at_the_end(name)):
            found += under(self.bound(one.binding), one.given)
        return united(found)

    def member(self, value: Value, name: str) -> Value:
        """What the attribute `name` of a value is."""
        found: list[Case] = []
        for case in value:
            found += under(member(self, case, name), case.given)
        return united(found)

    def outside(self, name: str) -> Value:
        """What a dotted name that is imported stands for."""
        found = self.imports.value(name) if self.imports is not None else None
        return found if found is not None else (Case(Symbol(canonical(name))),)

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

        memory = self._memory  # the text may be another one when it is asked for

        def locate(one: cst.CSTNode) -> tuple[Span, int]:
            span = memory.present.span(one, scope)
            return span, memory.present.source.line_at(span.start)

        return Origin(words, node, locate, tells_line)


def _string(resolver: Resolver, node: cst.BaseString, place: Place) -> Value:
    text = node.evaluated_value  # type: ignore[attr-defined]
    return (Case(Text()),) if text is None else known(text)


def _formatted(resolver: Resolver, node: cst.FormattedString, place: Place) -> Value:
    first = node.parts[0] if node.parts else None
    return (Case(Text(first.value if isinstance(first, cst.FormattedStringText) else "")),)


def _binary(resolver: Resolver, node: cst.BinaryOperation, place: Place) -> Value:
    operator = _OPERATORS.get(type(node.operator), "")
    left, right = resolver.value(node.left, place), resolver.value(node.right, place)
    return combined(lambda a, b: arithmetic(operator, a, b), left, right)


def _unary(resolver: Resolver, node: cst.UnaryOperation, place: Place) -> Value:
    if isinstance(node.operator, cst.Not):
        inside = truths(resolver, node.expression, place)
        return truth_value(one._replace(holds=not one.holds) for one in inside)
    inner = resolver.value(node.expression, place)
    if isinstance(node.operator, cst.Minus):
        return combined(lambda a: arithmetic("-", Known(0), a), inner)
    return inner if isinstance(node.operator, cst.Plus) else NOTHING_KNOWN


def _lambda(resolver: Resolver, node: cst.Lambda, place: Place) -> Value:
    scope = place.scope.opened_by(node)
    return (Case(Defined("lambda", "<lambda>", scope)),) if scope else NOTHING_KNOWN


def _group(kind: str) -> _Evaluate:
    return lambda resolver, node, place: (Case(Group(kind, (node, place))),)


_Evaluate: TypeAlias = Callable[[Resolver, Any, Place], Value]
_EVALUATED: dict[type[cst.CSTNode], _Evaluate] = {  # to match against abstract classes is slow
    cst.Name: lambda resolver, node, place: resolver.name(node.value, place),
    cst.Attribute: attribute,
    cst.Call: call_value,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _string,
    cst.FormattedString: _formatted,
    cst.Subscript: subscript,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.BooleanOperation: boolean,
    cst.Comparison: comparison,
    cst.IfExp: choice,
    cst.NamedExpr: lambda resolver, node, place: resolver.value(node.value, place),
    cst.Lambda: _lambda,
    cst.List: _group("list"),
    cst.ListComp: _group("list"),
    cst.Tuple: _group("tuple"),
    cst.Set: _group("set"),
    cst.SetComp: _group("set"),
    cst.Dict: _group("dict"),
    cst.DictComp: _group("dict"),
    cst.GeneratorExp: _group("generator"),
}


def _evaluated_at(binding: Binding) -> Place:
    """Where a loop's iterable is evaluated: the first of a comprehension outside of it."""
    scope = binding.place.scope
    if scope.kind == "comprehension" and scope.loops[0].node is binding.node:
        return scope.loops[0].place
    return binding.place
