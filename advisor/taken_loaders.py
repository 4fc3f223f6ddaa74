"""Which loaders an expression gives batches of: made here, by other modules, or handed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import libcst as cst

from .arguments import argument_node, given_for
from .calls import TAKERS, ReadCall
from .cycles import handed_on
from .definitions import Definition, HandedLoader, KeptLoader
from .model import LoaderCall
from .nodes import Path
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .values import Case, Group, Made, Value


@dataclass(frozen=True, slots=True)
class Taken:
    """A loader as a loop sees it, through which calls, and where the batch is.

    `read` is its construction here, or the call here that gave it; None where a caller in
    another module hands it in. `told` says that what it lacks is told there.
    """

    fact: LoaderCall
    read: ReadCall | None
    via: tuple[Call, ...]
    path: Path
    told: bool = False


class TakenLoaders:
    """Finds them among the constructions of a module."""

    def __init__(self, resolver: Resolver, calls: Iterable[ReadCall]) -> None:
        self.resolver = resolver
        self.read = {id(one.call.node): one for one in calls}
        self._outside: dict[tuple[int, str, Path], tuple[ReadCall, ...]] = {}

    def of(self, value: Value, path: Path = ()) -> Iterator[Taken]:
        """The loaders among the cases of what a loop iterates over."""
        for case in value:
            yield from self._of_case(case, path)

    def _of_case(self, case: Case, path: Path) -> Iterator[Taken]:
        """The loaders in one case, be it in enumerate() or zip()."""
        what = case.what
        if isinstance(what, Group) and what.kind == "generator":
            yield from self._in_turn(what, path)
        if not isinstance(what, Made):
            return
        if isinstance(what.within, HandedLoader):
            if not what.part:
                yield Taken(what.within.fact, None, case.via, path, told=what.within.is_own)
            return
        if what.where is None:
            return
        node, place = what.where[:2]
        made = self.made(what)
        for read in made:
            yield Taken(read.fact, read, case.via, path)
        if made or what.part:
            return
        elif what.name == "builtins.enumerate" and node.args:
            yield from self.of(self.resolver.value(node.args[0].value, place), (*path, 1))
        elif what.name == "builtins.zip":
            for index, arg in enumerate(node.args):
                if not arg.star:
                    yield from self.of(self.resolver.value(arg.value, place), (*path, index))

    def _in_turn(self, made: Group, path: Path) -> Iterator[Taken]:
        """The loader whose batches a generator function hands on: `cycle(loader)`."""
        match made.where:
            case (cst.Call() as node, Place() as place, Scope() as function):
                name = handed_on(function)
                given = None if name is None else argument_node(node, function, name)
                if isinstance(given, cst.BaseExpression):
                    yield from self.of(self.resolver.value(given, place), path)

    def made(self, made: Made) -> tuple[ReadCall, ...]:
        """The loader that a value is; those of another module, with the call here that gave them.

        A function there may give one of several.
        """
        if made.where is None:
            return ()
        node, place = made.where[:2]
        outside = made.within
        if not isinstance(outside, Definition | KeptLoader) or (
            isinstance(outside, Definition) and outside.is_class
        ):
            own = self.read.get(id(node)) if not made.part else None
            return () if own is None else (own,)
        name = outside.name if isinstance(outside, KeptLoader) else ""
        key = id(node), name, made.part
        if key not in self._outside:
            program = self.resolver.program
            named = (tail for tail in TAKERS if program.source.tells(f"{tail}("))
            given_on = any(program.calls_named(tail) for tail in named)
            call = Call(node, place)
            given = partial(given_for, self.resolver, call)
            facts = () if given_on else outside.loaders(made.part, given)
            self._outside[key] = tuple(ReadCall(call, fact) for fact in facts)
        return self._outside[key]
