"""What else in a module matters to its loaders: frameworks, ranks, splits, start method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from .conditions import ways
from .model import SplitChange
from .nodes import callee_tail, dotted_name
from .resolve import Resolver
from .scopes import Place, Scope, Store
from .text import Span
from .torch_api import FRAMEWORKS
from .values import Known, Made, Symbol

_WRAPPERS = ("DistributedDataParallel", "DDP", "FullyShardedDataParallel", "FSDP", "fully_shard")
_RANK_WORDS = ("LOCAL_RANK", "local_rank", "get_rank(", "get_world_size(", "WORLD_SIZE")


@dataclass(frozen=True)
class Surroundings:
    """What a module tells besides its loaders, in the words of Module."""

    frameworks: frozenset[str]
    distributed: Span | None
    start_method: str | None
    start_method_conditional: bool
    reads_rank: bool
    torch_name: str | None
    split_changes: tuple[SplitChange, ...]


def surroundings(resolver: Resolver) -> Surroundings:
    """Read what matters to all loaders of a module."""
    program = resolver.program
    # the blocks that name them are read now
    packages = program.imported((*FRAMEWORKS, "jax", "torch"))
    if not program.source.tells("Trainer"):
        packages -= {"transformers"}  # its models and tokenizers do nothing to loaders
    start_method, conditional = _start_method(resolver)
    return Surroundings(
        frameworks=frozenset(FRAMEWORKS[name] for name in packages if name in FRAMEWORKS),
        distributed=_distributed(resolver),
        start_method=start_method,
        start_method_conditional=conditional,
        # with jax one process has all the devices of a machine
        reads_rank="jax" not in packages and any(map(program.source.tells, _RANK_WORDS)),
        torch_name=next(
            (
                binding.name
                for scope in program.roots
                for bindings in scope.bindings.values()
                for binding in bindings
                if binding.kind == "import" and binding.target == "torch"
            ),
            None,
        ),
        split_changes=tuple(_split_changes(resolver)),
    )


def _distributed(resolver: Resolver) -> Span | None:
    """Where torch.distributed is set up, or a model is wrapped for several ranks."""
    program = resolver.program
    for name in ("init_process_group", *_WRAPPERS):
        if not program.source.tells(name):
            continue
        for call in program.calls_named(name):
            for case in resolver.value(call.node.func, call.place):
                if isinstance(case.what, Symbol) and case.what.name.startswith("torch."):
                    return program.span(call.node.func, call.place.scope)
    return None


def _start_method(resolver: Resolver) -> tuple[str | None, bool]:
    """The start method that the file sets, and whether a condition decides about it."""
    if not resolver.program.source.tells("set_start_method"):
        return None, False
    for call in resolver.program.calls_named("set_start_method"):
        if call.node.args and ways(resolver, call.place):
            for case in resolver.value(call.node.args[0].value, call.place):
                if isinstance(case.what, Known) and isinstance(case.what.value, str):
                    asked = [guard.key for guard in call.place.guards if guard.test is not None]
                    return case.what.value, not all(map(_SURE_GUARD.search, asked))
    return None, False


# What says that the file runs as a script, or that no other start method is set yet.
_SURE_GUARD = re.compile(r"__name__|start_method")


def _split_changes(resolver: Resolver) -> Iterator[SplitChange]:
    """`part.dataset.attribute = …` where other parts share that dataset."""
    if not resolver.program.source.tells(".dataset."):
        return
    for scope in resolver.program.scopes():
        for store in scope.stores:
            change = _split_change(resolver, scope, store)
            if change is not None:
                yield change


def _split_change(resolver: Resolver, scope: Scope, store: Store) -> SplitChange | None:
    target = store.target
    if not isinstance(target, cst.Attribute) or not isinstance(target.value, cst.Attribute):
        return None
    if target.value.attr.value != "dataset":
        return None
    part = dotted_name(target.value.value)
    stored = _stored(resolver, scope)
    if part is None or f"{part}.dataset" in stored:
        return None
    if any(
        callee_tail(binding.value) == "deepcopy"
        for one in resolver.program.frame(scope)
        for binding in one.bindings.get(part, ())
    ):
        return None  # with a dataset of its own
    found = _part(resolver, target.value.value, store.place)
    if found is None:
        return None
    made, parent = found
    attribute = target.attr.value
    others = []
    for name in {name for one in resolver.program.frame(scope) for name in one.bindings}:
        if name == part or name.startswith("_") or name.count(".") != part.count("."):
            continue
        value = resolver.name(name, store.place) if "." not in name else ()
        if any(
            isinstance(case.what, Made) and _made_parent(resolver, case.what) == parent
            for case in value
        ):
            others.append(name)
    if not others or any(f"{name}.dataset" in stored for name in others):
        return None
    written = _code(store)
    if all(
        any(_code(one) == written for one in stored.get(f"{name}.dataset.{attribute}", ()))
        for name in others
    ):
        return None
    assert made.where is not None
    call, place = made.where[:2]
    program = resolver.program
    split = program.span(call, place.scope)
    return SplitChange(program.span(target, scope), part, attribute, tuple(sorted(others)), split)


def _stored(resolver: Resolver, scope: Scope) -> dict[str | None, list[Store]]:
    """What is assigned in a namespace, by the dotted name of its target."""
    found: dict[str | None, list[Store]] = {}
    for one in resolver.program.frame(scope):
        for store in one.stores:
            found.setdefault(dotted_name(store.target), []).append(store)
    return found


def _code(store: Store) -> str:
    return store.place.scope.tree.code(store.value) if store.value is not None else ""


def _part(resolver: Resolver, node: cst.BaseExpression, place: Place) -> tuple[Made, object] | None:
    """The part that an expression is, and what identifies the dataset it is of."""
    for case in resolver.value(node, place):
        if isinstance(case.what, Made):
            parent = _made_parent(resolver, case.what)
            if parent is not None:
                return case.what, parent
    return None


def _made_parent(resolver: Resolver, made: Made) -> object | None:
    """What identifies the dataset that a Subset or a part of random_split wraps."""
    if made.where is None:
        return None
    call, place = made.where[:2]
    is_part = made.name == "torch.utils.data.random_split" and made.part
    if not is_part and made.name != "torch.utils.data.Subset":
        return None
    if not call.args or call.args[0].star:
        return None
    for case in resolver.value(call.args[0].value, place):
        if isinstance(case.what, Made) and case.what.where is not None:
            return id(case.what.where[0])
    dotted = dotted_name(call.args[0].value)
    return (id(place.scope), dotted) if dotted is not None else id(call)
