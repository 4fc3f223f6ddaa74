"""Where the batches go: every place that takes them from a loader of this file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from .calls import ReadCall, next_code
from .clocks import timing
from .copies import copies_in, target_names
from .interest import READ_WITH_LOADERS
from .model import EpochLoop, Loop, Rebuilt
from .nodes import Path, callee_tail, children, dotted_name
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .scopes import Loop as LoopNode
from .text import Span
from .trials import handlers
from .values import Case, Defined, Known, Made, Number, Symbol, Value

MAIN_GUARD = "__name__ =="


@dataclass(frozen=True)
class Taken:
    """A loader as a loop sees it: which, through which calls, and where the batch is."""

    read: ReadCall
    via: tuple[Call, ...]
    path: Path


class Consumption:
    """Everything that takes batches from the loaders of a module."""

    def __init__(self, resolver: Resolver, calls: list[ReadCall]) -> None:
        self.resolver = resolver
        self.program = resolver.program
        self.by_node = {id(one.call.node): one for one in calls}
        self._nodes: dict[EpochLoop, LoopNode] = {}

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        if not self.by_node:
            return ()
        self.read_consumers()
        found = []
        for scope in list(self.program.scopes()):
            for loop in scope.loops:
                if loop.iterable is not None:
                    found += self.over(loop)
        found += self.nexts()
        found += self.wholes()
        found.sort(key=lambda loop: (loop.span, loop.loader.span))
        return tuple(found)

    @cached_property
    def rebuilt(self) -> tuple[Rebuilt, ...]:
        return tuple(
            Rebuilt(
                read.fact, epochs, _seeds_generator(self.resolver, read.call), self.statement(read)
            )
            for read in self.by_node.values()
            if (epochs := self.needless_loop(read)) is not None
        )

    def read_consumers(self) -> None:
        """Read the blocks that loaders are used in, and the functions they are given to."""
        names = {name for one in self.by_node.values() for name in one.fact.names}
        words = [re.escape(name) for name in names if "." not in name]
        pattern = READ_WITH_LOADERS.pattern
        self.program.read_where("|".join([pattern, *(rf"\b{word}\b" for word in words)]))
        for scope in list(self.program.scopes()):
            for call in scope.calls:
                if any(dotted_name(arg.value) in names for arg in call.node.args):
                    self.resolver.value(call.node.func, call.place)

    # Which loaders an expression gives

    def taken(self, value: Value, path: Path = ()) -> Iterator[Taken]:
        """The loaders among the cases of what a loop iterates over."""
        for case in value:
            yield from self._taken(case, path)

    def _taken(self, case: Case, path: Path) -> Iterator[Taken]:
        what = case.what
        if not isinstance(what, Made) or what.where is None or what.part:
            return
        node, place = what.where[:2]
        read = self.by_node.get(id(node))
        if read is not None:
            yield Taken(read, case.via, path)
        elif what.name == "builtins.enumerate" and node.args:
            yield from self.taken(self.resolver.value(node.args[0].value, place), (*path, 1))
        elif what.name == "builtins.zip":
            for index, arg in enumerate(node.args):
                if not arg.star:
                    yield from self.taken(self.resolver.value(arg.value, place), (*path, index))

    # Loops

    def over(self, loop: LoopNode) -> Iterator[Loop]:
        assert loop.iterable is not None
        value = self.resolver.value(loop.iterable, loop.place)
        seen = set()
        for taken in self.taken(value):
            if id(taken.read) in seen:
                continue
            seen.add(id(taken.read))
            names = frozenset(target_names(_target_part(loop.target, taken.path)))
            repeats = self.repeats(loop.place, loop.iterable, taken)
            span = self.program.span(loop.iterable, loop.place.scope)
            comprehension = isinstance(loop.node, cst.CompFor)
            yield Loop(
                loader=taken.read.fact,
                kind="comprehension" if comprehension else "for",
                span=span,
                epochs=repeats.epochs,
                rebuilt=repeats.rebuilt,
                at_import=self.at_import(loop.place),
                in_function=_function_name(loop.place.scope),
                copies=copies_in(self.resolver, loop, names),
                body_is_trivial=not comprehension and is_trivial(loop.body),
                handlers=() if comprehension else handlers(self.resolver, loop),
                timing=None if comprehension else timing(self.resolver, loop),
                conditional=repeats.conditional,
                breaks=_breaks(loop.body),
                trains=self.trains(loop),
            )

    def trains(self, loop: LoopNode) -> bool:
        """Reports whether the loop calls backward(), itself or one call deeper."""
        for call in loop.place.scope.calls:
            if not any(one is loop for one in call.place.loops):
                continue
            if callee_tail(call.node) in ("backward", "manual_backward"):
                return True
            for case in self.resolver.value(call.node.func, call.place):
                if isinstance(case.what, Defined) and case.what.kind == "function":
                    inner: Scope = case.what.where
                    if any(callee_tail(one.node) == "backward" for one in inner.calls):
                        return True
        return False

    def nexts(self) -> Iterator[Loop]:
        """`next(iter(loader))`, each a first batch of a new pool of workers."""
        for call in self.program.calls_named("next"):
            if not call.node.args or not isinstance(call.node.args[0].value, cst.Call):
                continue
            inner = call.node.args[0].value
            if callee_tail(inner) != "iter" or len(inner.args) != 1:
                continue
            yield from self.expression(call, inner.args[0].value, "next")

    def wholes(self) -> Iterator[Loop]:
        """`list(loader)` and the like, which take everything at once."""
        for name in ("list", "tuple", "sum", "set", "deque"):
            for call in self.program.calls_named(name):
                if call.node.args and not call.node.args[0].star:
                    yield from self.expression(call, call.node.args[0].value, "whole")

    def expression(self, call: Call, node: cst.BaseExpression, kind: str) -> Iterator[Loop]:
        for taken in self.taken(self.resolver.value(node, call.place)):
            repeats = self.repeats(call.place, node, taken)
            yield Loop(
                loader=taken.read.fact,
                kind=kind,
                span=self.program.span(call.node, call.place.scope),
                epochs=repeats.epochs,
                rebuilt=repeats.rebuilt,
                at_import=self.at_import(call.place),
                in_function=_function_name(call.place.scope),
                conditional=repeats.conditional,
            )
            return

    # What repeats them

    def repeats(self, place: Place, iterable: cst.BaseExpression, taken: Taken) -> Repeats:
        """The loops around a consumer that repeat it with the same loader."""
        built_in = {id(loop) for loop in taken.read.call.place.loops}
        rebuilt = False
        places = [(place, iterable)]
        for call in taken.via:
            places.append((call.place, None))  # type: ignore[arg-type]
        for at, node in places:
            for loop in reversed(at.loops):
                if isinstance(loop.node, cst.CompFor):
                    continue
                if id(loop) in built_in or (node is not None and self.new_in(node, at, loop)):
                    rebuilt = True
                    continue
                epochs = self.epoch_loop(loop)
                conditional = any(
                    guard.test is not None
                    for guard in at.guards[len(loop.place.guards) :]
                    if guard.place is not None and guard.place.order > loop.place.order
                )
                return Repeats(epochs, rebuilt, conditional)
        return Repeats(None, rebuilt, False)

    def new_in(self, node: cst.BaseExpression, place: Place, loop: LoopNode) -> bool:
        """Reports whether an iterable is bound or made anew inside `loop`."""
        if isinstance(node, cst.Call):
            tail = callee_tail(node)
            if node.args and (tail in ("enumerate", "zip", "iter") or tail in _WRAPPERS):
                return any(self.new_in(arg.value, place, loop) for arg in node.args[:1])
            return True
        dotted = dotted_name(node)
        if isinstance(node, cst.Subscript):
            return self.new_in(node.value, place, loop)
        if dotted is None:
            return False
        reaching = self.program.reaching(dotted, place) or []
        return any(
            any(one is loop for one in each.binding.place.loops)
            and each.binding.kind not in ("context",)
            for each in reaching
        )

    def epoch_loop(self, loop: LoopNode) -> EpochLoop:
        scope = loop.place.scope
        start = self.program.span(loop.node, scope).start
        text = self.program.source.text
        start = next_code(text, start)
        first = self.program.span(loop.body[0], scope) if loop.body else Span(start, start)
        body = next_code(text, first.start)
        line = max(text.rfind("\n", 0, body), text.rfind("\r", 0, body)) + 1
        header_end = (
            self.program.span(loop.iterable, scope).end
            if loop.iterable is not None
            else self.program.span(loop.node.test, scope).end  # type: ignore[union-attr]
        )
        variable = loop.target.value if isinstance(loop.target, cst.Name) else None
        if loop.target is not None and variable is None:
            names = list(target_names(loop.target))
            variable = names[0] if names and _counts(self.resolver, loop) else None
        fact = EpochLoop(
            span=Span(start, header_end),
            variable=variable,
            counted=_counts(self.resolver, loop),
            named=variable is not None and _named_like_epoch(variable),
            body=body,
            indent=text[line:body],
            in_function=_function_name(scope),
        )
        self._nodes[fact] = loop
        return fact

    def node_of(self, epochs: EpochLoop) -> LoopNode:
        return self._nodes[epochs]

    def statement(self, read: ReadCall) -> Span | None:
        """The lines of the statement that only assigns this construction to a name."""
        scope = read.call.place.scope
        for binding in (b for bound in scope.bindings.values() for b in bound):
            if binding.value is not read.call.node or not isinstance(binding.node, cst.Assign):
                continue
            text = self.program.source.text
            span = self.program.span(binding.node, scope)
            start = max(text.rfind("\n", 0, span.start), text.rfind("\r", 0, span.start)) + 1
            end = text.find("\n", span.end)
            end = len(text) if end < 0 else end + 1
            if not text[start : span.start].strip() and ";" not in text[span.end : end]:
                return Span(start, end)
        return None

    def needless_loop(self, read: ReadCall) -> EpochLoop | None:
        """The epoch loop in which a loader is rebuilt although nothing in it changes."""
        place = read.call.place
        loops = [one for one in place.loops if not isinstance(one.node, cst.CompFor)]
        if not loops:
            return None
        loop = loops[-1]
        epochs = self.epoch_loop(loop)
        if not (epochs.named or (epochs.counted and loop.target is None)):
            return None
        if read.fact.hidden or not self.unchanging(read.call.node, place, loop):
            return None
        conditional = any(
            guard.place is not None and guard.place.order > loop.place.order
            for guard in place.guards
            if guard.test is not None
        )
        return None if conditional else epochs

    def unchanging(self, node: cst.CSTNode, place: Place, loop: LoopNode) -> bool:
        """Reports whether nothing that an expression reads is bound or changed in `loop`."""
        names = set(_names_read(node))
        for scope in (loop.place.scope,):
            for name, bindings in scope.bindings.items():
                if name.partition(".")[0] not in names:
                    continue
                for binding in bindings:
                    if any(one is loop for one in binding.place.loops) and not (
                        binding.value is node
                    ):
                        return False
            for call in scope.calls:
                # a method of what the loader reads may change it
                if call.node is node or not any(one is loop for one in call.place.loops):
                    continue
                if _within(call.node, node):
                    continue
                func = call.node.func
                if isinstance(func, cst.Attribute):
                    root = (dotted_name(func.value) or "").partition(".")[0]
                    if root in names and not _is_class_or_module(self.resolver, func.value, call.place):
                        return False
            for store in scope.stores:
                root = (dotted_name(store.target.value) or "").partition(".")[0]
                if root in names and any(one is loop for one in store.place.loops):
                    return False
        return all(
            self._constant_call(call) for call in _calls_in(node) if call is not node
        )

    def _constant_call(self, call: cst.Call) -> bool:
        """Calls that give an equal result each time; others may be the reason to rebuild."""
        tail = callee_tail(call)
        return tail in ("Generator", "manual_seed", "cpu_count", "min", "max", "int", "len",
                        "is_available", "partial", "device")  # fmt: skip

    # Where it runs

    def at_import(self, place: Place) -> bool:
        """Reports whether it runs when the file is imported."""
        if self.program.source.cells:
            return False
        scope: Scope | None = place.scope
        at: Place | None = place
        while scope is not None and scope.kind == "comprehension":
            at, scope = scope.place, scope.parent
        if scope is None or scope.kind != "module" or at is None:
            return False
        return not any(guard.key.startswith(MAIN_GUARD) for guard in at.guards if guard.test)


@dataclass(frozen=True)
class Repeats:
    epochs: EpochLoop | None
    rebuilt: bool
    conditional: bool


_WRAPPERS = frozenset({"tqdm", "islice", "track", "log_every", "trange", "prefetched"})


def is_trivial(body: object) -> bool:
    """Reports whether a loop's body does no work with the batch."""
    assert isinstance(body, (list, tuple))
    for statement in body:
        if isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                if not isinstance(small, (cst.Pass, cst.Continue, cst.Break)) and not (
                    isinstance(small, cst.AugAssign)
                    and isinstance(small.value, (cst.Integer, cst.Call))
                    and callee_tail(small.value) in (None, "len", "size")
                ) and not (
                    isinstance(small, cst.Expr)
                    and isinstance(small.value, (cst.Ellipsis, cst.SimpleString))
                ):
                    return False
        elif isinstance(statement, cst.BaseSmallStatement):
            if not isinstance(statement, (cst.Pass, cst.Continue)):
                return False
        elif isinstance(statement, cst.If) and statement.orelse is None:
            if not is_trivial(statement.body.body):
                return False
        else:
            return False
    return True


def _target_part(target: cst.CSTNode | None, path: Path) -> cst.CSTNode:
    """The part of a loop's target that receives the batch."""
    assert target is not None
    for step in path:
        if not isinstance(target, (cst.Tuple, cst.List)) or not isinstance(step, int):
            return target
        if step >= len(target.elements):
            return target
        target = target.elements[step].value
    return target


def _function_name(scope: Scope) -> str | None:
    one: Scope | None = scope
    while one is not None and one.kind != "function":
        one = one.parent
    return one.name if one is not None else None


def _named_like_epoch(name: str) -> bool:
    short = name.lower().strip("_")
    return "epoch" in short or short in ("ep", "e")


def _counts(resolver: Resolver, loop: LoopNode) -> bool:
    """Reports whether a loop runs several times by count, or without end."""
    if loop.iterable is None:
        return True
    node = loop.iterable
    while isinstance(node, cst.Call) and callee_tail(node) in ("tqdm", "track") and node.args:
        node = node.args[0].value
    if isinstance(node, cst.Call) and callee_tail(node) in ("trange", "count"):
        return True
    if not isinstance(node, cst.Call) or callee_tail(node) != "range" or not node.args:
        return False
    if len(node.args) > 2:
        return True
    last = resolver.value(node.args[-1].value, loop.place)
    first = 0
    if len(node.args) == 2:
        start = resolver.value(node.args[0].value, loop.place)
        if len(start) == 1 and isinstance(start[0].what, Known) and isinstance(start[0].what.value, int):
            first = start[0].what.value
    for case in last:
        what = case.what
        if isinstance(what, Known) and isinstance(what.value, int) and what.value - first <= 1:
            return False
        if isinstance(what, Number) and what.source.startswith("len("):
            return False
    return True


def _breaks(body: object) -> bool:
    """Reports whether a loop's body always leaves the loop in its first round."""
    assert isinstance(body, (list, tuple))
    for statement in body:
        if isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                if isinstance(small, (cst.Break, cst.Return, cst.Raise)):
                    return True
    return False


def _names_read(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, cst.Attribute):
        yield from _names_read(node.value)
    else:
        for child in children(node):
            yield from _names_read(child)


def _calls_in(node: cst.CSTNode) -> Iterator[cst.Call]:
    if isinstance(node, cst.Call):
        yield node
    for child in children(node):
        yield from _calls_in(child)


def _within(node: cst.CSTNode, outer: cst.CSTNode) -> bool:
    return any(one is node for one in _calls_in(outer))


def _is_class_or_module(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    return all(
        isinstance(case.what, Symbol) or (isinstance(case.what, Defined) and case.what.kind == "class")
        for case in resolver.value(node, place)
    )


def _seeds_generator(resolver: Resolver, call: Call) -> bool:
    for inner in _calls_in(call.node):
        if callee_tail(inner) == "manual_seed" and inner.args:
            value = resolver.value(inner.args[0].value, call.place)
            return all(isinstance(case.what, Known) for case in value)
    return False
