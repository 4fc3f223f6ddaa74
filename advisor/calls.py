"""Loader constructions: which class is called, and what each parameter receives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from .batch_classes import batch_class
from .callbacks import callback, callback_among
from .classes import Classes
from .classes_model import Callback
from .conditions import ways
from .datasets import dataset_form, dataset_kind, in_memory
from .device_rows import device_rows, is_moved
from .dictionaries import entries_of
from .loader_classes import LoaderClass, loader_class, loader_names
from .members import outer_bases
from .model import Argument, LoaderCall
from .nodes import callee_tail, decorators
from .parameters import callers
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .text import Span
from .torch_api import DEFAULTS, LOADERS, TRAINER_ARGUMENTS, TRAINER_PREFIX
from .trainer_datasets import train_dataset
from .trials import error_expected, in_expecting
from .values import NOTHING_KNOWN, UNKNOWN, Absent, Case, Defined, Known, Made, Symbol, Value, What

# Methods that a framework calls to get its loaders: it then moves the batches itself.
HOOKS = frozenset(
    f"{prefix}{kind}_dataloader{suffix}"
    for prefix in ("", "get_")
    for kind in ("train", "val", "valid", "test", "predict", "eval")
    for suffix in ("", "s")
)
# Bases of classes that no framework calls.
PLAIN_BASES = frozenset({"builtins.object", "abc.ABC", "torch.nn.Module", "typing.Generic"})
# Calls that take over the loaders given to them, and whose they are.
TAKERS = {
    "prepare": "accelerate",
    "prepare_data_loader": "accelerate",
    "setup_dataloaders": "lightning",
    "fit": "lightning",
    "auto_dataloader": "ignite",
    "skip_first_batches": "accelerate",
}


@dataclass(frozen=True, eq=False)
class ReadCall:
    """A construction with the call it was read from."""

    call: Call
    fact: LoaderCall


def loader_calls(resolver: Resolver, classes: Classes) -> list[ReadCall]:
    """Every construction of a loader whose class is known, in order of place."""
    names = loader_names(resolver)
    aliases = names - {name.rpartition(".")[2] for name in LOADERS}
    if aliases:
        resolver.program.read_where(rf"\b(?:{'|'.join(map(re.escape, sorted(aliases)))})\s*\(")
    found = []
    for scope in resolver.program.scopes():
        for call in scope.calls:
            if callee_tail(call.node) in names and not in_expecting(call.place):
                kind = loader_class(resolver, call)
                if kind is not None:
                    found.append(ReadCall(call, read_call(resolver, classes, call, kind)))
    found.sort(key=lambda one: one.fact.span)
    return found


def read_call(resolver: Resolver, classes: Classes, call: Call, kind: LoaderClass) -> LoaderCall:
    """What a call says that constructs such a loader."""
    return _Reading(resolver, classes, call, kind).fact()


def trainer_calls(resolver: Resolver, classes: Classes) -> tuple[LoaderCall, ...]:
    """The constructions of a Trainer's arguments that say something of its loaders."""
    source = resolver.program.source
    if not source.tells(TRAINER_PREFIX) or source.tells(SET_LATER.search):
        return ()
    found = []
    for tail in sorted({name.rpartition(".")[2] for name in TRAINER_ARGUMENTS}):
        for call in resolver.program.calls_named(tail) if source.tells(f"{tail}(") else ():
            value = resolver.value(call.node.func, call.place)
            what = value[0].what if len(value) == 1 else None
            if isinstance(what, Symbol) and what.name in TRAINER_ARGUMENTS:
                kind = LoaderClass("trainer", tail, (), frozenset(), prefix=TRAINER_PREFIX)
                if not error_expected(call.place):
                    fact = read_call(resolver, classes, call, kind)
                    trained_on = classes.of(train_dataset(resolver, call))
                    found.append(replace(fact, dataset_class=trained_on))
    return tuple(sorted(found, key=lambda one: one.span))


# A number of workers that the arguments get once they are made
SET_LATER = re.compile(rf"\.{TRAINER_PREFIX}num_workers\s*=[^=]")


class _Reading:
    """One call, while it is being read."""

    def __init__(self, resolver: Resolver, classes: Classes, call: Call, kind: LoaderClass) -> None:
        self.resolver = resolver
        self.classes = classes
        self.call = call
        self.scope = call.place.scope
        self.program = resolver.program
        self.arguments: dict[str, Argument] = {}
        self.written: list[Argument] = []
        self.unknown: list[Argument] = []
        self.repeated: list[Argument] = []
        self.surplus: list[Argument] = []
        self.hidden = False
        self.kind = kind
        self.positional = kind.positional  # the parameters that are left to fill by position

    def fact(self) -> LoaderCall:
        """The construction as rules see it."""
        if self.kind.partial is not None:
            self.partial(*self.kind.partial)
        self.bind(self.call.node, self.call.place)
        function = self.scope.enclosing("function")
        owner = self.scope.enclosing("class")
        dataset = self.given("dataset")
        return LoaderCall(
            family=self.kind.family,
            class_name=self.kind.name,
            span=self.span(self.call.node),
            callee=self.span(self.call.node.func),
            end=self.end(),
            written=tuple(self.written),
            arguments=self.arguments,
            hidden=self.hidden,
            ways=tuple(ways(self.resolver, self.call.place)),
            unknown_keywords=tuple(self.unknown),
            repeated=tuple(self.repeated),
            surplus=tuple(self.surplus),
            names=self.names(),
            keyword=self.keyword(),
            given_names=self.given_names(function),
            function=function.name if function else None,
            in_class=owner.name if owner else None,
            framework_hook=self.framework_hook(owner, function),
            handed_to=self.handed_to(),
            subclass=self.kind.subclass,
            dataset_class=self.classes.of(dataset),
            inner_classes=tuple(self.classes.inside(dataset)),
            dataset_kind=dataset_kind(self.classes, dataset),
            in_memory=in_memory(self.resolver, dataset),
            device_rows=device_rows(self.resolver, dataset),
            moved=self.is_moved(),
            dataset_form=dataset_form(self.resolver, dataset),
            collate=self.callback("collate_fn"),
            batch_class=batch_class(self.resolver, self.given("collate_fn")),
            worker_init=self.callback("worker_init_fn"),
            prefix=self.kind.prefix,
            may_raise=error_expected(self.call.place),
        )

    # The arguments

    @property
    def parameters(self) -> set[str]:
        """The names of all parameters."""
        return {"dataset", *DEFAULTS, *self.kind.added, *self.positional}

    def partial(self, made: cst.Call, at: Place) -> None:
        """Read what functools.partial gives."""
        for arg in made.args[1:]:
            if arg.star == "**":
                self.splat(arg, at)
            elif arg.star:
                self.hidden = True
            elif arg.keyword is not None:
                argument = self.read(arg, arg.keyword.value, at, splatted=True)
                self.arguments[argument.name] = argument
            else:
                self.positional = self.positional[1:]
                argument = self.read(arg, "dataset", at, splatted=True)
                self.arguments[argument.name] = argument

    def bind(self, node: cst.Call, place: Place) -> None:
        """Read what the call itself gives."""
        position = 0
        given: set[str] = set()
        for arg in node.args:
            if arg.star == "**":
                self.splat(arg, place)
            elif arg.star:
                self.hidden = True
                self.written.append(self.read(arg, "*", place, splatted=True))
            elif arg.keyword is not None:
                argument = self.read(arg, arg.keyword.value.removeprefix(self.kind.prefix), place)
                self.written.append(argument)
                if argument.name in given:
                    self.repeated.append(argument)
                elif argument.name not in self.parameters:
                    self.strange(argument)
                else:
                    self.arguments[argument.name] = argument
                    given.add(argument.name)
            else:
                name = self.positional[position] if position < len(self.positional) else ""
                argument = self.read(arg, name, place, positional=True)
                self.written.append(argument)
                position += 1
                if name and not self.hidden:
                    self.arguments[name] = argument
                    given.add(name)
                elif not name and not self.kind.takes_more:
                    self.surplus.append(argument)

    def splat(self, arg: cst.Arg, place: Place) -> None:
        """Read the dictionary behind **."""
        whole = self.read(arg, "**", place, splatted=True)
        if arg in self.call.node.args:
            self.written.append(whole)
        entries = entries_of(self.resolver, arg.value, place)
        if entries is None:
            self.hidden = True
            return
        self.hidden = self.hidden or entries.open
        for key, cases in entries.keys.items():
            name = key.removeprefix(self.kind.prefix)
            argument = Argument(
                name, whole.span, whole.whole, whole.behind, tuple(cases), whole.code, splatted=True
            )
            certain = not entries.open and not any(isinstance(c.what, Absent) for c in cases)
            if name not in self.parameters:
                if certain:
                    self.strange(argument)
            elif name not in self.arguments:
                self.arguments[name] = argument
            elif certain and arg in self.call.node.args and self.arguments[name] in self.written:
                self.repeated.append(argument)

    def strange(self, argument: Argument) -> None:
        """Note a keyword that is none of the known parameters."""
        if not self.kind.takes_more:
            self.unknown.append(argument)

    def read(
        self,
        arg: cst.Arg,
        name: str,
        place: Place,
        *,
        positional: bool = False,
        splatted: bool = False,
    ) -> Argument:
        """One argument as it is written, for the parameter `name`."""
        span = self.span(arg.value, place.scope)
        whole = self.span(arg, place.scope).to(span)
        behind = whole.behind()
        if isinstance(arg.comma, cst.Comma):
            behind = self.program.behind(whole).behind(1)
        value = NOTHING_KNOWN if arg.star else self.resolver.value(arg.value, place)
        value = tuple(map(_as_decorated, value))
        code = self.program.source.code(span)
        if {(code, True), (f"{code} is None", False)} & {guard.fact for guard in place.guards}:
            value = tuple(map(_as_given, value))
        return Argument(name, span, whole, behind, value, code, positional, splatted)

    def end(self) -> Span:
        """Where a further argument would be written: at the closing parenthesis."""
        node = self.call.node
        if self.written:
            return self.program.behind(self.written[-1].behind)
        opening = self.program.behind(self.span(node.func))
        return self.program.behind(opening.behind(1))

    def span(self, node: cst.CSTNode, scope: Scope | None = None) -> Span:
        return self.program.span(node, scope or self.scope)

    # Around the call

    def names(self) -> tuple[str, ...]:
        """The names that are bound to this very call."""
        return tuple(_names_of(self.call))

    def keyword(self) -> str:
        """The keyword under which it is given to a call on the spot: `Data(train=…)`."""
        for _, arg in self.scope.root.arguments_by_name.get(None, ()):
            if arg.value is self.call.node and arg.keyword is not None:
                return arg.keyword.value
        return ""

    def given_names(self, function: Scope | None) -> tuple[str, ...]:
        """The names that calls of its function are bound to; looked for where samples are lost."""
        if function is None or "drop_last" not in self.arguments or self.call.place.guards:
            return ()
        returned = [
            case.what
            for one in function.returns
            if one.value is not None
            for case in self.resolver.value(one.value, one.place)
        ]
        if not any(
            isinstance(what, Made) and not what.part and self.is_made_here(what)
            for what in returned
        ):
            return ()
        calls = callers(self.resolver, function)
        imports, owner = self.resolver.imports, function.parent
        if imports is not None and owner is not None and owner.kind == "module":
            calls = [*calls, *(one.call for one in imports.callers(function.name))]
        return tuple(name for call in calls for name in _names_of(call))

    def framework_hook(self, owner: Scope | None, function: Scope | None) -> bool:
        """Reports whether a framework may call the method that the call stands in."""
        if owner is None or function is None or function.name not in HOOKS:
            return False
        return not PLAIN_BASES.issuperset(outer_bases(self.resolver, owner))

    def handed_to(self) -> str | None:
        """Whose the loader becomes: of accelerate, lightning or ignite."""
        for tail, taker in TAKERS.items():
            told = self.program.source.tells(f"{tail}(")
            calls = self.program.calls_named(tail) if told else ()
            if any(
                self.is_made_here(case.what)
                for call in calls
                for arg in call.node.args
                for case in self.resolver.value(arg.value, call.place)
            ):
                return taker
        return None

    def is_moved(self) -> bool:
        """Reports whether what it reads may be on a device already."""
        return any(
            is_moved(self.resolver, arg.value, self.call.place)
            for arg in self.call.node.args[:1]
            if not arg.star
        )

    def is_made_here(self, what: What) -> bool:
        """Reports whether a value is what this very call made."""
        return isinstance(what, Made) and what.where is not None and what.where[0] is self.call.node

    def given(self, name: str) -> Value:
        """What the loader is given under that name."""
        argument = self.arguments.get(name)
        return argument.value if argument is not None else NOTHING_KNOWN

    def callback(self, name: str) -> Callback | None:
        """The function that the loader is given under that name."""
        argument = self.arguments.get(name)
        if argument is None:
            return None
        for arg in self.call.node.args:
            span = self.span(arg.value)
            if span == argument.span and argument.splatted:
                return callback_among(
                    self.resolver, arg.value, self.call.place, span, argument.value
                )
            if span == argument.span and not arg.star:
                return callback(self.resolver, arg.value, self.call.place, span)
        return None


def _names_of(call: Call) -> Iterator[str]:
    """The names that are bound to what a call gives, as a whole."""
    for bindings in call.place.scope.bindings.values():
        for binding in bindings:
            if binding.value is call.node and not binding.path:
                yield binding.name


# Decorators that leave a function one
PLAIN_DECORATORS = frozenset(
    {"staticmethod", "classmethod", "abstractmethod", "override", "final", "no_grad", "wraps",
     "inference_mode", "cache", "lru_cache", "typechecked", "jit"}
)  # fmt: skip


def _as_decorated(case: Case) -> Case:
    """What it is as an argument: a function under somebody's own decorator may be anything."""
    if not isinstance(case.what, Defined) or case.what.kind != "function":
        return case
    tails = {name.rpartition(".")[2] for name in decorators(case.what.where.node)}
    return case if tails <= PLAIN_DECORATORS else Case(UNKNOWN, case.given)


def _as_given(case: Case) -> Case:
    """What it is where a condition asks for it: not the None of those who do not give it."""
    return Case(UNKNOWN, case.given) if case.what == Known(None) else case
