"""The code of a dataset class that runs in worker processes, and what it touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import libcst as cst

from .classes_model import Stream
from .members import assignments, definitions, find_method, lineage
from .nodes import callee_tail, children, dotted_name, every_parameter
from .resolve import Resolver
from .scopes import Binding, Call, Loop, Place, Scope
from .self_dividing import divides_itself, may_be_given_divided
from .values import Defined, Made, Symbol, Unknown

MOST_SCOPES = 60  # functions that worker code calls in its file; real classes stay below ten
RESEEDING = frozenset({"seed", "manual_seed", "set_state", "setstate", "jumped"})
OPENED_HERE = frozenset(
    {"builtins.open", "builtins.range", "builtins.len", "os.listdir", "os.walk", "glob.glob"}
)
# What comes from these shares its items among workers by itself, or may.
SHARDING = ("datasets.", "webdataset.", "litdata.", "streaming.", "torchdata.", "torch.utils.data.")


@dataclass
class Survey:
    """The names in the body of one function; attributes are those of its first parameter.

    `indexed` are those that another parameter picks an element of.
    """

    parameters: tuple[str, ...] = ()
    attributes: set[str] = field(default_factory=set)
    indexed: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


@lru_cache(maxsize=256)
def survey(scope: Scope) -> Survey:
    """What a function names, with the functions inside it."""
    found = Survey()
    if isinstance(scope.node, (cst.FunctionDef, cst.Lambda)):
        found.parameters = tuple(p.name.value for p in every_parameter(scope.node.params)[1:])
        _visit(scope.node.body, scope.first_parameter, found)
    return found


def _visit(node: cst.CSTNode, me: str | None, found: Survey) -> None:
    if isinstance(node, cst.Name):
        found.names.add(node.value)
        return
    if isinstance(node, cst.Attribute):
        found.names.add(node.attr.value)
        if isinstance(node.value, cst.Name) and node.value.value == me:
            found.attributes.add(node.attr.value)
            return
        _visit(node.value, me, found)
        return
    if isinstance(node, cst.Subscript):
        name = dotted_name(node.value) or ""
        of_me = name.startswith(f"{me}.")
        if of_me and any(_mentions(node.slice, index) for index in found.parameters):
            found.indexed.add(name.partition(".")[2])
    for child in children(node):
        _visit(child, me, found)


def _mentions(nodes: Iterable[cst.CSTNode], name: str) -> bool:
    return any(
        (isinstance(node, cst.Name) and node.value == name) or _mentions(children(node), name)
        for node in nodes
    )


class Reached:
    """The functions of this file that some methods of a class lead to."""

    def __init__(self, resolver: Resolver, owner: Scope, names: Iterable[str]) -> None:
        self.resolver = resolver
        self.owner = owner
        self.methods: list[Scope] = []  # of the class and its bases here
        self.functions: list[Scope] = []  # everything else that they call
        self.surveys: dict[int, Survey] = {}
        pending = [method for name in names for method in self._run_by(owner, name)]
        while pending and len(self.surveys) < MOST_SCOPES:
            scope = pending.pop(0)
            if id(scope) in self.surveys:
                continue
            self.surveys[id(scope)] = survey(scope)
            (self.methods if self._is_method(scope) else self.functions).append(scope)
            pending += self._called(scope)

    def _is_method(self, scope: Scope) -> bool:
        parent = scope.parent
        return parent is not None and parent in lineage(self.resolver, self.owner)

    def _called(self, scope: Scope) -> Iterator[Scope]:
        if self._is_method(scope):
            for name in sorted(self.surveys[id(scope)].attributes):
                method = find_method(self.resolver, self.owner, name)
                if method is not None:
                    yield method
        for call in calls_in(scope):
            func = call.node.func
            if isinstance(func, cst.Name):
                for case in self.resolver.value(func, call.place):
                    if isinstance(case.what, Defined):
                        yield from _bodies(case.what)
            elif (
                isinstance(func, cst.Attribute)
                and self._is_method(scope)
                and (dotted_name(func) or "").startswith(f"{scope.first_parameter}.")
            ):
                yield from self._of_part(func, call.place)
            elif isinstance(func, cst.Attribute) and callee_tail(func.value) == "super":
                above = self._above(scope, func.attr.value)
                if above is not None:
                    yield above

    def _of_part(self, func: cst.Attribute, place: Place) -> Iterator[Scope]:
        """What calling a part of the object runs, or a method of it: `self.transform(row)`."""
        for case in self.resolver.value(func, place):
            match case.what:
                case Defined("function", _, Scope() as scope):
                    yield scope
                case Made(within=Scope() as owner, part=()):
                    yield from self._run_by(owner, "__call__")

    def _run_by(self, owner: Scope, name: str) -> Iterator[Scope]:
        """The method of a class, or those here that the one of a base in another module calls."""
        method = find_method(self.resolver, owner, name)
        if method is not None:
            yield method
            return
        for base in definitions(self.resolver, owner):
            there = base.scope and find_method(base.module.resolver, base.scope, name)
            for called in sorted(survey(there).attributes) if there is not None else ():
                here = find_method(self.resolver, owner, called)
                if here is not None:
                    yield here

    def _above(self, scope: Scope, name: str) -> Scope | None:
        """The method that `super().name` means in `scope`."""
        line = lineage(self.resolver, self.owner)
        if scope.parent not in line:
            return None
        for base in line[line.index(scope.parent) + 1 :]:
            if name in base.functions():
                return base.functions()[name]
        return None

    @property
    def scopes(self) -> list[Scope]:
        return [*self.methods, *self.functions]

    def attributes(self) -> frozenset[str]:
        """The attributes of the object that its methods here touch."""
        return frozenset(name for one in self.methods for name in self.surveys[id(one)].attributes)

    def again(self) -> frozenset[str]:
        """The same without what is only touched in methods that run once in a process.

        They are called where an attribute says that they have not been: `if not self.ready:`.
        """
        rebound = self.rebound()
        calls: dict[str, list[bool]] = {}
        for scope in self.methods:
            me = scope.first_parameter
            flags = [f"{me}.{one}" for one in rebound]
            for call in calls_in(scope):
                owner, _, name = (dotted_name(call.node.func) or "").rpartition(".")
                if owner and owner == me:
                    asked = " ".join(guard.key for guard in call.place.guards)
                    calls.setdefault(name, []).append(any(flag in asked for flag in flags))
        once_only = {name for name, found in calls.items() if all(found)}
        return frozenset(
            name
            for one in self.methods
            if one.name not in once_only
            for name in self.surveys[id(one)].attributes
        )

    def indexed(self) -> frozenset[str]:
        return frozenset(
            name
            for one in self.methods
            if one.name in ("__getitem__", "__getitems__")
            for name in self.surveys[id(one)].indexed
        )

    def names(self) -> frozenset[str]:
        return frozenset(name for one in self.surveys.values() for name in one.names)

    def rebound(self) -> frozenset[str]:
        """The attributes of the object that its methods here assign."""
        return frozenset(
            name[len(prefix) :]
            for scope in self.methods
            if (prefix := f"{scope.first_parameter}.")
            for inner in scope.everything()
            for name in inner.bindings
            if name.startswith(prefix) and "." not in name[len(prefix) :]
        )

    def reseeded(self) -> frozenset[str]:
        """The attributes of the object whose seed or state they set."""
        found = set()
        for scope in self.methods:
            for call in calls_in(scope):
                parts = (dotted_name(call.node.func) or "").split(".")
                if len(parts) == 3 and parts[0] == scope.first_parameter and parts[2] in RESEEDING:
                    found.add(parts[1])
            for inner in scope.everything():
                for store in inner.stores:  # self.rng.bit_generator.state = …
                    parts = (dotted_name(store.target) or "").split(".")
                    if len(parts) > 2 and parts[0] == scope.first_parameter:
                        found.add(parts[1])
        return frozenset(found)

    def calls(self) -> Iterator[Call]:
        for scope in self.scopes:
            yield from calls_in(scope)


def calls_in(scope: Scope) -> Iterator[Call]:
    """The calls in a function and in the functions inside it."""
    for inner in scope.everything():
        yield from inner.calls


def _bodies(defined: Defined) -> Iterator[Scope]:
    scope = defined.where
    if not isinstance(scope, Scope):
        return
    if scope.kind == "class":
        yield from scope.functions().values()
    else:
        yield scope


def stream(resolver: Resolver, reached: Reached) -> Stream:
    """How the methods that yield the items of an iterable dataset do so."""
    endless = may_stop = divided = False
    handed: dict[str, None] = {}
    for scope in reached.methods:
        for inner in scope.everything():
            for loop in inner.loops:
                if loop.endless or _counts_forever(loop):
                    if _ends(loop, inner):
                        may_stop = True
                    else:
                        endless = True
                if loop.iterable is not None:
                    handed |= dict.fromkeys(_handed_in(resolver, loop.iterable, loop.place))
                    divided = divided or divides_itself(resolver, loop.iterable, loop.place)
            for returned in inner.returns:
                if inner is scope and returned.value is not None and scope.name == "__iter__":
                    handed |= dict.fromkeys(_handed_in(resolver, returned.value, returned.place))
                    divided = divided or divides_itself(resolver, returned.value, returned.place)
        for source, place in _yielded_from(scope):
            handed |= dict.fromkeys(_handed_in(resolver, source, place))
            divided = divided or divides_itself(resolver, source, place)
    return Stream(endless, may_stop, tuple(handed), divided)


def _counts_forever(loop: Loop) -> bool:
    return callee_tail(loop.iterable) in ("count", "cycle", "repeat") if loop.iterable else False


def _ends(loop: Loop, scope: Scope) -> bool:
    """Reports whether a break or return leaves the loop."""
    if any(loop in returned.place.loops for returned in scope.returns):
        return True
    if any(loop in place.loops for place in scope.raises):
        return True
    return any(_breaks(statement) for statement in loop.body)


def _breaks(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Break):
        return True
    if isinstance(node, (cst.For, cst.While, cst.FunctionDef, cst.ClassDef)):
        return False
    return any(_breaks(child) for child in children(node))


def _yielded_from(scope: Scope) -> Iterator[tuple[cst.BaseExpression, Place]]:
    assert scope.end is not None
    pending: list[cst.CSTNode] = [scope.node]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.From):
            yield node.item, scope.end
        pending += children(node)


def _handed_in(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Iterator[str]:
    """The names in an iterable that the caller gives, or that shard themselves."""
    if isinstance(node, cst.Call):
        value = resolver.value(node.func, place)
        if any(isinstance(c.what, Symbol) and c.what.name in OPENED_HERE for c in value):
            return
        for arg in node.args:
            yield from _handed_in(resolver, arg.value, place)
        if isinstance(node.func, cst.Attribute):
            yield from _handed_in(resolver, node.func.value, place)
        return
    dotted = dotted_name(node)
    if dotted is None:
        return
    value = resolver.value(node, place)
    shards = any(isinstance(c.what, Made) and c.what.name.startswith(SHARDING) for c in value)
    unknown = any(isinstance(case.what, Unknown) for case in value)
    given = unknown and (
        _is_given(resolver, dotted, place) or may_be_given_divided(resolver, node, place)
    )
    if shards or given:
        yield dotted


def _is_given(resolver: Resolver, dotted: str, place: Place) -> bool:
    """Reports whether a parameter gives the name its value."""
    head, _, attribute = dotted.partition(".")
    owner = place.scope
    while owner.parent is not None and owner.kind != "class":
        owner = owner.parent
    bindings: list[Binding] = []
    if attribute and owner.kind == "class" and "." not in attribute:
        bindings = [
            reaching.binding
            for one in assignments(resolver, owner, attribute)
            if isinstance(one.value, cst.Name)
            for reaching in resolver.program.reaching(one.value.value, one.place) or ()
        ]
    elif not attribute:
        bindings = [r.binding for r in resolver.program.reaching(head, place) or ()]
    return any(binding.kind == "parameter" for binding in bindings)
