"""Samples that torch cannot put into a batch by itself, of datasets whose loader is here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from .calls import ReadCall
from .classes import Classes
from .members import find_method, lineage, outer_bases
from .model import LoaderCall
from .nodes import (
    callee_tail,
    decorators,
    dotted_name,
    every_call,
    every_parameter,
    small_statements,
)
from .resolve import Resolver
from .scopes import Place, Scope
from .text import Span
from .torch_data_model import Uncollatable
from .trials import is_quiet
from .values import Known, Made, Symbol, Value

# Datasets that hand out the samples of another one
_PASSING = frozenset({"torch.utils.data.Subset", "torch.utils.data.random_split"})
_IMAGES = frozenset({"PIL.Image.open", "PIL.Image.new", "PIL.Image.fromarray"})
# Methods of an image that give an image
_IMAGE_METHODS = frozenset(
    {"convert", "copy", "crop", "resize", "rotate", "transpose", "filter", "quantize"}
)
_BARE = frozenset({"builtins.object", "abc.ABC", "typing.Generic"})
_LEAVING = ("exit", "abort", "fail", "raise", "throw")
# Where torch is told how to put others together, or a loader gets its collate_fn afterwards
_TOLD_LATER = re.compile(r"default_collate_fn_map\b|\.collate_fn\s*=(?!=)")
DEEPEST = 4  # samples inside samples, names that lead to names


def uncollatable_samples(
    resolver: Resolver, classes: Classes, calls: Sequence[ReadCall]
) -> tuple[Uncollatable, ...]:
    """What __getitem__ gives, in order of place, that no batch can be made of."""
    source = resolver.program.source
    # a word in a text is found much sooner than a pattern
    if source.tells("collate_fn") and source.tells(_TOLD_LATER.search):
        return ()
    found = [
        Uncollatable(span, words, one.fact, is_whole)
        for one in calls
        if _collates_by_default(one.fact)
        for method in _methods(resolver, one.fact.cases("dataset"))
        for span, words, is_whole in _faults(resolver, method)
    ]
    loaded = {id(one.fact.dataset_class) for one in calls}
    found += _of_loaders_elsewhere(resolver, classes, loaded)
    return tuple(sorted(found, key=lambda fault: (fault.span, fault.loader.span)))


def _of_loaders_elsewhere(
    resolver: Resolver, classes: Classes, loaded: set[int]
) -> Iterator[Uncollatable]:
    """The same of the datasets here whose loaders stand in other modules, not of those `loaded`."""
    scopes = [one for one in resolver.program.scopes() if one.kind == "class"]
    for scope in scopes if resolver.imports is not None else ():
        dataset = classes.of_scope(scope)
        if dataset is None or dataset.kind != "map" or id(dataset) in loaded:
            continue
        for method in _getitem(resolver, scope):
            faults = _faults(resolver, method)
            loaders = [
                one
                for one in (dataset.loaders_elsewhere if faults else ())
                if _collates_by_default(one)
                if one.dataset_class is not None and one.dataset_class.name == dataset.name
            ]
            for span, words, is_whole in faults if loaders else ():
                yield Uncollatable(span, words, loaders[0], is_whole)


def _collates_by_default(call: LoaderCall) -> bool:
    """Reports whether torch's own collate function makes the batches, and no error is expected."""
    if call.family not in ("torch", "stateful") or call.subclass or call.may_raise:
        return False
    scenarios = call.scenarios("collate_fn", "batch_size")
    return bool(scenarios) and all(
        s["collate_fn"].what == Known(None)
        and s["collate_fn"].origin is None
        and s["batch_size"].what != Known(None)
        for s in scenarios
    )


def _methods(resolver: Resolver, dataset: Value, depth: int = 0) -> Iterator[Scope]:
    """The __getitem__ of a dataset, where that is of a class of this file for sure."""
    made = dataset[0].what if len(dataset) == 1 else None
    if not isinstance(made, Made) or depth > DEEPEST:
        return
    if made.name in _PASSING and made.where is not None:
        call, place = made.where[:2]
        if call.args and not call.args[0].star:
            yield from _methods(resolver, resolver.value(call.args[0].value, place), depth + 1)
    elif isinstance(made.within, Scope) and not made.part:
        yield from _getitem(resolver, made.within)


def _getitem(resolver: Resolver, owner: Scope) -> Iterator[Scope]:
    """The __getitem__ of a class, where torch asks it for the items one by one."""
    method = find_method(resolver, owner, "__getitem__")
    batched = find_method(resolver, owner, "__getitems__")
    if method is None or batched is not None or decorators(method.node):
        return
    if isinstance(method.node, cst.FunctionDef) and method.node.asynchronous is None:
        yield method


def _faults(resolver: Resolver, method: Scope) -> list[tuple[Span, str, bool]]:
    """The places in a __getitem__, what stands there, and whether it is the whole sample."""
    reading = _Reading(resolver, method)
    return resolver.remembered("faults", method, lambda: list(reading.faults()))


class _Reading:
    """One __getitem__, while it is being read."""

    def __init__(self, resolver: Resolver, method: Scope) -> None:
        self.resolver = resolver
        self.method = method

    def faults(self) -> Iterator[tuple[Span, str, bool]]:
        """Their places, what stands there, and whether it is the whole sample."""
        method = self.method
        assert isinstance(method.node, cst.FunctionDef)
        name = self.span(method.node.name)
        if method.yields:
            yield name, "a generator", True
            return
        body = small_statements(method.node.body)
        if not method.returns and not method.raises and _ends_plainly(method, body):
            yield name, "None", True
            return
        for node, place in self.returns():
            if not self.is_chosen(place):
                yield from self.of_return(node, place)
        if method.returns:
            yield from self.of_handlers(method.node.body)

    def span(self, node: cst.CSTNode) -> Span:
        return self.resolver.program.span(node, self.method)

    def returns(self) -> Iterator[tuple[cst.Return, Place]]:
        for one in self.method.returns:
            if one.node is not None:
                yield one.node, one.place

    def is_chosen(self, place: Place) -> bool:
        """Reports whether the object's own settings, or the index, decide about a place."""
        params = self.method.parameters
        names_given = [] if params is None else [one.name.value for one in every_parameter(params)]
        me, others = self.method.first_parameter, names_given[1:]
        if me is None:
            return bool(place.guards)
        for guard in place.guards:
            names = set(re.findall(r"\w+", guard.key))
            asks_index = "len(" in guard.key or not names.isdisjoint(others)
            if guard.written if asks_index else me in names:
                return True
        return False

    def of_return(self, node: cst.Return, place: Place) -> Iterator[tuple[Span, str, bool]]:
        if node.value is None:
            yield self.span(node), "None", True
            return
        words = self.words(node.value, place)
        if words is not None:
            yield self.span(node.value), words, True
        else:
            for part in self.parts(node.value, place, 0):
                yield (*part, False)

    def parts(
        self, node: cst.BaseExpression, place: Place, depth: int
    ) -> Iterator[tuple[Span, str]]:
        """The parts of a sample that cannot be put together."""
        inner: list[cst.BaseExpression] = []
        if isinstance(node, (cst.Tuple, cst.List)):
            inner = [one.value for one in node.elements if isinstance(one, cst.Element)]
        elif isinstance(node, cst.Dict):
            inner = [one.value for one in node.elements if isinstance(one, cst.DictElement)]
        for one in inner if depth < DEEPEST else ():
            words = self.words(one, place)
            if words is not None:
                yield self.span(one), words
            else:
                yield from self.parts(one, place, depth + 1)

    def words(self, node: cst.BaseExpression, place: Place) -> str | None:
        """What an expression gives, in words, where torch cannot put that into a batch."""
        if isinstance(node, cst.Name) and node.value == "None":
            return "None"
        if isinstance(node, (cst.Set, cst.SetComp)):
            return "a set"
        if isinstance(node, cst.GeneratorExp):
            return "a generator"
        if self.is_image(node, place, 0):
            return "a PIL image"
        value = self.resolver.value(node, place)
        made = value[0].what if len(value) == 1 else None
        owner = made.within if isinstance(made, Made) and not made.part else None
        if isinstance(owner, Scope) and self.is_bare(owner):
            return f"an object of {owner.name}"
        return None

    def is_image(self, node: cst.BaseExpression, place: Place, depth: int) -> bool:
        if isinstance(node, cst.Call):
            if isinstance(node.func, cst.Attribute) and node.func.attr.value in _IMAGE_METHODS:
                return self.is_image(node.func.value, place, depth)
            value = self.resolver.value(node.func, place)
            made = [case.what for case in value]
            return len(made) == 1 and isinstance(made[0], Symbol) and made[0].name in _IMAGES
        if not isinstance(node, cst.Name) or depth >= DEEPEST:
            return False
        reaching = self.resolver.program.reaching(node.value, place) or ()
        binding = reaching[0].binding if len(reaching) == 1 and not reaching[0].given else None
        if binding is None or binding.kind != "assign" or binding.path:
            return False
        value_node = binding.value
        return isinstance(value_node, cst.BaseExpression) and self.is_image(
            value_node, binding.place, depth + 1
        )

    def is_bare(self, owner: Scope) -> bool:
        """Reports whether a class has nothing that torch knows how to put together."""
        for one in lineage(self.resolver, owner):
            if not isinstance(one.node, cst.ClassDef) or one.node.keywords:
                return False
            if not all(_makes_fields(name) for name in decorators(one.node)):
                return False
        return all(name in _BARE for name in outer_bases(self.resolver, owner))

    # Where an exception leads to the end of the method

    def of_handlers(self, body: cst.BaseSuite) -> Iterator[tuple[Span, str, bool]]:
        """The except clauses after which the method ends without a return."""
        statements = small_statements(body)
        last = statements[-1] if statements else None
        if isinstance(last, cst.With):
            yield from self.of_handlers(last.body)
        if not isinstance(last, cst.Try) or last.finalbody is not None:
            return
        for handler in last.handlers:
            if all(is_quiet(one) for one in small_statements(handler.body)):
                yield self.of_handler(handler), "None", True

    def of_handler(self, handler: cst.ExceptHandler) -> Span:
        if handler.type is not None:
            return self.span(handler.type)
        word = "except"
        at = self.resolver.program.source.text.find(word, self.span(handler).start)
        return Span(at, at + len(word))


def _ends_plainly(method: Scope, body: Sequence[cst.CSTNode]) -> bool:
    """Reports whether a method without a return makes something, and comes to its end."""
    if not isinstance(body[-1], (cst.Expr, cst.Assign, cst.AugAssign)):
        return False
    called = [call for one in body for call in every_call(one)]
    tails = [callee_tail(call) or "" for call in called]
    if any(word in tail for tail in tails for word in _LEAVING):
        return False
    modules = [(dotted_name(call.func) or "").partition(".") for call in called]
    if any(rest and head != method.first_parameter for head, _, rest in modules):
        return True
    return any(isinstance(one, (cst.Assign, cst.AugAssign)) for one in body)


def _makes_fields(decorator: str) -> bool:
    return decorator.rpartition(".")[2] in ("dataclass", "define", "frozen", "s", "attrs")
