"""What repeats a place that takes batches: the loop of epochs around it, or around its caller."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from .epochs import Epochs, is_conditional
from .model import EpochLoop
from .nodes import callee_tail, dotted_name
from .parameters import callers
from .resolve import Resolver
from .scopes import Binding, Call, Place, decorated
from .scopes import Loop as LoopNode

DEEPEST = 2  # calls from the loop of epochs into functions of this file
_WRAPPERS = frozenset(
    {"enumerate", "zip", "iter", "tqdm", "islice", "track", "log_every", "trange", "prefetched"}
)


@dataclass(frozen=True)
class Repeats:
    """The loop of epochs around a consumer; `rebuilt` where the loader is new each time."""

    epochs: EpochLoop | None
    rebuilt: bool
    conditional: bool


@dataclass(frozen=True)
class Repetition:
    """Finds what repeats the consumers of loaders."""

    resolver: Resolver
    epochs: Epochs

    def around(
        self, place: Place, iterable: cst.BaseExpression, built: Place, via: tuple[Call, ...]
    ) -> Repeats:
        """The loop around a consumer that repeats it with the same loader.

        The loader is made at `built`, and reached the consumer through the calls of `via`.
        """
        rebuilt = False
        places: list[tuple[Place, cst.BaseExpression | None]] = [(place, iterable)]
        places += [(call.place, None) for call in via]
        for at, node in places:
            for loop in reversed(at.loops):
                if isinstance(loop.node, cst.CompFor):
                    continue
                if loop in built.loops or (node is not None and self.new_in(node, at, loop)):
                    rebuilt = True
                    continue
                return Repeats(self.epochs.fact(loop), rebuilt, is_conditional(at, loop))
        return Repeats(None, rebuilt, False)

    def around_callers(
        self, place: Place, iterable: cst.BaseExpression, built: Place, via: tuple[Call, ...]
    ) -> Repeats | None:
        """The loop that calls the function around a consumer, if the loader outlives the calls."""
        if not via and not self.outlives(iterable, place):
            return None
        maker = built.scope.enclosing("function")
        if maker is not None and decorated(maker, "property"):
            return None
        found = self.calling_loop(via[-1].place if via else place, DEEPEST)
        if found is None or self.runs_in(found[0], built, DEEPEST):
            return None
        loop, at = found
        return Repeats(self.epochs.fact(loop), False, is_conditional(at, loop))

    def calling_loop(self, place: Place, depth: int) -> tuple[LoopNode, Place] | None:
        """The loop in which the function around a place is called, and where."""
        function = place.scope.enclosing("function")
        if function is None or depth == 0:
            return None
        calls = callers(self.resolver, function)
        for call in calls:
            for loop in reversed(call.place.loops):
                if not isinstance(loop.node, cst.CompFor):
                    return loop, call.place
        found = (self.calling_loop(call.place, depth - 1) for call in calls)
        return next((one for one in found if one is not None), None)

    def runs_in(self, loop: LoopNode, place: Place, depth: int) -> bool:
        """Reports whether a loop runs over a place, or calls the function around it."""
        if loop in place.loops:
            return True
        function = place.scope.enclosing("function")
        if function is None or depth == 0:
            return False
        calls = callers(self.resolver, function)
        return any(self.runs_in(loop, call.place, depth - 1) for call in calls)

    def outlives(self, node: cst.BaseExpression, place: Place) -> bool:
        """Reports whether what an expression gives was there before its function was called."""
        if isinstance(node, cst.Call):
            wraps = bool(node.args) and callee_tail(node) in _WRAPPERS
            return wraps and self.outlives(node.args[0].value, place)
        if isinstance(node, cst.Subscript):
            return self.outlives(node.value, place)
        dotted = dotted_name(node)
        if dotted is None:
            return False
        function = place.scope.enclosing("function")
        reaching = self.resolver.program.reaching(dotted, place) or ()
        return all(
            self.handed(one.binding)
            for one in reaching
            if one.binding.place.scope.enclosing("function") is function
        )

    def handed(self, binding: Binding) -> bool:
        """Reports whether a binding only names anew what was there before."""
        value = binding.value
        return (
            binding.kind == "assign"
            and not binding.path
            and isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.Call))
            and self.outlives(value, binding.place)
        )

    def new_in(self, node: cst.BaseExpression, place: Place, loop: LoopNode) -> bool:
        """Reports whether an iterable is bound or made anew inside `loop`."""
        if isinstance(node, cst.Call):
            if node.args and callee_tail(node) in _WRAPPERS:
                return self.new_in(node.args[0].value, place, loop)
            return True
        if isinstance(node, cst.Subscript):
            return self.new_in(node.value, place, loop)
        dotted = dotted_name(node)
        if dotted is None:
            return False
        return any(
            loop in one.binding.place.loops and self.made_new(one.binding, loop)
            for one in self.resolver.program.reaching(dotted, place) or ()
        )

    def made_new(self, binding: Binding, loop: LoopNode) -> bool:
        """Reports whether a binding inside `loop` is more than another name: `bar = tqdm(it)`."""
        if binding.kind in ("context", "delete"):
            return False
        value = binding.value
        if binding.kind != "assign" or binding.path or not isinstance(value, cst.BaseExpression):
            return True
        if not isinstance(value, (cst.Name, cst.Attribute, cst.Call)):
            return True
        return self.new_in(value, binding.place, loop)
