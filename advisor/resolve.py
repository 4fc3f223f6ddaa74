"""Expressions to values: constants, names, defaults, conditions and calls of this file.

The order of trust is that of how loaders are written in real code: literals and
constants, single assignments, defaults of argparse, click, dataclasses and
parameters, dictionaries splatted into a call, arithmetic. Where any step is unsure the
value is unknown.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import libcst as cst

from . import options
from .nodes import Path, callee_tail, dotted_name, every_parameter
from .program import Program
from .reaching import Reaching
from .scopes import Binding, Call, Place, Scope, condition_key
from .text import Span
from .torch_api import LOADERS, TORCH_DATA_NAMES, canonical
from .values import (
    ABSENT,
    ALWAYS,
    NOTHING_KNOWN,
    UNKNOWN,
    Absent,
    Case,
    Defined,
    Given,
    Group,
    Known,
    Made,
    Number,
    Origin,
    Symbol,
    Text,
    Unknown,
    Value,
    What,
    arithmetic,
    combined,
    compared,
    consistent,
    greatest,
    known,
    least,
    truth,
    under,
    united,
)

DEEPEST = 40  # names that lead to names; real code stays below ten
MOST_STEPS = 60_000  # evaluations in one file; generated code may have no end

Node: TypeAlias = cst.CSTNode
BUILTINS = frozenset(dir(builtins))

_OPERATORS: dict[type, str] = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/",
    cst.FloorDivide: "//", cst.Modulo: "%", cst.Power: "**", cst.BitOr: "|",
    cst.BitAnd: "&", cst.LeftShift: "<<", cst.RightShift: ">>",
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*",
    cst.DivideAssign: "/", cst.FloorDivideAssign: "//", cst.ModuloAssign: "%",
    cst.PowerAssign: "**", cst.BitOrAssign: "|",
}  # fmt: skip
_COMPARISONS: dict[type, tuple[str, bool]] = {
    cst.Is: ("is", True), cst.IsNot: ("is", False), cst.Equal: ("==", True),
    cst.NotEqual: ("==", False), cst.LessThan: ("<", True), cst.LessThanEqual: ("<=", True),
    cst.GreaterThan: (">", True), cst.GreaterThanEqual: (">=", True),
}  # fmt: skip
# Calls that hand their first argument on, as far as iterating over it goes.
PASSING = frozenset(
    {"tqdm", "trange", "track", "iter", "islice", "auto", "tqdm_notebook", "progress_bar",
     "log_every", "prefetched", "rich_progress", "ProgressBar", "progressbar", "master_bar",
     "alive_it"}
)  # fmt: skip
# Methods that return the object they are called on.
FLUENT = frozenset({"manual_seed", "prepare", "setup_dataloaders", "prepare_data_loader"})
_HARMLESS_DECORATORS = frozenset(
    {"staticmethod", "classmethod", "no_grad", "inference_mode", "wraps", "lru_cache", "cache",
     "override", "enable_grad", "record", "main", "profile", "njit", "jit", "rank_zero_only"}
)  # fmt: skip


class Resolver:
    """Evaluates expressions of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps = 0
        self._memo: dict[tuple[int, int], Value] = {}
        self._active: set[tuple[int, int]] = set()
        self._callers: dict[int, list[Call]] = {}
        self._kept: list[object] = []  # keeps ids in the memo alive

    # Expressions

    def value(self, node: Node | None, place: Place) -> Value:
        """What `node` can be when it stands at `place`."""
        if node is None:
            return NOTHING_KNOWN
        kind = type(node)
        if kind is cst.Name and node.value in ("None", "True", "False"):
            return known({"None": None, "True": True, "False": False}[node.value])
        if kind in (cst.Integer, cst.Float):
            return known(node.evaluated_value)
        key = (id(node), id(place))
        if key in self._memo:
            return self._memo[key]
        if key in self._active or len(self._active) > DEEPEST or self.steps > MOST_STEPS:
            return NOTHING_KNOWN
        self.steps += 1
        self._active.add(key)
        found = self._value(node, place)
        self._active.discard(key)
        self._memo[key] = found
        self._kept.append(place)
        return found

    def _value(self, node: Node, place: Place) -> Value:
        match node:
            case cst.Name():
                return self.name(node.value, place)
            case cst.SimpleString() | cst.ConcatenatedString():
                text = node.evaluated_value
                return known(text) if isinstance(text, (str, bytes)) else (Case(Text()),)
            case cst.FormattedString():
                first = node.parts[0] if node.parts else None
                prefix = first.value if isinstance(first, cst.FormattedStringText) else ""
                return (Case(Text(prefix)),)
            case cst.Attribute():
                return self.attribute(node, place)
            case cst.Call():
                return self.call(node, place)
            case cst.Subscript():
                return self.subscript(node, place)
            case cst.BinaryOperation():
                operator = _OPERATORS.get(type(node.operator), "")
                return combined(
                    lambda a, b: arithmetic(operator, a, b),
                    self.value(node.left, place),
                    self.value(node.right, place),
                )
            case cst.UnaryOperation():
                return self.unary(node, place)
            case cst.BooleanOperation():
                return self.boolean(node, place)
            case cst.Comparison():
                return self.comparison(node, place)
            case cst.IfExp():
                chosen = []
                for holds, given, origin in self.truths(node.test, place):
                    branch = node.body if holds else node.orelse
                    chosen += _by(origin, under(self.value(branch, place), given))
                return united(chosen)
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

    def truths(
        self, test: cst.BaseExpression, place: Place
    ) -> list[tuple[bool, Given, Origin | None]]:
        """Whether `test` can hold and can fail, under which conditions, by which default."""
        found: list[tuple[bool, Given, Origin | None]] = []
        for case in self.value(test, place):
            decided = truth(case.what)
            if decided is not None:
                found.append((decided, case.given, case.origin))
                continue
            key, straight = condition_key(test, place.scope.tree)
            for holds in (True, False):
                given = consistent(case.given, frozenset({(key, holds == straight)}))
                if given is not None:
                    found.append((holds, given, case.origin))
        return found

    def unary(self, node: cst.UnaryOperation, place: Place) -> Value:
        if isinstance(node.operator, cst.Not):
            return united(
                Case(Known(not holds), given, origin)
                for holds, given, origin in self.truths(node.expression, place)
            )
        inner = self.value(node.expression, place)
        if isinstance(node.operator, cst.Minus):
            return combined(lambda a: arithmetic("-", Known(0), a), inner)
        return inner if isinstance(node.operator, cst.Plus) else NOTHING_KNOWN

    def boolean(self, node: cst.BooleanOperation, place: Place) -> Value:
        both = isinstance(node.operator, cst.And)
        found: list[Case] = []
        key, straight = condition_key(node.left, place.scope.tree)
        for case in self.value(node.left, place):
            decided = truth(case.what)
            if decided is not None:
                if decided == both:
                    found += _by(case.origin, under(self.value(node.right, place), case.given))
                else:
                    found.append(case)
                continue
            for holds in (True, False):
                given = consistent(case.given, frozenset({(key, holds == straight)}))
                if given is None:
                    continue
                if holds == both:
                    found += under(self.value(node.right, place), given)
                else:
                    what = Known(False) if both and _is_condition(node.left) else case.what
                    what = Known(True) if not both and _is_condition(node.left) else what
                    found.append(Case(what, given, case.origin))
        return united(found)

    def comparison(self, node: cst.Comparison, place: Place) -> Value:
        if len(node.comparisons) != 1:
            return NOTHING_KNOWN
        operator, straight = _COMPARISONS.get(type(node.comparisons[0].operator), ("", True))
        if not operator:
            return self._either_way(node, place)
        right = self.value(node.comparisons[0].comparator, place)
        found: list[Case] = []
        for a in self.value(node.left, place):
            for b in right:
                given = consistent(a.given, b.given)
                if given is None:
                    continue
                decided = compared(operator, a.what, b.what)
                origin = a.origin or b.origin
                if decided is not None:
                    found.append(Case(Known(decided == straight), given, origin))
                else:
                    found += under(self._either_way(node, place), given)
        return united(found)

    def _either_way(self, node: cst.BaseExpression, place: Place) -> Value:
        key, straight = condition_key(node, place.scope.tree)
        return tuple(
            Case(Known(holds), frozenset({(key, holds == straight)})) for holds in (True, False)
        )

    # Names

    def name(self, name: str, place: Place) -> Value:
        reaching = self.program.reaching(name, place)
        if reaching is None:
            return self.unbound(name)
        key = (hash(name), id(place))
        if key in self._active or len(self._active) > DEEPEST:
            return NOTHING_KNOWN
        self._active.add(key)
        found: list[Case] = []
        for one in reaching:
            found += under(self.bound(one.binding, place), one.given)
        self._active.discard(key)
        return united(found)

    def unbound(self, name: str) -> Value:
        if name in BUILTINS:
            return (Case(Symbol(f"builtins.{name}")),)
        stars = self.program.stars
        if stars and name in TORCH_DATA_NAMES and all(star.startswith("torch.") for star in stars):
            return (Case(Symbol(f"torch.utils.data.{name}")),)
        return NOTHING_KNOWN

    def bound(self, binding: Binding, place: Place) -> Value:
        """The value that a binding gives."""
        match binding.kind:
            case "assign":
                return self.part(self.value(binding.value, binding.place), binding.path)
            case "import":
                return (Case(Symbol(canonical(binding.target))),)
            case "definition":
                assert binding.defined is not None
                scope = binding.defined
                return (Case(Defined(scope.kind, scope.name, scope)),)
            case "augment":
                assert isinstance(binding.value, cst.AugAssign)
                if binding.place.loops:
                    return NOTHING_KNOWN
                operator = _OPERATORS.get(type(binding.value.operator), "")
                before = (
                    self.name(binding.name, binding.place)
                    if "." not in binding.name
                    else NOTHING_KNOWN
                )
                return combined(
                    lambda a, b: arithmetic(operator, a, b),
                    before,
                    self.value(binding.value.value, binding.place),
                )
            case "parameter":
                return self.parameter(binding)
            case "loop":
                if not isinstance(binding.value, cst.BaseExpression):
                    return NOTHING_KNOWN
                at = binding.place
                if at.scope.kind == "comprehension" and at.scope.place is not None:
                    clause = at.scope.node.for_in  # type: ignore[attr-defined]
                    if binding.value is clause.iter:
                        at = at.scope.place
                return self.part(self.elements(self.value(binding.value, at)), binding.path)
            case "context":
                return self.part(self.value(binding.value, binding.place), binding.path)
        return NOTHING_KNOWN

    def part(self, value: Value, path: Path) -> Value:
        """The piece of `value` that unpacking along `path` gives."""
        for step in path:
            value = self.item(value, known(step if isinstance(step, int) else "*"))
        return value

    def elements(self, value: Value) -> Value:
        """What iterating over `value` gives."""
        found: list[Case] = []
        for case in value:
            match case.what:
                case Group("list" | "tuple" | "set" | "generator", (node, place)):
                    if isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):
                        inner = place.scope.opened_by(node)
                        if inner is None or inner.end is None:
                            return NOTHING_KNOWN
                        found += under(self.value(node.elt, inner.end), case.given)
                        continue
                    for element in node.elements:
                        if isinstance(element, cst.StarredElement):
                            return NOTHING_KNOWN
                        found += under(self.value(element.value, place), case.given)
                case Group("dict", _):
                    return NOTHING_KNOWN
                case Made("builtins.range", _):
                    found.append(Case(Number("int"), case.given))
                case Made("builtins.enumerate", (node, place)) if node.args:
                    found.append(Case(Made("enumerated", (node, place)), case.given))
                case Made("builtins.zip", (node, place)) if node.args:
                    found.append(Case(Made("zipped", (node, place)), case.given))
                case Made("builtins.dict.items" | "builtins.dict.values" as name, (node, place)):
                    entries = self.entries(node, place)
                    if entries is None or entries.open:
                        return NOTHING_KNOWN
                    if name.endswith("items"):
                        found.append(Case(Made("item pair", (node, place)), case.given))
                    else:
                        for cases in entries.keys.values():
                            found += cases
                case _:
                    found.append(Case(UNKNOWN, case.given))
        return united(found)

    def item(self, value: Value, key: Value) -> Value:
        """`value[key]`."""
        found: list[Case] = []
        step = key[0].what.value if len(key) == 1 and isinstance(key[0].what, Known) else None
        for case in value:
            match case.what:
                case Group("list" | "tuple", (node, place)) if isinstance(
                    node, (cst.List, cst.Tuple)
                ):
                    plain = not any(isinstance(e, cst.StarredElement) for e in node.elements)
                    if (
                        plain
                        and isinstance(step, int)
                        and -len(node.elements) <= step < len(node.elements)
                    ):
                        found += under(self.value(node.elements[step].value, place), case.given)
                    else:
                        found += under(self.elements((case,)), case.given)
                case Group("list", (node, place)) if isinstance(node, cst.ListComp):
                    found += self.elements((case,))
                case Group("dict", (node, place)):
                    entries = self.entries(node, place)
                    if entries is None:
                        return NOTHING_KNOWN
                    if isinstance(step, str) and step in entries.keys:
                        found += under(entries.keys[step], case.given)
                    elif entries.open or step is not None:
                        found.append(Case(UNKNOWN, case.given))
                    else:
                        for cases in entries.keys.values():
                            found += cases
                case Made("enumerated", (node, place)):
                    if step == 0:
                        found.append(Case(Number("int"), case.given))
                    else:
                        found += self.elements(self.value(node.args[0].value, place))
                case Made("zipped", (node, place)):
                    if isinstance(step, int) and step < len(node.args):
                        found += self.elements(self.value(node.args[step].value, place))
                    else:
                        found.append(Case(UNKNOWN, case.given))
                case Made("prepared", (node, place)) if isinstance(step, int):
                    if step < len(node.args) and not any(arg.star for arg in node.args):
                        found += under(self.value(node.args[step].value, place), case.given)
                    else:
                        found.append(Case(UNKNOWN, case.given))
                case Made("argparse parsed", _) if step == 0:
                    found.append(Case(Made("argparse.Namespace"), case.given))
                case Made("item pair", (node, place)):
                    entries = self.entries(node, place)
                    assert entries is not None
                    if step == 1:
                        for cases in entries.keys.values():
                            found += cases
                    else:
                        found.append(Case(Text(), case.given))
                case Made(name, where, within, part) if isinstance(step, (int, str)):
                    found.append(
                        Case(Made(name, where, within, (*part, step)), case.given, case.origin)
                    )
                case Symbol("os.environ"):
                    found.append(Case(Text("", f"os.environ[{step!r}]"), case.given))
                case _:
                    found.append(Case(UNKNOWN, case.given))
        return united(found)

    def subscript(self, node: cst.Subscript, place: Place) -> Value:
        if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
            return NOTHING_KNOWN
        key = self.value(node.slice[0].slice.value, place)
        base_name = dotted_name(node.value)
        if base_name is not None:
            entries = self.entries(node.value, place)
            if entries is not None and len(key) == 1 and isinstance(key[0].what, Known):
                cases = entries.keys.get(str(key[0].what.value))
                if cases is not None:
                    return united(cases)
                return NOTHING_KNOWN
        return self.item(self.value(node.value, place), key)

    # Attributes

    def attribute(self, node: cst.Attribute, place: Place) -> Value:
        dotted = dotted_name(node)
        if dotted is not None:
            own = self._own_scope_binding(dotted, place)
            if own is not None:
                return own
        found: list[Case] = []
        for case in self.value(node.value, place):
            found += under(self.member(case, node.attr.value, node, place), case.given)
        return united(found)

    def _own_scope_binding(self, dotted: str, place: Place) -> Value | None:
        """A dotted name assigned in the scope that reads it, before it is read."""
        scope: Scope | None = place.scope
        while scope is not None and scope.kind == "comprehension":
            place, scope = scope.place or place, scope.parent
        if scope is None:
            return None
        if scope.kind == "module":
            if not self.program.module_bindings(dotted):
                return None
            reaching = self.program.reaching(dotted, place)
        elif scope.bindings.get(dotted):
            reaching = self.program.reaching(dotted, place)
        else:
            return None
        if not reaching:
            return None
        found: list[Case] = []
        for one in reaching:
            found += under(self.bound(one.binding, place), one.given)
        unconditional = any(not one.given for one in reaching)
        if not unconditional and reaching:
            found.append(Case(UNKNOWN))
        return united(found)

    def member(self, case: Case, attribute: str, node: cst.Attribute, place: Place) -> Value:
        """`attribute` of one value."""
        what = case.what
        match what:
            case Symbol(name):
                return (Case(Symbol(canonical(f"{name}.{attribute}"))),)
            case Defined("class", _, scope):
                return self.class_member(scope, attribute, None)
            case Made("argparse.Namespace"):
                return options.argparse_default(self, attribute) or NOTHING_KNOWN
            case Made(name, where, None, ()) if name in LOADERS and where is not None:
                return self.loader_member(where, attribute)
            case Made(_, where, Scope() as scope, ()):
                return self.class_member(scope, attribute, where or scope)
            case Unknown() | Text():
                base = dotted_name(node.value)
                if base is not None and options.looks_like_options(base):
                    return options.argparse_default(self, attribute) or NOTHING_KNOWN
            case Group("dict") if attribute in ("items", "values", "keys", "get"):
                return NOTHING_KNOWN
        return NOTHING_KNOWN

    def loader_member(self, where: tuple[cst.Call, Place], attribute: str) -> Value:
        """What a loader keeps under the name of its argument."""
        call, place = where
        for arg in call.args:
            if arg.keyword is not None and arg.keyword.value == attribute:
                return self.value(arg.value, place)
        if attribute == "dataset" and call.args and call.args[0].keyword is None:
            return self.value(call.args[0].value, place) if not call.args[0].star else NOTHING_KNOWN
        return NOTHING_KNOWN

    def class_member(self, scope: Scope, attribute: str, made: object) -> Value:
        """An attribute of a class of this file, or of its object."""
        assigned = self.assignments(scope, attribute)
        method = self.method(scope, attribute)
        if method is not None:
            if _decorated(method, "property") or _decorated(method, "cached_property"):
                return self.returned(method)
            plain = _decorated(method, "staticmethod")
            bound = (made is not None and not plain) or _decorated(method, "classmethod")
            return (Case(Defined("function", method.name, method, bound)),)
        found: list[Case] = []
        for binding in assigned:
            conditions = binding.place.given
            given = consistent(conditions)
            if given is not None:
                found += under(self.bound(binding, binding.place), given)
        own = self.class_level(scope, attribute)
        if own and not assigned:
            return own
        if own:
            found += own
        return united(found) if found else NOTHING_KNOWN

    def class_level(self, scope: Scope, attribute: str) -> list[Case] | None:
        """The value that a class body gives to a name; a field's default counts as default."""
        for one in self.bases(scope):
            bindings = one.bindings.get(attribute)
            if not bindings or one.end is None:
                continue
            value = self.name(attribute, one.end)
            field = any(
                "dataclass" in (dotted_name(_called(d.decorator)) or "")
                for d in one.node.decorators  # type: ignore[attr-defined]
            )
            if not field:
                return list(value)
            origin = self.origin(f"the default of field {attribute!r}", bindings[-1])
            return [Case(c.what, c.given, c.origin or origin) for c in value]
        return None

    def origin(self, words: str, binding: Binding) -> Origin:
        node = binding.node if isinstance(binding.node, cst.Param) else binding.value
        if node is None:
            node = binding.node
        assert node is not None
        return self.origin_at(words, node, binding.place.scope)

    def origin_at(
        self, words: str, node: cst.CSTNode, scope: Scope, *, tells_line: bool = False
    ) -> Origin:
        def locate(one: cst.CSTNode) -> tuple[Span, int]:
            span = self.program.span(one, scope)
            return span, self.program.source.line_at(span.start)

        return Origin(words, node, locate, tells_line)

    def assignments(self, scope: Scope, attribute: str) -> list[Binding]:
        """Every `self.attribute = …` in the methods of a class and its bases here."""
        found: list[Binding] = []
        for one in self.bases(scope):
            for method in one.children:
                if method.kind == "function" and method.first_parameter is not None:
                    found += method.bindings.get(f"{method.first_parameter}.{attribute}", [])
        return found

    def bases(self, scope: Scope) -> list[Scope]:
        """A class and those of its bases that stand in this file, in order of look-up."""
        found = [scope]
        for one in found:
            assert isinstance(one.node, cst.ClassDef)
            if one.place is None:
                continue
            for base in one.node.bases:
                node = base.value
                if isinstance(node, cst.Subscript):  # Photos[int]
                    node = node.value
                for case in self.value(node, one.place):
                    if isinstance(case.what, Defined) and case.what.where not in found:
                        found.append(case.what.where)
        return [one for one in found if one.kind == "class"]

    def outer_bases(self, scope: Scope) -> list[str | None]:
        """The names of the bases outside this file; None for one that is unknown."""
        names: list[str | None] = []
        for one in self.bases(scope):
            assert isinstance(one.node, cst.ClassDef) and one.place is not None
            for base in one.node.bases:
                node = base.value
                if isinstance(node, cst.Subscript):  # Dataset[int]
                    node = node.value
                for case in self.value(node, one.place):
                    if isinstance(case.what, Symbol):
                        names.append(case.what.name)
                    elif not isinstance(case.what, Defined):
                        names.append(None)
        return names

    def method(self, scope: Scope, name: str) -> Scope | None:
        for one in self.bases(scope):
            method = one.functions().get(name)
            if method is not None:
                return method
        return None

    # Parameters

    def parameter(self, binding: Binding) -> Value:
        scope = binding.place.scope
        assert scope.parameters is not None
        owner = scope.parent
        name = binding.name
        if owner is not None and owner.kind == "class" and name == scope.first_parameter:
            if _decorated(scope, "classmethod"):
                return (Case(Defined("class", owner.name, owner)),)
            if not _decorated(scope, "staticmethod"):
                return (Case(Made(owner.name, None, owner)),)
        if scope.kind == "lambda":
            return NOTHING_KNOWN
        node = binding.node
        if node is scope.parameters.star_arg or node is scope.parameters.star_kwarg:
            return NOTHING_KNOWN
        option = options.click_default(self, scope, name)
        if option is not None:
            return option
        found: list[Case] = []
        callers = self.callers(scope)
        omitted = not callers
        for call in callers:
            given = self.argument(call, scope, name)
            if given is None:
                omitted = True
                continue
            words = f"parameter {name!r}, as given"
            origin = self.origin_at(words, call.node.func, call.place.scope, tells_line=True)
            found += [
                Case(case.what, ALWAYS, case.origin or origin, (call, *case.via)) for case in given
            ]
        if omitted:
            if binding.value is None:
                found.append(Case(UNKNOWN))
            else:
                origin = self.origin(f"the default of parameter {name!r}", binding)
                assert scope.place is not None
                found += [
                    Case(case.what, ALWAYS, case.origin or origin)
                    for case in self.value(options.typer_default(binding.value), scope.place)
                ]
        return united(found)

    def callers(self, scope: Scope) -> list[Call]:
        """The calls in this file that run a function (or make objects of its class)."""
        if id(scope) in self._callers:
            return self._callers[id(scope)]
        self._callers[id(scope)] = []
        owner = scope.parent
        found = []
        if scope.name == "__init__" and owner is not None and owner.kind == "class":
            for call in self.program.calls_named(owner.name):
                if any(
                    isinstance(c.what, Defined) and c.what.where is owner
                    for c in self.value(call.node.func, call.place)
                ):
                    found.append(call)
        else:
            for call in self.program.calls_named(scope.name):
                if any(
                    isinstance(c.what, Defined) and c.what.where is scope
                    for c in self.value(call.node.func, call.place)
                ):
                    found.append(call)
        self._callers[id(scope)] = found
        return found

    def argument(self, call: Call, scope: Scope, name: str) -> Value | None:
        """What a call of this file's function gives for parameter `name`; None for nothing."""
        node = self.argument_node(call.node, scope, name)
        if node is None:
            return None
        return NOTHING_KNOWN if node == "unknown" else self.value(node, call.place)

    def argument_node(
        self, call: cst.Call, scope: Scope, name: str
    ) -> cst.BaseExpression | str | None:
        assert scope.parameters is not None
        names = [p.name.value for p in (*scope.parameters.posonly_params, *scope.parameters.params)]
        owner = scope.parent
        if owner is not None and owner.kind == "class" and not _decorated(scope, "staticmethod"):
            names = names[1:]
        position = 0
        for arg in call.args:
            if arg.star:
                return "unknown"
            if arg.keyword is not None:
                if arg.keyword.value == name:
                    return arg.value
            else:
                if position < len(names) and names[position] == name:
                    return arg.value
                position += 1
        return None

    # Calls

    def call(self, node: cst.Call, place: Place) -> Value:
        tail = callee_tail(node)
        if tail in PASSING and node.args and not node.args[0].star:
            return self.value(node.args[0].value, place)
        if isinstance(node.func, cst.Attribute):
            method = self.method_call(node, node.func, place)
            if method is not None:
                return method
        found: list[Case] = []
        for case in self.value(node.func, place):
            found += under(self.called(case.what, node, place), case.given)
        return united(found)

    def method_call(self, node: cst.Call, func: cst.Attribute, place: Place) -> Value | None:
        """Methods of values that are no objects of a class of this file."""
        name = func.attr.value
        if name in FLUENT and node.args and name != "manual_seed":
            if len(node.args) == 1 and not node.args[0].star:
                return self.value(node.args[0].value, place)
            return (Case(Made("prepared", (node, place))),)
        if name in ("parse_args", "parse_known_args") and "args" in name:
            namespace = Case(Made("argparse.Namespace"))
            if name == "parse_args":
                return (namespace,)
            return (Case(Made("argparse parsed", (node, place))),)
        if name in ("get", "pop") and node.args:
            return self.entry_or_default(node, func, place)
        base = self.value(func.value, place)
        if len(base) != 1:
            return None
        match base[0].what, name:
            case Made("torch.Generator" | "torch.random.Generator"), "manual_seed":
                return base
            case Group("dict"), ("items" | "values"):
                return (Case(Made(f"builtins.dict.{name}", (func.value, place))),)
            case Made("prepared", _), _:
                return NOTHING_KNOWN
            case ((Text() | Known(str())), ("strip" | "lower" | "upper" | "format")):
                return (Case(Text()),)
        return None

    def entry_or_default(self, node: cst.Call, func: cst.Attribute, place: Place) -> Value | None:
        """`d.get(key, default)` and `d.pop(key, default)`."""
        key = self.value(node.args[0].value, place)
        if len(key) != 1 or not isinstance(key[0].what, Known):
            return None
        for case in self.value(func.value, place):
            if isinstance(case.what, Symbol) and case.what.name == "os.environ":
                return (Case(Text("", f"os.environ.get({key[0].what.value!r})")),)
        entries = self.entries(func.value, place)
        default = self.value(node.args[1].value, place) if len(node.args) > 1 else known(None)
        if entries is not None:
            cases = entries.keys.get(str(key[0].what.value))
            if cases is not None:
                return united(
                    c for one in cases for c in (default if one.what == ABSENT else (one,))
                )
            if not entries.open:
                return default
        if len(node.args) > 1 and dotted_name(func.value) is not None:
            words = f"the default for {key[0].what.value!r}"
            origin = self.origin_at(words, node.args[1].value, place.scope)
            return tuple(Case(c.what, c.given, c.origin or origin) for c in default)
        return NOTHING_KNOWN

    def called(self, what: What, node: cst.Call, place: Place) -> Value:
        match what:
            case Symbol(name):
                return self.outer_call(name, node, place)
            case Defined("function" | "lambda", _, scope):
                return self.returned(scope)
            case Defined("class", name, scope):
                return (Case(Made(name, (node, place), scope)),)
            case Made("functools.partial", (made, at)) if made.args:
                found: list[Case] = []
                for case in self.value(made.args[0].value, at):
                    if isinstance(case.what, Symbol):
                        found.append(
                            Case(Made(case.what.name, (node, place, (made, at))), case.given)
                        )
                    else:
                        found += under(self.called(case.what, node, place), case.given)
                return united(found)
        return NOTHING_KNOWN

    def returned(self, scope: Scope) -> Value:
        """What a function of this file returns."""
        if scope.yields:
            return (Case(Group("generator", None)),)
        if isinstance(scope.node, cst.FunctionDef):
            if scope.node.asynchronous is not None:
                return NOTHING_KNOWN
            for decorator in scope.node.decorators:
                name = dotted_name(_called(decorator.decorator)) or "?"
                if name.rpartition(".")[2] not in _HARMLESS_DECORATORS | {
                    "property", "cached_property", "command", "option", "argument",
                }:  # fmt: skip
                    return NOTHING_KNOWN
        found: list[Case] = []
        for one in scope.returns:
            given = consistent(one.place.given)
            if given is None:
                continue
            value = known(None) if one.value is None else self.value(one.value, one.place)
            found += under(value, given)
        if not found and (scope.raises or _is_stub(scope.node)):
            return NOTHING_KNOWN  # a subclass, here or elsewhere, says what it returns
        return united(found) if found else known(None)

    def outer_call(self, name: str, node: cst.Call, place: Place) -> Value:
        """The result of calling something outside this file."""
        args = node.args
        plain = not any(arg.star or arg.keyword is not None for arg in args)
        if name.startswith("builtins."):
            return self.builtin_call(name, node, place)
        match name:
            case "os.cpu_count" | "multiprocessing.cpu_count" | "torch.multiprocessing.cpu_count":
                return (Case(Number("int", 1, None, f"{name}()")),)
            case "os.process_cpu_count" | "psutil.cpu_count" | "joblib.cpu_count":
                return (Case(Number("int", 1, None, f"{name}()")),)
            case "torch.cuda.device_count" | "torch.get_num_threads":
                return (Case(Number("int", 0, None, f"{name}()")),)
            case "os.getenv":
                return (Case(Text("", "os.getenv()")),)
            case "copy.copy" | "copy.deepcopy" if plain and len(args) == 1:
                return self.value(args[0].value, place)
            case "multiprocessing.get_context" | "torch.multiprocessing.get_context" if (
                plain and args
            ):
                return self.value(args[0].value, place)  # a loader takes its name as well
            case "math.ceil" | "math.floor":
                return (Case(Number("int", None, None)),)
            case "torch.manual_seed":
                return (Case(Made("torch.Generator", (node, place))),)
            case "argparse.Namespace":
                return (Case(Made("Namespace", (node, place))),)
            case "simple_parsing.parse" | "tyro.cli":
                if args:
                    for case in self.value(args[0].value, place):
                        if isinstance(case.what, Defined) and case.what.kind == "class":
                            return (Case(Made(case.what.name, None, case.what.where)),)
        return (Case(Made(name, (node, place))),)

    def builtin_call(self, name: str, node: cst.Call, place: Place) -> Value:
        args = node.args
        short = name.removeprefix("builtins.")
        plain = not any(arg.star or arg.keyword is not None for arg in args)
        if not plain and short not in ("dict", "enumerate", "zip", "super", "open"):
            return NOTHING_KNOWN
        values = [self.value(arg.value, place) for arg in args if not arg.star]
        match short, len(args):
            case "int" | "round", 1:
                return combined(_as_int, values[0])
            case "float", _:
                return (Case(Number("float")),)
            case "str" | "repr" | "input", _:
                return (Case(Text()),)
            case "bool", 1:
                return united(
                    Case(Known(holds), given, origin)
                    for holds, given, origin in self.truths(args[0].value, place)
                )
            case "len", 1:
                return (Case(Number("int", *self._length(args[0].value, place))),)
            case "min", n if n > 1:
                return combined(least, *values)
            case "max", n if n > 1:
                return combined(greatest, *values)
            case "abs", 1:
                return combined(_absolute, values[0])
            case (("range" | "enumerate" | "zip" | "map" | "filter" | "reversed" | "open"), _):
                return (Case(Made(name, (node, place))),)
            case (("list" | "tuple" | "sorted"), 1):
                made = Made(name, (node, place))
                kind = "tuple" if short == "tuple" else "list"
                return united(
                    replace(case, what=Group(kind, case.what.where))
                    if isinstance(case.what, Group) and case.what.kind != "dict"
                    else replace(case, what=made)
                    for case in values[0]
                )
            case (("list" | "tuple" | "set"), _):
                return (Case(Made(name, (node, place))),)
            case "dict", _:
                return (Case(Group("dict", (node, place))),)
            case "getattr", 3:
                key = values[1][0].what
                if isinstance(key, Known) and isinstance(key.value, str):
                    given = options.argparse_default(self, key.value)
                    if given is not None:
                        return given
                return NOTHING_KNOWN
            case "iter", 1:
                return values[0]
            case (("object" | "type" | "super"), _):
                return (Case(Made(name, (node, place))),)
        return NOTHING_KNOWN

    def _length(self, node: cst.BaseExpression, place: Place) -> tuple[float, float | None, str]:
        if isinstance(node, cst.Call) and callee_tail(node) == "sched_getaffinity":
            return 1, None, "len(os.sched_getaffinity(0))"
        value = self.value(node, place)
        if len(value) == 1 and isinstance(value[0].what, Group):
            where = value[0].what.where
            if where is not None and isinstance(where[0], (cst.List, cst.Tuple)):
                size = len(where[0].elements)
                if not any(isinstance(e, cst.StarredElement) for e in where[0].elements):
                    return size, size, ""
        return 0, None, ""

    # Dictionaries

    def entries(self, node: cst.BaseExpression, place: Place) -> Entries | None:
        """The keys of a dictionary at `place`; None where it is no dictionary of this file."""
        name = dotted_name(node)
        if name is None or not isinstance(node, cst.Name):
            return self.literal_entries(self.value(node, place))
        reaching = self.program.reaching(name, place)
        if not reaching:
            return None
        if len(reaching) == 1:
            return self._entries_after(reaching[0], name, place)
        merged = Entries({}, False)
        several = []
        for one in reaching:
            entries = self._entries_after(one, name, place)
            if entries is None:
                return None
            several.append((entries, one.given))
        keys = dict.fromkeys(key for entries, _ in several for key in entries.keys)
        for key in keys:
            cases: list[Case] = []
            for entries, given in several:
                missing = [Case(UNKNOWN if entries.open else ABSENT)]
                cases += under(entries.keys.get(key, missing), given)
            merged.keys[key] = cases
        merged.open = any(entries.open for entries, _ in several)
        return merged

    def _entries_after(self, reaching: Reaching, name: str, place: Place) -> Entries | None:
        binding = reaching.binding
        if binding.kind != "assign":
            value = self.bound(binding, place)
            entries = self.literal_entries(value)
        elif isinstance(binding.value, cst.Name) and not binding.path:
            entries = self.entries(binding.value, binding.place)
        else:
            entries = self.literal_entries(self.bound(binding, place))
        if entries is None:
            return None
        self._apply_changes(entries, binding, name, place)
        return entries

    def _apply_changes(self, entries: Entries, binding: Binding, name: str, place: Place) -> None:
        """What happens to a dictionary between its binding and `place`."""
        scope = binding.place.scope
        module = scope.kind == "module"
        same = scope is place.scope or (module and place.scope.kind == "module")
        scopes = self.program.roots if module else [scope]
        start = self.program.in_order(binding.place)
        end = self.program.in_order(place) if same else (1 << 30, 0)
        context = place.given if same else ALWAYS
        changes: list[tuple[tuple[int, int], Place, cst.CSTNode | None, cst.CSTNode]] = []
        for one in scopes:
            for store in one.stores:
                if (
                    isinstance(store.target, cst.Subscript)
                    and dotted_name(store.target.value) == name
                ):
                    changes.append(
                        (self.program.in_order(store.place), store.place, store.value, store.target)
                    )
            for call in one.calls:
                func = call.node.func
                if isinstance(func, cst.Attribute) and dotted_name(func.value) == name:
                    changes.append((self.program.in_order(call.place), call.place, None, call.node))
        if module and not same:
            # a module's dictionary may also be changed inside any function
            for inner in self.program.scopes():
                if inner.kind == "function" and name not in inner.bindings:
                    for store in inner.stores:
                        target = store.target
                        if isinstance(target, cst.Subscript) and dotted_name(target.value) == name:
                            if inner is place.scope and store.place.order < place.order:
                                changes.append(
                                    ((1 << 29, store.place.order), store.place, store.value, target)
                                )
                            else:
                                entries.open = True
        changes.sort(key=lambda change: change[0])
        for order, at, value, node in changes:
            if not start < order < end:
                continue
            guards = at.given
            extra = guards - context
            if consistent(extra, context) is None:
                continue
            new = self._changed_keys(entries, value, node, at)
            if new is None:
                entries.open = True
                entries.keys = {key: [Case(UNKNOWN)] for key in entries.keys}
                continue
            for key, cases in new.items():
                if not extra:
                    entries.keys[key] = list(cases)
                    continue
                old = entries.keys.get(key, [Case(UNKNOWN if entries.open else ABSENT)])
                if len(extra) == 1:
                    (condition, holds) = next(iter(extra))
                    old = under(old, frozenset({(condition, not holds)}))
                entries.keys[key] = [*under(cases, extra), *old]

    def _changed_keys(
        self, entries: Entries, value: cst.CSTNode | None, node: cst.CSTNode, place: Place
    ) -> dict[str, list[Case]] | None:
        """The keys that one statement sets; None where it cannot be told."""
        if isinstance(node, cst.Subscript):
            if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
                return None
            key = self.value(node.slice[0].slice.value, place)
            if len(key) != 1 or not isinstance(key[0].what, Known):
                return None
            if value is None:
                return {str(key[0].what.value): [Case(ABSENT)]}
            return {str(key[0].what.value): list(self.value(value, place))}
        assert isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute)
        method = node.func.attr.value
        if method == "update":
            new: dict[str, list[Case]] = {}
            for arg in node.args:
                if arg.keyword is not None:
                    new[arg.keyword.value] = list(self.value(arg.value, place))
                else:
                    other = self.entries(arg.value, place)
                    if other is None or other.open:
                        return None
                    new |= other.keys
            return new
        if method in ("pop", "setdefault") and node.args:
            key = self.value(node.args[0].value, place)
            if len(key) != 1 or not isinstance(key[0].what, Known):
                return None
            text = str(key[0].what.value)
            if method == "pop":
                return {text: [Case(ABSENT)]}
            if text in entries.keys:
                return {}
            return (
                {text: list(self.value(node.args[1].value, place))} if len(node.args) > 1 else None
            )
        return None if method in ("clear", "popitem", "__setitem__") else {}

    def literal_entries(self, value: Value) -> Entries | None:
        """The keys of dictionaries written out in this file."""
        several: list[tuple[Entries, Given]] = []
        for case in value:
            if not isinstance(case.what, Group) or case.what.kind != "dict" or not case.what.where:
                return None
            one = self._one_literal(*case.what.where)
            if one is None:
                return None
            several.append((one, case.given))
        if len(several) == 1 and not several[0][1]:
            return several[0][0]
        merged = Entries({}, any(one.open for one, _ in several))
        for key in dict.fromkeys(key for one, _ in several for key in one.keys):
            merged.keys[key] = [
                case
                for one, given in several
                for case in under(one.keys.get(key, [Case(UNKNOWN if one.open else ABSENT)]), given)
            ]
        return merged

    def _one_literal(self, node: cst.CSTNode, place: Place) -> Entries | None:
        entries = Entries({}, False)
        if isinstance(node, cst.Call):  # dict(...)
            for arg in node.args:
                if arg.keyword is not None:
                    entries.keys[arg.keyword.value] = list(self.value(arg.value, place))
                else:
                    other = self.entries(arg.value, place)
                    if other is None:
                        entries.open = True
                    else:
                        entries.keys |= other.keys
                        entries.open = entries.open or other.open
            return entries
        if not isinstance(node, cst.Dict):
            return None
        for element in node.elements:
            if isinstance(element, cst.StarredDictElement):
                other = self.entries(element.value, place)
                if other is None:
                    entries.open = True
                    entries.keys = {key: [Case(UNKNOWN)] for key in entries.keys}
                else:
                    entries.keys |= other.keys
                    entries.open = entries.open or other.open
                continue
            assert isinstance(element, cst.DictElement)
            key = self.value(element.key, place)
            if len(key) == 1 and isinstance(key[0].what, Known):
                entries.keys[str(key[0].what.value)] = list(self.value(element.value, place))
            else:
                entries.open = True
        return entries

    # Conditions at a place

    def context(self, place: Place) -> list[Given]:
        """The ways in which `place` can be reached, as far as its conditions tell.

        Empty where the defaults known here cannot lead to it.
        """
        ways: list[Given] = [ALWAYS]
        for guard in place.guards:
            options_: list[Given] = []
            if guard.test is None or guard.place is None:
                options_.append(frozenset({guard.fact}))
            else:
                for holds, given, _ in self.truths(guard.test, guard.place):
                    if holds == guard.written:
                        together = consistent(given, frozenset({guard.fact}))
                        if together is not None:
                            options_.append(together)
            ways = [
                both
                for way in ways
                for option in options_
                if (both := consistent(way, option)) is not None
            ][:16]
        return ways


class Entries:
    """A dictionary's keys, each with its cases; `open` where there may be more."""

    def __init__(self, keys: dict[str, list[Case]], open_: bool) -> None:
        self.keys = keys
        self.open = open_


def _by(origin: Origin | None, cases: list[Case]) -> list[Case]:
    """The cases, chosen by a default where `origin` is one: then they are defaults too."""
    if origin is None:
        return cases
    return [Case(c.what, c.given, c.origin or origin, c.via) for c in cases]


def _is_stub(node: cst.CSTNode) -> bool:
    """Reports whether a function's body is empty but for words."""
    if not isinstance(node, cst.FunctionDef):
        return False
    small = [
        one
        for line in node.body.body
        for one in (line.body if isinstance(line, cst.SimpleStatementLine) else [line])
    ]
    return all(
        isinstance(one, cst.Pass)
        or (isinstance(one, cst.Expr) and isinstance(one.value, (cst.SimpleString, cst.Ellipsis)))
        for one in small
    )


def _is_condition(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Comparison):
        return True
    return isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not)


def _as_int(what: What) -> What:
    match what:
        case Known(value) if isinstance(value, (bool, int, float, str)):
            try:
                return Known(int(value))
            except (ValueError, OverflowError):
                return UNKNOWN
        case Number(_, low, high, source):
            return Number(
                "int",
                None if low is None else int(low // 1),
                None if high is None else int(high // 1),
                f"int({source})" if source else "",
            )
    return Number("int")


def _absolute(what: What) -> What:
    if isinstance(what, Known) and isinstance(what.value, (int, float)):
        return Known(abs(what.value))
    return Number(what.kind, 0, None) if isinstance(what, Number) else UNKNOWN


def _called(node: cst.CSTNode) -> cst.CSTNode:
    return node.func if isinstance(node, cst.Call) else node


def _decorated(scope: Scope, name: str) -> bool:
    if not isinstance(scope.node, cst.FunctionDef):
        return False
    return any(
        (dotted_name(_called(d.decorator)) or "").rpartition(".")[2] == name
        for d in scope.node.decorators
    )
