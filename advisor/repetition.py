"""What repeats a place that takes batches: the loop of epochs around it, or around its caller."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from .epochs import Epochs, is_conditional
from .model import EpochLoop
from .nodes import callee_tail, dotted_name, every_node, target_names
from .parameters import callers
from .resolve import Resolver
from .scopes import Binding, Call, Place, decorated
from .scopes import Loop as LoopNode
from .values import Made

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
        self, place: Place, iterable: cst.BaseExpression, built: Call, via: tuple[Call, ...]
    ) -> Repeats:
        """The loop around a consumer that repeats it with the same loader.

        The loader is made by `built`, and reached the consumer through the calls of `via`.
        """
        rebuilt = False
        places: list[tuple[Place, cst.BaseExpression | None]] = [(place, iterable)]
        places += [(call.place, self.given(call, built)) for call in via]
        for at, node in places:
            for loop in reversed(at.loops):
                if isinstance(loop.node, cst.CompFor):
                    continue
                several = None if node is None else self.chosen_from(node, at, loop)
                if several is not None:
                    node = several
                    continue
                if loop in built.place.loops or (node is not None and self.new_in(node, at, loop)):
                    rebuilt = True
                    continue
                return Repeats(self.epochs.fact(loop), rebuilt, is_conditional(at, loop))
        return Repeats(None, rebuilt, False)

    def around_callers(
        self, place: Place, iterable: cst.BaseExpression, built: Call, via: tuple[Call, ...]
    ) -> Repeats | None:
        """The loop that calls the function around a consumer, if the loader outlives the calls."""
        if not via and not self.outlives(iterable, place):
            return None
        maker = built.place.scope.enclosing("function")
        if maker is not None and decorated(maker, "property"):
            return None
        found = self.calling_loop(via[-1].place if via else place, built, DEEPEST)
        if found is None or self.runs_in(found[0], built.place, DEEPEST):
            return None
        loop, at = found
        return Repeats(self.epochs.fact(loop), False, is_conditional(at, loop))

    def calling_loop(self, place: Place, built: Call, depth: int) -> tuple[LoopNode, Place] | None:
        """The loop in which the function around a place is called, and where."""
        function = place.scope.enclosing("function")
        if function is None or depth == 0:
            return None
        calls = callers(self.resolver, function)
        for call in calls:
            node = self.given(call, built)
            for loop in reversed(call.place.loops):
                several = None if node is None else self.chosen_from(node, call.place, loop)
                if several is not None:
                    node = several
                elif not isinstance(loop.node, cst.CompFor):
                    return loop, call.place
        found = (self.calling_loop(call.place, built, depth - 1) for call in calls)
        return next((one for one in found if one is not None), None)

    def given(self, call: Call, built: Call) -> cst.BaseExpression | None:
        """The argument of a call that is what `built` made; None where none is seen to be."""
        for arg in call.node.args:
            value = () if arg.star else self.resolver.value(arg.value, call.place)
            for case in value:
                made = case.what
                if isinstance(made, Made) and made.where and made.where[0] is built.node:
                    return arg.value
        return None

    def chosen_from(
        self, node: cst.BaseExpression, place: Place, loop: LoopNode
    ) -> cst.BaseExpression | None:
        """Those of which `loop` takes one in each round, where `node` is that one.

        `for name in ("train", "val")` with `loaders[name]`, or `for loader in loaders`. None
        where a round has all that the others have.
        """
        if loop.target is None or loop.iterable is None:
            return None
        targets = frozenset(target_names(loop.target))
        match node:
            case cst.Call(args=[first, *_]) if callee_tail(node) in _WRAPPERS:
                return self.chosen_from(first.value, place, loop)
            case cst.Subscript(slice=keys):
                inside = (one for key in keys for one in every_node(key))
                chosen = any(isinstance(one, cst.Name) and one.value in targets for one in inside)
                return node.value if chosen else None
            case cst.Name(name) if name in targets:
                return _in_turn(loop.iterable, loop.target, name)
            case cst.Name(name):
                reaching = self.resolver.program.reaching(name, place) or ()
                only = reaching[0].binding if len(reaching) == 1 else None
                if only is None or only.kind != "assign" or only.path:
                    return None
                if loop in only.place.loops and isinstance(only.value, cst.BaseExpression):
                    return self.chosen_from(only.value, only.place, loop)
        return None

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
        if isinstance(node, (cst.List, cst.Tuple)):
            return any(self.new_in(one.value, place, loop) for one in node.elements)
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
        if not isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)):
            return True
        return self.new_in(value, binding.place, loop)


def _in_turn(
    node: cst.BaseExpression, target: cst.BaseExpression, name: str
) -> cst.BaseExpression | None:
    """What a loop over `node` gives to a name in turn; None where it may be made for each round."""
    match node, target:
        case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name("items" | "values"))), _:
            return owner
        case cst.Call(func=cst.Name("zip"), args=args), cst.Tuple(elements=elements):
            for arg, element in zip(args, elements, strict=False):
                if name in target_names(element.value):
                    return _in_turn(arg.value, element.value, name)
        case cst.Call(func=cst.Name("enumerate"), args=[first, *_]), cst.Tuple(elements=elements):
            return _in_turn(first.value, elements[-1].value, name)
        case cst.Call(args=[first, *_]), _ if callee_tail(node) in _WRAPPERS:
            return _in_turn(first.value, target, name)
        case ((cst.Name() | cst.Attribute() | cst.Subscript() | cst.List() | cst.Tuple()), _):
            return node
    return None
