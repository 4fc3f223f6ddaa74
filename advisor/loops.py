"""Where the batches go: every place that takes them from a loader.

Such a place stands in this file, or the loader is made here and a function of another module
loops over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from .accumulated import kept_tensors
from .batch_takers import BACKWARD, batch_taker, leaves_at_once, trains
from .calls import ReadCall
from .clocks import timing
from .copies import Names, copies_elsewhere, copies_in
from .definitions import Definition
from .engines import EngineRun, engine_runs
from .epoch_calls import late_set_epochs
from .epochs import Epochs
from .interest import READ_WITH_LOADERS, takes_loaders
from .model import Copy, Handler, KeptTensor, Loop
from .nodes import callee_tail, target_names, target_part
from .reentry import reentered
from .repetition import Repeats, Repetition
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .scopes import Loop as LoopNode
from .taken_loaders import Taken, TakenLoaders
from .text import Span
from .trials import handlers
from .values import Defined, Symbol

MAIN_GUARD = "__name__ =="
TAKING_ALL = ("list", "tuple", "sum", "set", "deque")


def batch_loops(resolver: Resolver, calls: Iterable[ReadCall], epochs: Epochs) -> tuple[Loop, ...]:
    """Everything that takes batches from the loaders of a module, in order of place."""
    calls = tuple(calls)
    if not calls and not resolver.program.source.tells(takes_loaders):
        return ()
    return tuple(_Consumption(resolver, TakenLoaders(resolver, calls), epochs).loops())


@dataclass(frozen=True)
class _Body:
    """What a loop does with its batches, as far as its code and what it calls tell."""

    copies: tuple[Copy, ...]
    handlers: tuple[Handler, ...]
    trains: bool
    kept_tensors: tuple[KeptTensor, ...]


@dataclass(frozen=True)
class _Consumption:
    """What takes batches from the loaders."""

    resolver: Resolver
    loaders: TakenLoaders
    epochs: Epochs

    def loops(self) -> list[Loop]:
        """All of it, in order of place."""
        program = self.resolver.program
        self.read_consumers()
        found: list[Loop] = []
        for scope in list(program.scopes()):
            for loop in scope.loops:
                if loop.iterable is not None:
                    found += self.over(loop, loop.iterable)
        for call in program.calls_named("next"):
            iterator = call.node.args[0].value if call.node.args else None
            match iterator:
                case cst.Call(args=[only]) if callee_tail(iterator) == "iter":
                    found += self.by_call(call, only.value, "next")
                case cst.Name() | cst.Attribute():
                    found += self.by_step(call, iterator)
        for name in TAKING_ALL:
            for call in program.calls_named(name):
                if call.node.args and not call.node.args[0].star:
                    found += self.by_call(call, call.node.args[0].value, "whole")
        for run in engine_runs(self.resolver):
            found += self.by_engine(run)
        found += self.elsewhere()
        return sorted(found, key=lambda loop: (loop.span, loop.loader.span))

    def read_consumers(self) -> None:
        """Read the blocks that loaders are used in, and the functions they are given to."""
        program = self.resolver.program
        names = {name for one in self.loaders.read.values() for name in one.fact.names}
        words = [rf"\b{re.escape(name)}\b" for name in names if "." not in name]
        program.read_where("|".join([READ_WITH_LOADERS.pattern, *words]))
        for root in program.roots:
            for name in sorted(names):
                for call, _ in root.arguments_by_name.get(name, ()):
                    self.resolver.value(call.node.func, call.place)
            for call, arg in root.arguments_by_name.get(None, ()):
                if id(arg.value) in self.loaders.read:
                    self.resolver.value(call.node.func, call.place)

    def repeats(
        self, place: Place, iterable: cst.BaseExpression, taken: Taken, *, called: bool = False
    ) -> Repeats:
        """What repeats a consumer; `called`: or the function that it stands in."""
        if taken.read is None:
            return Repeats(None, False, False)
        repetition = Repetition(self.resolver, self.epochs)
        built = taken.read.call
        found = repetition.around(place, iterable, built, taken.via)
        if called and found.epochs is None and not found.rebuilt:
            return repetition.around_callers(place, iterable, built, taken.via) or found
        return found

    # What takes them

    def over(self, loop: LoopNode, iterable: cst.BaseExpression) -> Iterator[Loop]:
        """The loaders whose batches a loop runs over."""
        seen: set[int] = set()
        for taken in self.loaders.of(self.resolver.value(iterable, loop.place)):
            if id(taken.fact) in seen:
                continue
            seen.add(id(taken.fact))
            assert loop.target is not None
            names = frozenset(target_names(target_part(loop.target, taken.path)))
            repeats = self.repeats(loop.place, iterable, taken, called=True)
            comprehension = isinstance(loop.node, cst.CompFor)
            body = self.body(loop, names, comprehension)
            yield Loop(
                loader=taken.fact,
                kind="comprehension" if comprehension else "for",
                span=self.resolver.program.span(iterable, loop.place.scope),
                epochs=repeats.epochs,
                rebuilt=repeats.rebuilt,
                at_import=self.at_import(loop.place),
                in_function=_function_name(loop.place.scope),
                copies=body.copies,
                body_is_trivial=not comprehension and is_trivial(loop.body),
                handlers=body.handlers,
                timing=None if comprehension else timing(self.resolver, loop),
                conditional=repeats.conditional,
                breaks=leaves_at_once(loop),
                trains=body.trains,
                reentered=self.reentered(loop, iterable, taken),
                kept_tensors=body.kept_tensors,
                late_set_epochs=self.late(loop, taken),
                told_where_made=taken.told,
            )

    def body(self, loop: LoopNode, names: Names, comprehension: bool) -> _Body:
        """What a loop does with the batch that `names` stand for."""

        def read() -> _Body:
            return _Body(
                copies=copies_in(self.resolver, loop, names),
                handlers=() if comprehension else handlers(self.resolver, loop),
                trains=self.trains(loop),
                kept_tensors=kept_tensors(self.resolver, loop, names),
            )

        return self.resolver.remembered(("body", names), loop, read)

    def reentered(self, loop: LoopNode, iterable: cst.BaseExpression, taken: Taken) -> Span | None:
        """Where else its very loader is iterated over meanwhile."""
        made_here = taken.read
        return reentered(self.resolver, loop, iterable, made_here) if made_here else None

    def late(self, loop: LoopNode, taken: Taken) -> tuple[Span, ...]:
        """The calls of set_epoch on a loader's sampler once per batch."""
        return late_set_epochs(self.resolver, loop, taken.read) if taken.read is not None else ()

    def by_call(self, call: Call, node: cst.BaseExpression, kind: str) -> Iterator[Loop]:
        """The loader that `next(iter(node))` or `list(node)` takes from."""
        for taken in self.loaders.of(self.resolver.value(node, call.place)):
            repeats = self.repeats(call.place, node, taken)
            yield Loop(
                loader=taken.fact,
                kind=kind,
                span=self.resolver.program.span(call.node, call.place.scope),
                epochs=repeats.epochs,
                rebuilt=repeats.rebuilt,
                at_import=self.at_import(call.place),
                in_function=_function_name(call.place.scope),
                conditional=repeats.conditional,
            )
            return

    def by_step(self, call: Call, iterator: cst.BaseExpression) -> Iterator[Loop]:
        """The loader whose next batch `next(iterator)` takes, wherever its iterator began."""
        around = next((one for one in reversed(call.place.loops) if one.body), None)
        if around is None:
            return
        for taken in self.loaders.of(self.resolver.value(iterator, call.place)):
            yield Loop(
                loader=taken.fact,
                kind="step",
                span=self.resolver.program.span(call.node, call.place.scope),
                epochs=None,
                rebuilt=False,
                at_import=False,
                in_function=_function_name(call.place.scope),
                copies=copies_in(self.resolver, around, frozenset({call.node})),
                trains=self.trains(around),
            )
            return

    def by_engine(self, run: EngineRun) -> Iterator[Loop]:
        """The loader that an engine of Ignite runs over."""
        place = run.call.place
        for taken in self.loaders.of(self.resolver.value(run.data, place)):
            repeats = self.repeats(place, run.data, taken, called=True)
            yield Loop(
                loader=taken.fact,
                kind="for",
                span=self.resolver.program.span(run.data, place.scope),
                epochs=run.epochs or repeats.epochs,
                rebuilt=repeats.rebuilt,
                at_import=self.at_import(place),
                in_function=_function_name(place.scope),
                copies=run.copies,
                conditional=repeats.conditional,
                trains=run.trains,
            )

    def elsewhere(self) -> Iterator[Loop]:
        """The loops in functions of other modules, over loaders that they are given here."""
        names = {name for one in self.loaders.read.values() for name in one.fact.names}
        for root in self.resolver.program.roots:
            for name in sorted(names):
                for call, arg in root.arguments_by_name.get(name, ()):
                    yield from self.in_function(call, arg)
            for call, arg in root.arguments_by_name.get(None, ()):
                if id(arg.value) in self.loaders.read:
                    yield from self.in_function(call, arg)

    def in_function(self, call: Call, arg: cst.Arg) -> Iterator[Loop]:
        """The loop over one argument of a call, in the function that is called."""
        functions = self.resolver.value(call.node.func, call.place)
        what = functions[0].what if len(functions) == 1 else None
        definition = what.definition if isinstance(what, Symbol) else None
        if not isinstance(definition, Definition) or definition.is_class:
            return
        scope = definition.scope
        taker = None if scope is None else batch_taker(scope, call.node, arg)
        if taker is None:
            return
        for taken in self.loaders.of(self.resolver.value(arg.value, call.place)):
            repeats = self.repeats(call.place, arg.value, taken, called=True)
            yield Loop(
                loader=taken.fact,
                kind="for",
                span=self.resolver.program.span(arg.value, call.place.scope),
                epochs=repeats.epochs,
                rebuilt=repeats.rebuilt,
                at_import=False,
                in_function=taker.name,
                conditional=repeats.conditional,
                breaks=taker.breaks,
                trains=taker.trains,
                copies=copies_elsewhere(self.resolver, call, definition, taker.loop, taker.batch),
                elsewhere=True,
                tells_epoch=taker.tells_epoch,
            )
            return

    def trains(self, loop: LoopNode) -> bool:
        """Reports whether the loop calls backward(), itself or one call deeper."""
        if trains(loop.place.scope, loop):
            return True
        for call in loop.place.scope.calls:
            if loop not in call.place.loops:
                continue
            for case in self.resolver.value(call.node.func, call.place):
                if isinstance(case.what, Defined) and case.what.kind == "function":
                    inner: Scope = case.what.where
                    if any(callee_tail(one.node) in BACKWARD for one in inner.calls):
                        return True
        return False

    def at_import(self, place: Place) -> bool:
        """Reports whether it runs when the file is imported."""
        if self.resolver.program.source.cells:
            return False
        scope: Scope | None = place.scope
        at: Place | None = place
        while scope is not None and scope.kind == "comprehension":
            at, scope = scope.place, scope.parent
        if scope is None or scope.kind != "module" or at is None:
            return False
        return not any(guard.key.startswith(MAIN_GUARD) for guard in at.guards if guard.test)


def _function_name(scope: Scope) -> str | None:
    function = scope.enclosing("function")
    return function.name if function is not None else None


def is_trivial(body: Sequence[cst.CSTNode]) -> bool:
    """Reports whether a loop's body does no work with the batch."""
    return all(_does_no_work(statement) for statement in body)


def _does_no_work(node: cst.CSTNode) -> bool:
    match node:
        case cst.SimpleStatementLine():
            return all(_only_counts(small) for small in node.body)
        case cst.Pass() | cst.Continue():
            return True
        case cst.If(orelse=None):
            return is_trivial(node.body.body)
    return False


def _only_counts(node: cst.BaseSmallStatement) -> bool:
    """Reports whether a statement counts batches, says something constant or goes on."""
    match node:
        case cst.Pass() | cst.Continue() | cst.Break():
            return True
        case cst.AugAssign(value=cst.Integer() | cst.Call()):
            return callee_tail(node.value) in (None, "len", "size")
        case cst.Expr(value=cst.Ellipsis() | cst.SimpleString()):
            return True
    return False
