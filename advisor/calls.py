"""Loader constructions: which class is called, and what each parameter receives."""

from __future__ import annotations

import re
from dataclasses import dataclass

import libcst as cst

from .callbacks import callback, callback_among
from .classes import Classes
from .classes_model import Callback
from .conditions import ways
from .dictionaries import entries_of, entries_of_value
from .members import lineage, outer_bases
from .model import Argument, DatasetUse, LoaderCall
from .nodes import callee_tail, dotted_name
from .pieces import elements
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .text import Span
from .torch_api import (
    DEFAULTS,
    ITERABLE_DATASETS,
    LOADER,
    LOADERS,
    MAP_DATASETS,
    MONAI_LOADERS,
    PYG_LOADER,
    STATEFUL_LOADER,
)
from .values import UNKNOWN, Absent, Case, Defined, Group, Known, Made, Symbol, Value, What

# Methods that a framework calls to get its loaders: it then moves the batches itself.
HOOKS = frozenset(
    f"{prefix}{kind}_dataloader{suffix}"
    for prefix in ("", "get_")
    for kind in ("train", "val", "valid", "test", "predict", "eval")
    for suffix in ("", "s")
)
# Calls that take over the loaders given to them, and whose they are.
TAKERS = {
    "prepare": "accelerate",
    "prepare_data_loader": "accelerate",
    "setup_dataloaders": "lightning",
    "fit": "lightning",
    "auto_dataloader": "ignite",
    "skip_first_batches": "accelerate",
}
ERRORS_OF_THE_CONSTRUCTOR = frozenset({"TypeError", "ValueError", "AssertionError"})
EXPECTING = frozenset({"raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp",
                       "suppress"})  # fmt: skip


@dataclass(frozen=True, eq=False)
class ReadCall:
    """A construction with the call it was read from."""

    call: Call
    fact: LoaderCall


def loader_calls(resolver: Resolver, classes: Classes) -> list[ReadCall]:
    """Every construction of a loader whose class is known, in order of place."""
    names = _candidates(resolver)
    aliases = names - {name.rpartition(".")[2] for name in LOADERS}
    if aliases:
        resolver.program.read_where(rf"\b(?:{'|'.join(map(re.escape, sorted(aliases)))})\s*\(")
    found = []
    for scope in resolver.program.scopes():
        for call in scope.calls:
            if callee_tail(call.node) in names and not _error_expected(call.place):
                read = _Reading(resolver, classes, call).fact()
                if read is not None:
                    found.append(ReadCall(call, read))
    found.sort(key=lambda one: one.fact.span)
    return found


def _candidates(resolver: Resolver) -> frozenset[str]:
    """The names under which a loader class can be called in this file."""
    names = {name.rpartition(".")[2] for name in LOADERS}
    grown = True
    while grown:
        grown = False
        for scope in resolver.program.scopes():
            for bindings in scope.bindings.values():
                for binding in bindings:
                    tail = binding.name.rpartition(".")[2]
                    if tail not in names and _leads_to(
                        binding.value, binding.target, binding.defined, names
                    ):
                        names.add(tail)
                        grown = True
    return frozenset(names)


def _leads_to(
    value: cst.CSTNode | None, target: str, defined: Scope | None, names: set[str]
) -> bool:
    if target:
        return target.rpartition(".")[2] in names
    if defined is not None and isinstance(defined.node, cst.ClassDef):
        return any(_leads_to(base.value, "", None, names) for base in defined.node.bases)
    if isinstance(value, cst.IfExp):
        return _leads_to(value.body, "", None, names) or _leads_to(value.orelse, "", None, names)
    if isinstance(value, cst.Call) and callee_tail(value) == "partial" and value.args:
        return _leads_to(value.args[0].value, "", None, names)
    dotted = dotted_name(value)
    return dotted is not None and dotted.rpartition(".")[2] in names


def _error_expected(place: Place) -> bool:
    """Reports whether the code expects the constructor to raise here."""
    if any(callee_tail(context) in EXPECTING for context in place.contexts):
        return True
    for trial in place.trials:
        for handler in trial.node.handlers:
            kinds = [handler.type]
            if isinstance(handler.type, cst.Tuple):
                kinds = [element.value for element in handler.type.elements]
            if any(dotted_name(kind) in ERRORS_OF_THE_CONSTRUCTOR for kind in kinds):
                return True
    return False


@dataclass
class _Class:
    """The class that is called: its family, its parameters, and partial's arguments."""

    family: str
    name: str
    positional: tuple[str, ...]
    added: frozenset[str]
    subclass: bool = False
    partial: tuple[cst.Call, Place] | None = None


class _Reading:
    """One call, while it is being read."""

    def __init__(self, resolver: Resolver, classes: Classes, call: Call) -> None:
        self.resolver = resolver
        self.classes = classes
        self.call = call
        self.scope = call.place.scope
        self.text = resolver.program.source.text
        self.arguments: dict[str, Argument] = {}
        self.written: list[Argument] = []
        self.unknown: list[Argument] = []
        self.repeated: list[Argument] = []
        self.surplus: list[Argument] = []
        self.hidden = False

    def fact(self) -> LoaderCall | None:
        kind = self.kind()
        if kind is None:
            return None
        if kind.partial is not None:
            self.partial(kind)
        self.bind(self.call.node, self.call.place, kind)
        place = self.call.place
        function = _enclosing(self.scope, "function")
        owner = _enclosing(self.scope, "class")
        dataset = self.dataset()
        span = self.span(self.call.node)
        return LoaderCall(
            family=kind.family,
            class_name=kind.name,
            span=span,
            callee=self.span(self.call.node.func),
            closing=self.closing(),
            written=tuple(self.written),
            arguments=self.arguments,
            hidden=self.hidden,
            ways=tuple(ways(self.resolver, place)),
            unknown_keywords=tuple(self.unknown),
            repeated=tuple(self.repeated),
            surplus=tuple(self.surplus),
            names=self.names(),
            function=function.name if function else None,
            in_class=owner.name if owner else None,
            framework_hook=owner is not None and function is not None and function.name in HOOKS,
            handed_to=self.handed_to(),
            subclass=kind.subclass,
            dataset_class=self.classes.of(dataset),
            inner_classes=tuple(self.classes.inside(dataset)),
            dataset_kind=dataset_kind(self.resolver, self.classes, dataset),
            in_memory=in_memory(self.resolver, dataset),
            dataset_form=dataset_form(self.resolver, dataset),
            collate=self.callback("collate_fn"),
            worker_init=self.callback("worker_init_fn"),
        )

    # The class

    def kind(self) -> _Class | None:
        kinds = [
            self.kind_of(case) for case in self.resolver.value(self.call.node.func, self.call.place)
        ]
        if not kinds or None in kinds:
            return None
        first = kinds[0]
        assert first is not None
        if any(one is not None and one.positional != first.positional for one in kinds):
            return None
        if any(one is not None and one.subclass for one in kinds):
            first.subclass = True
        return first

    def kind_of(self, case: Case) -> _Class | None:
        what = case.what
        if isinstance(what, Symbol) and what.name in LOADERS:
            positional, added = LOADERS[what.name]
            return _Class(_family(what.name), what.name.rpartition(".")[2], positional, added)
        if isinstance(what, Defined) and what.kind == "class":
            return self.subclass(what.where)
        if isinstance(what, Made) and what.name == "functools.partial" and what.where:
            made, at = what.where[:2]
            if made.args:
                for inner in self.resolver.value(made.args[0].value, at):
                    kind = self.kind_of(inner)
                    if kind is not None and kind.partial is None:
                        kind.partial = (made, at)
                        return kind
        return None

    def subclass(self, scope: Scope) -> _Class | None:
        """A class of this file, if it hands all its arguments to a loader class."""
        bases = outer_bases(self.resolver, scope)
        loaders = [base for base in bases if base in LOADERS]
        if len(loaders) != 1 or None in bases or loaders[0] is None:
            return None
        for one in lineage(self.resolver, scope):
            init = one.functions().get("__init__")
            if init is not None and not _forwards_everything(init):
                return None
        positional, added = LOADERS[loaders[0]]
        return _Class(_family(loaders[0]), scope.name, positional, added, subclass=True)

    # The arguments

    def partial(self, kind: _Class) -> None:
        assert kind.partial is not None
        made, at = kind.partial
        for arg in made.args[1:]:
            if arg.star == "**":
                self.splat(arg, at, {"dataset", *DEFAULTS, *kind.added, *kind.positional})
            elif arg.star:
                self.hidden = True
            elif arg.keyword is not None:
                argument = self.read(arg, arg.keyword.value, at, splatted=True)
                self.arguments[argument.name] = argument
            else:
                kind.positional = kind.positional[1:]
                argument = self.read(arg, "dataset", at, splatted=True)
                self.arguments[argument.name] = argument

    def bind(self, node: cst.Call, place: Place, kind: _Class) -> None:
        position = 0
        known_names = {"dataset", *DEFAULTS, *kind.added, *kind.positional}
        given: set[str] = set()
        for arg in node.args:
            if arg.star == "**":
                self.splat(arg, place, known_names)
            elif arg.star:
                self.hidden = True
                self.written.append(self.read(arg, "*", place, splatted=True))
            elif arg.keyword is not None:
                argument = self.read(arg, arg.keyword.value, place)
                self.written.append(argument)
                if argument.name in given:
                    self.repeated.append(argument)
                elif argument.name not in known_names:
                    self.unknown.append(argument)
                else:
                    self.arguments[argument.name] = argument
                    given.add(argument.name)
            else:
                name = kind.positional[position] if position < len(kind.positional) else ""
                argument = self.read(arg, name, place, positional=True)
                self.written.append(argument)
                position += 1
                if name and not self.hidden:
                    self.arguments[name] = argument
                    given.add(name)
                elif not name:
                    self.surplus.append(argument)

    def splat(self, arg: cst.Arg, place: Place, known_names: set[str]) -> None:
        whole = self.read(arg, "**", place, splatted=True)
        if arg in self.call.node.args:
            self.written.append(whole)
        entries = entries_of(self.resolver, arg.value, place)
        if entries is None:
            self.hidden = True
            return
        self.hidden = self.hidden or entries.open
        for name, cases in entries.keys.items():
            cases = [Case(c.what, c.given, c.origin, c.via) for c in cases]
            argument = Argument(
                name, whole.span, whole.whole, whole.after, tuple(cases), whole.code, splatted=True
            )
            certain = not entries.open and not any(isinstance(c.what, Absent) for c in cases)
            if name not in known_names:
                if certain:
                    self.unknown.append(argument)
            elif name not in self.arguments:
                self.arguments[name] = argument
            elif certain and arg in self.call.node.args and self.arguments[name] in self.written:
                self.repeated.append(argument)

    def read(
        self, arg: cst.Arg, name: str, place: Place, *, positional: bool = False,
        splatted: bool = False,
    ) -> Argument:  # fmt: skip
        span = self.span(arg.value, place.scope)
        whole = Span(self.span(arg, place.scope).start, span.end)
        after = whole.end
        if isinstance(arg.comma, cst.Comma):
            after = next_code(self.text, whole.end) + 1
        value: Value = (Case(UNKNOWN),)
        if not arg.star:
            value = self.resolver.value(arg.value, place)
        code = self.text[span.start : span.end]
        return Argument(name, span, whole, after, value, code, positional, splatted)

    def closing(self) -> int:
        node = self.call.node
        if node.args:
            return next_code(self.text, self.written[-1].after if self.written else 0)
        opening = self.text.index("(", self.span(node.func).end)
        return next_code(self.text, opening + 1)

    def span(self, node: cst.CSTNode, scope: Scope | None = None) -> Span:
        return self.resolver.program.span(node, scope or self.scope)

    # Around the call

    def names(self) -> tuple[str, ...]:
        return tuple(
            binding.name
            for bindings in self.scope.bindings.values()
            for binding in bindings
            if binding.value is self.call.node and not binding.path
        )

    def handed_to(self) -> str | None:
        program = self.resolver.program
        for tail, taker in TAKERS.items():
            if f"{tail}(" not in self.text:
                continue
            for call in program.calls_named(tail):
                for arg in call.node.args:
                    for case in self.resolver.value(arg.value, call.place):
                        if isinstance(case.what, Made) and is_call(case.what, self.call.node):
                            return taker
        return None

    def dataset(self) -> Value:
        argument = self.arguments.get("dataset")
        return argument.value if argument is not None else (Case(UNKNOWN),)

    def callback(self, name: str) -> Callback | None:
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


def dataset_kind(resolver: Resolver, classes: Classes, value: Value) -> str | None:
    """map or iterable, where every case agrees."""
    kinds = set()
    for case in value:
        kind = None
        fact = classes.of((case,))
        if fact is not None:
            kind = fact.kind
        elif isinstance(case.what, Made):
            name = case.what.name
            if name in MAP_DATASETS or name in ("torch.utils.data.random_split",):
                kind = "map"
            elif name in ITERABLE_DATASETS:
                kind = "iterable"
            elif name in ("datasets.load_dataset",) and case.what.where is not None:
                kind = _load_dataset_kind(case.what.where[0])
            elif name.startswith("torchvision.datasets."):
                kind = "map"
        kinds.add(kind)
    return kinds.pop() if len(kinds) == 1 else None


def dataset_form(resolver: Resolver, value: Value) -> str | None:
    """columns, mapping, or None for what is neither."""
    forms = {_form(resolver, case) for case in value}
    return forms.pop() if len(forms) == 1 else None


def _form(resolver: Resolver, case: Case) -> str | None:
    what = case.what
    if isinstance(what, Group) and what.where is not None:
        node, place = what.where
        if isinstance(node, cst.Tuple) and len(node.elements) > 1:
            parts = [resolver.value(element.value, place) for element in node.elements]
            if all(_is_array(one.what) for part in parts for one in part):
                return "columns"
        entries = entries_of_value(resolver, (case,)) if what.kind == "dict" else None
        if entries is not None and not entries.open and isinstance(node, cst.Dict):
            keys = [
                resolver.value(one.key, place)
                for one in node.elements
                if isinstance(one, cst.DictElement)
            ]
            if keys and all(_is_text(one.what) for key in keys for one in key):
                return "mapping"
    return None


def _is_array(what: What) -> bool:
    return (
        isinstance(what, Made)
        and not what.part
        and (what.name in TENSOR_MAKERS or what.name in ARRAY_MAKERS)
    )


def _is_text(what: What) -> bool:
    return isinstance(what, Known) and isinstance(what.value, str)


# The parameter that takes the dataset, by the class or function of torch.utils.data.
DATASET_TAKERS = {
    "RandomSampler": "data_source",
    "DistributedSampler": "dataset",
    "random_split": "dataset",
    "Subset": "dataset",
    "ConcatDataset": "datasets",
}


def dataset_uses(resolver: Resolver, classes: Classes) -> list[DatasetUse]:
    """Every dataset handed to one of DATASET_TAKERS, in order of place."""
    found = []
    for taker, parameter in DATASET_TAKERS.items():
        for call in resolver.program.calls_named(taker):
            value = resolver.value(call.node.func, call.place)
            if [case.what for case in value] != [Symbol(f"torch.utils.data.{taker}")]:
                continue
            if _error_expected(call.place):
                continue
            for arg in call.node.args:
                if arg.star or (arg.keyword is not None and arg.keyword.value != parameter):
                    continue
                given = resolver.value(arg.value, call.place)
                if taker == "ConcatDataset":
                    given = elements(resolver, given)
                kind = dataset_kind(resolver, classes, given)
                span = resolver.program.span(arg.value, call.place.scope)
                found.append(DatasetUse(taker, span, classes.of(given), kind))
                break
    return sorted(found, key=lambda use: use.span)


def _load_dataset_kind(call: cst.Call) -> str | None:
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == "streaming":
            if isinstance(arg.value, cst.Name) and arg.value.value == "True":
                return "iterable"
            return None
    return None


def in_memory(resolver: Resolver, value: Value, depth: int = 0) -> bool:
    """Reports whether the dataset hands out rows of tensors that are in memory."""
    if depth > 4 or not value:
        return False
    return all(_one_in_memory(resolver, case, depth) for case in value)


def _one_in_memory(resolver: Resolver, case: Case, depth: int) -> bool:
    what = case.what
    if not isinstance(what, Made) or what.where is None or what.within is not None:
        return False
    call, place = what.where[:2]
    if what.name == "torch.utils.data.TensorDataset":
        return not any(arg.star for arg in call.args)
    if what.name in ("torch.utils.data.Subset", "torch.utils.data.random_split") and call.args:
        return in_memory(resolver, resolver.value(call.args[0].value, place), depth + 1)
    return what.name in TENSOR_MAKERS and not what.part


TENSOR_MAKERS = frozenset(
    f"torch.{name}"
    for name in ("arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn",
                 "tensor", "zeros", "from_numpy")
)  # fmt: skip


ARRAY_MAKERS = frozenset(
    f"numpy.{name}"
    for name in ("arange", "array", "asarray", "empty", "full", "linspace", "load", "loadtxt",
                 "ones", "zeros")
)  # fmt: skip


def is_call(what: Made, node: cst.Call) -> bool:
    """Reports whether a value is what that very call made."""
    return what.where is not None and what.where[0] is node


def next_code(text: str, at: int) -> int:
    """The offset of the first character from `at` that is no blank, comment or continuation."""
    while at < len(text):
        char = text[at]
        if char == "#":
            while at < len(text) and text[at] not in "\r\n":
                at += 1
        elif char.isspace() or char == "\\":
            at += 1
        else:
            return at
    return at


def _family(name: str) -> str:
    if name == LOADER:
        return "torch"
    if name == STATEFUL_LOADER:
        return "stateful"
    if name == PYG_LOADER:
        return "pyg"
    assert name in MONAI_LOADERS
    return "monai"


def _enclosing(scope: Scope, kind: str) -> Scope | None:
    one: Scope | None = scope
    while one is not None and one.kind != kind:
        one = one.parent
    return one


def _forwards_everything(init: Scope) -> bool:
    """Reports whether __init__ hands *args and **kwargs on as they came."""
    params = init.parameters
    assert params is not None
    if not isinstance(params.star_arg, cst.Param) or params.star_kwarg is None:
        return False
    if len([*params.posonly_params, *params.params]) != 1 or params.kwonly_params:
        return False
    star, kwargs = params.star_arg.name.value, params.star_kwarg.name.value
    for store in init.stores:
        if dotted_name(store.target.value) == kwargs:
            return False
    for call in init.calls:
        func = call.node.func
        if isinstance(func, cst.Attribute) and dotted_name(func.value) == kwargs:
            return False
        if isinstance(func, cst.Attribute) and func.attr.value == "__init__":
            given = [(arg.star, dotted_name(arg.value)) for arg in call.node.args]
            if given != [("*", star), ("**", kwargs)]:
                return False
    return True
