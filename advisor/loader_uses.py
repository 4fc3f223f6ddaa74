"""Loaders used as what they are not: iterators, sequences, objects to configure later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from .calls import ReadCall
from .members import assignments
from .mentions import mentions_of_name
from .nodes import dotted_name, every_node
from .parameters import annotated
from .resolve import Resolver
from .scopes import Binding, Call, Place
from .torch_api import LOADERS
from .torch_data_model import LoaderUse
from .trials import error_expected
from .values import Case, Known, Made, Symbol

# What torch refuses to set (torch/utils/data/dataloader.py), and what it does not read.
SET_ONCE = frozenset(
    {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}
)
WITHOUT_EFFECT = "shuffle"
EXPECTED = re.compile(r"\bTypeError\b|\bassertRaises|\bpytest\.raises")
READ_BY_THE_FILE = re.compile(r"\.shuffle\b(?!\s*(?:\(|=[^=]))")
CATCHING = frozenset({"AttributeError", "Exception", "BaseException"})
ASKING = re.compile(r"\b(?:hasattr|isinstance)\s*\(|version|\bPY[23]\b")  # in a condition


def loader_uses(resolver: Resolver, calls: Iterable[ReadCall]) -> tuple[LoaderUse, ...]:
    """All such uses of the loaders of a module, in order of place."""
    read = {
        id(one.call.node): one
        for one in calls
        if one.fact.family == "torch" and not one.fact.subclass
    }
    if not read and not resolver.program.source.tells("cycle("):
        return ()
    reading = _Reading(resolver, read)
    found: dict[LoaderUse, None] = {}
    for part in (
        reading.stores(),
        reading.set_by_name(),
        reading.nexts(),
        reading.indexed(),
        reading.cycles(),
    ):
        found |= dict.fromkeys(part)
    return tuple(sorted(found, key=lambda one: one.span))


@dataclass(frozen=True)
class _Reading:
    """The loaders of a module, by the ids of the nodes that build them."""

    resolver: Resolver
    read: dict[int, ReadCall]

    def is_loader(self, node: cst.BaseExpression, place: Place) -> bool:
        """Reports whether an expression is surely the very loader that was built."""
        if isinstance(node, cst.Call):
            return id(node) in self.read
        bindings = self.bindings(node, place)
        return bool(bindings) and all(
            one.kind == "assign" and not one.path and id(one.value) in self.read for one in bindings
        )

    def bindings(self, node: cst.BaseExpression, place: Place) -> list[Binding]:
        """What may have given a name, or an attribute of the method's object, its value."""
        dotted = dotted_name(node)
        if dotted is None:
            return []
        reaching = self.resolver.program.reaching(dotted, place)
        if reaching:
            return [one.binding for one in reaching]
        function = place.scope.enclosing("function")
        owner = function.parent if function is not None else None
        me, _, attribute = dotted.partition(".")
        if function is None or owner is None or owner.kind != "class":
            return []
        if me != function.first_parameter or not attribute or "." in attribute:
            return []
        if attribute in owner.bindings:
            return []
        return assignments(self.resolver, owner, attribute)

    # loader.attribute = …

    def stores(self) -> Iterator[LoaderUse]:
        program = self.resolver.program
        for scope in list(program.scopes()):
            for store in scope.stores:
                target = store.target
                if not isinstance(target, cst.Attribute):
                    continue
                name = target.attr.value
                if (
                    self.matters(name, store.value)
                    and not _foreseen(store.place)
                    and self.is_loader(target.value, store.place)
                ):
                    span = program.span(target, scope)
                    yield LoaderUse("set", span, program.span(target.value, scope), name)

    def set_by_name(self) -> Iterator[LoaderUse]:
        for call in self.resolver.program.calls_named("setattr"):
            args = call.node.args
            if len(args) != 3 or _foreseen(call.place):
                continue
            given = self.resolver.value(args[1].value, call.place)
            name = given[0].what if len(given) == 1 else None
            if not isinstance(name, Known) or not isinstance(name.value, str):
                continue
            matters = self.matters(name.value, args[2].value)
            if matters and self.is_loader(args[0].value, call.place):
                yield self.use("set", call, args[0].value, attribute=name.value)

    def matters(self, attribute: str, value: cst.BaseExpression | None) -> bool:
        """Reports whether torch refuses the assignment, or nothing comes of it.

        Whoever notes down for himself how the loader was built reads it, or does not write True.
        """
        if attribute != WITHOUT_EFFECT:
            return attribute in SET_ONCE
        literal = isinstance(value, cst.Name) and value.value in ("True", "False")
        return literal and not self.resolver.program.source.tells(READ_BY_THE_FILE.search)

    # next(loader), iter(loader).next()

    def nexts(self) -> Iterator[LoaderUse]:
        for call in self.resolver.program.calls_named("next"):
            node = call.node
            if _foreseen(call.place):
                continue
            if isinstance(node.func, cst.Name) and node.args and not node.args[0].star:
                builtin = self.resolver.value(node.func, call.place)
                subject = node.args[0].value
                if [case.what for case in builtin] == [Symbol("builtins.next")] and self.is_loader(
                    subject, call.place
                ):
                    yield self.use("next", call, subject)
            elif (
                isinstance(node.func, cst.Attribute)
                and not node.args
                and self.is_iterator(node.func.value, call.place)
            ):
                yield self.use("next method", call, node.func.value)

    def is_iterator(self, node: cst.BaseExpression, place: Place) -> bool:
        """Reports whether an expression is surely `iter(loader)`."""
        if isinstance(node, cst.Call):
            plain = isinstance(node.func, cst.Name) and node.func.value == "iter"
            return plain and len(node.args) == 1 and self.is_loader(node.args[0].value, place)
        bindings = self.bindings(node, place)
        return bool(bindings) and all(
            one.kind == "assign"
            and not one.path
            and isinstance(one.value, cst.Call)
            and self.is_iterator(one.value, one.place)
            for one in bindings
        )

    # loader[…]

    def indexed(self) -> Iterator[LoaderUse]:
        program = self.resolver.program
        source = program.source
        for one in self.read.values():
            scope = one.call.place.scope
            end = one.fact.span.behind()
            if source.code(end.to(end.behind(1))) == "[":
                for node in every_node(scope.root.tree.module):
                    if isinstance(node, cst.Subscript) and node.value is one.call.node:
                        span = program.span(node, scope)
                        yield LoaderUse("index", span, one.fact.span)
            for name in one.fact.names:
                bound = program.module_bindings(name) if scope.kind == "module" else None
                bound = scope.bindings.get(name, []) if bound is None else bound
                only = _are_only(bound, one.call.node)
                if "." in name or not only or not source.tells(f"{name}["):
                    continue
                if source.tells(EXPECTED.search):
                    continue  # a mention does not tell what is caught around it
                for use in mentions_of_name(program, scope, name):
                    if isinstance(use.parent, cst.Subscript) and use.parent.value is use.node:
                        span = program.span(use.parent, use.root)
                        yield LoaderUse("index", span, program.span(use.node, use.root))

    # itertools.cycle(loader)

    def cycles(self) -> Iterator[LoaderUse]:
        if not self.resolver.program.source.tells("cycle"):
            return
        for call in self.resolver.program.calls_named("cycle"):
            args = call.node.args
            value = self.resolver.value(call.node.func, call.place)
            if [case.what for case in value] != [Symbol("itertools.cycle")] or len(args) != 1:
                continue
            subject = args[0].value
            given = self.resolver.value(subject, call.place)
            made = bool(given) and all(map(self.is_made_loader, given))
            if made or self.is_declared(subject, call.place):
                dotted = dotted_name(call.node.func) or ""
                yield self.use("cycle", call, subject, module=dotted.rpartition(".")[0])

    def is_made_loader(self, case: Case) -> bool:
        what = case.what
        if not isinstance(what, Made) or what.where is None or what.part:
            return False
        if what.name == "builtins.enumerate" and what.where[0].args:
            inner = self.resolver.value(what.where[0].args[0].value, what.where[1])
            return bool(inner) and all(map(self.is_made_loader, inner))
        return id(what.where[0]) in self.read

    def is_declared(self, node: cst.BaseExpression, place: Place) -> bool:
        """Reports whether it is a parameter that is annotated as a loader of torch's."""
        bindings = self.bindings(node, place)
        only = bindings[0] if len(bindings) == 1 else None
        return (
            only is not None
            and only.kind == "parameter"
            and any(
                isinstance(case.what, Symbol) and case.what.name in LOADERS
                for case in annotated(self.resolver, only)
            )
        )

    def use(
        self,
        kind: str,
        call: Call,
        subject: cst.BaseExpression,
        *,
        attribute: str = "",
        module: str = "",
    ) -> LoaderUse:
        program, scope = self.resolver.program, call.place.scope
        return LoaderUse(
            kind,
            program.span(call.node, scope),
            program.span(subject, scope),
            attribute,
            repeated=bool(call.place.loops) or scope.name == "__next__",
            module=module,
        )


def _foreseen(place: Place) -> bool:
    """Reports whether the code expects an error, or has asked first what it has got."""
    if error_expected(place) or any(ASKING.search(guard.key) for guard in place.guards):
        return True
    caught = place.trials[-1].node.handlers if place.trials else ()
    return any(
        one.type is None or any(dotted_name(node) in CATCHING for node in every_node(one.type))
        for one in caught
    )


def _are_only(bindings: list[Binding], node: cst.Call) -> bool:
    """Reports whether the only one is `name = node`."""
    return len(bindings) == 1 and bindings[0].kind == "assign" and bindings[0].value is node
