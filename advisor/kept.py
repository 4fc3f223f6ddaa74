"""What a dataset has when its workers start: values that __init__ keeps, and shared names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import libcst as cst

from .classes_model import Kept
from .definitions import Definition
from .members import find_method, lineage, outer_bases
from .nodes import callee_tail, dotted_name
from .python_objects import records
from .reaching import Reaching
from .resolve import Resolver
from .scopes import Binding, Call, Place, Scope
from .values import Defined, Known, Made, Symbol, Value, What
from .worker_code import Reached, calls_in

CONTAINERS = (
    "torchvision.transforms.", "functools.partial", "albumentations.", "monai.transforms.",
)  # fmt: skip


def kept_values(resolver: Resolver, owner: Scope, worker: Reached) -> list[Kept]:
    """What is there before workers start and that their code can reach."""
    found = [*_of_the_object(resolver, owner), *_of_the_class(resolver, owner)]
    found += [part for kept in found for part in _of_parts(resolver, kept, worker)]
    inside = [call for kept in found for call in _calls_of_kept(kept, worker)]
    found += _of_the_module(resolver, [*worker.calls(), *inside], makers_of(resolver, owner))
    return found


# self.attribute = …


def _of_the_object(resolver: Resolver, owner: Scope) -> Iterator[Kept]:
    makers = makers_of(resolver, owner)
    closing = {
        id(made)
        for scope in makers
        for call in scope.calls
        if isinstance(call.node.func, cst.Attribute) and call.node.func.attr.value == "close"
        for made in _makings(resolver.value(call.node.func.value, call.place))
    }
    for scope in makers:
        assert scope.end is not None
        prefix = f"{scope.first_parameter}."
        for name in list(scope.bindings):
            attribute = name[len(prefix) :]
            if not name.startswith(prefix) or "." in attribute:
                continue
            for reaching in resolver.program.reaching(name, scope.end) or ():
                kept = _kept(resolver, attribute, reaching, closing, makers)
                if kept is not None:
                    yield kept


def makers_of(resolver: Resolver, owner: Scope) -> list[Scope]:
    """The methods that run while an object is made."""
    first = find_method(resolver, owner, "__init__")
    found = [first] if first is not None else []
    for scope in found:
        me = f"{scope.first_parameter}."
        for call in scope.calls:
            dotted = dotted_name(call.node.func) or ""
            method = None
            if dotted.startswith(me):
                method = find_method(resolver, owner, dotted[len(me) :])
            elif callee_tail(call.node) == "__init__" and scope.parent is not None:
                line = lineage(resolver, owner)
                later = line[line.index(scope.parent) + 1 :] if scope.parent in line else []
                above = (base.functions().get("__init__") for base in later)
                method = next((one for one in above if one is not None), None)
            if method is not None and method not in found:
                found.append(method)
    return found


def _kept(
    resolver: Resolver,
    attribute: str,
    reaching: Reaching,
    closing: set[int],
    makers: list[Scope],
) -> Kept | None:
    binding = reaching.binding
    node = binding.value
    if binding.kind not in ("assign", "context") or not isinstance(node, cst.BaseExpression):
        return None
    place = binding.place
    value = resolver.bound(binding)
    made = _makings(value)
    inside = any(context is one for context in place.contexts for one in made)
    inner = _lambda_inside(resolver, node, place) or _lambda_of(value)
    return Kept(
        attribute=attribute,
        what=_whats(value),
        find_span=resolver.program.finding(node, place.scope),
        closed=inside or any(id(one) in closing for one in made),
        conditional=bool(reaching.given),
        handed_in=any(case.via for case in value) or any(case.origin for case in value),
        local=_all_local(value),
        find_lambda=None if inner is None else resolver.program.finding(*inner),
        records=None if binding.path else records(resolver, binding, makers),
    )


def _whats(value: Value) -> tuple[What, ...]:
    return tuple(
        # torch.manual_seed gives torch's own generator, which every worker seeds anew
        replace(case.what, name="torch.default_generator")
        if isinstance(case.what, Made)
        and case.what.name == "torch.Generator"
        and case.what.where
        and dotted_name(case.what.where[0].func) in ("torch.manual_seed", "manual_seed")
        else case.what
        for case in value
    )


def _makings(value: Value) -> list[cst.CSTNode]:
    """The calls that made a value."""
    return [c.what.where[0] for c in value if isinstance(c.what, Made) and c.what.where]


def _all_local(value: Value) -> bool:
    """Reports whether it is such a function wherever it is not None."""
    others = [case.what for case in value if case.what != Known(None)]
    return bool(others) and all(map(_is_local, others))


def _lambda_of(value: Value) -> tuple[cst.CSTNode, Scope] | None:
    for case in value:
        if isinstance(case.what, Defined) and case.what.kind == "lambda":
            return case.what.where.node, case.what.where
    return None


def _is_local(what: object) -> bool:
    """Reports whether pickle cannot find a function or class by its name."""
    if not isinstance(what, Defined) or what.bound:
        return False
    scope = what.where
    if what.kind == "lambda":
        return True
    parent = scope.parent if isinstance(scope, Scope) else None
    while parent is not None and parent.kind == "class":
        parent = parent.parent
    return parent is not None and parent.kind == "function"


def _lambda_inside(
    resolver: Resolver, node: cst.CSTNode, place: Place
) -> tuple[cst.CSTNode, Scope] | None:
    """A lambda that is kept within a list or a composition of transforms."""
    if isinstance(node, cst.Lambda):
        return node, place.scope
    parts: list[cst.CSTNode] = []
    if isinstance(node, (cst.List, cst.Tuple, cst.Dict)):
        parts = [getattr(e, "value", e) for e in node.elements]
    elif isinstance(node, cst.Call) and node.args:
        value = resolver.value(node.func, place)
        if all(isinstance(c.what, Symbol) and c.what.name.startswith(CONTAINERS) for c in value):
            parts = [arg.value for arg in node.args]
    for part in parts:
        found = _lambda_inside(resolver, part, place)
        if found is not None:
            return found
    return None


def _of_parts(resolver: Resolver, kept: Kept, worker: Reached) -> Iterator[Kept]:
    """What an object of another class keeps and uses in workers: a transform's generator."""
    what = kept.what[0] if len(kept.what) == 1 else None
    if kept.holder != "object" or not isinstance(what, Made) or what.part:
        return
    if kept.attribute not in worker.attributes() - worker.rebound():
        return
    there, inner = resolver, what.within
    if isinstance(inner, Definition):
        there, inner = inner.module.resolver, inner.scope
    if not isinstance(inner, Scope):
        return
    bases = outer_bases(there, inner)
    if any(base is None or base.startswith("torch.utils.data.") for base in bases):
        return
    for part in drawn_on(there, inner, {"__call__", *worker.names()} - {"__init__"}):
        part = replace(part, attribute=f"{kept.attribute}.{part.attribute}", holder="part")
        if there is not resolver:  # its places are in another text
            part = replace(part, find_span=kept.find_span, find_lambda=None)
        yield part


def drawn_on(resolver: Resolver, owner: Scope, entries: Iterable[str]) -> Iterator[Kept]:
    """What objects of a class keep, and use unchanged in these methods, however they were made."""
    used = Reached(resolver, owner, sorted({*entries} & owner.functions().keys()))
    unchanged = used.attributes() - used.rebound() - used.reseeded()
    for kept in _of_the_object(resolver, owner):
        if kept.attribute in unchanged and _is_called_anyway(used, kept.attribute):
            yield kept


def _is_called_anyway(used: Reached, attribute: str) -> bool:
    """Reports whether methods of it may be called whatever else the object keeps.

    Not where all calls stand under conditions on that: `if self.mode == "random":`.
    """
    calls = [
        (call, scope.first_parameter)
        for scope in used.methods
        for call in calls_in(scope)
        if (dotted_name(call.node.func) or "").startswith(f"{scope.first_parameter}.{attribute}.")
    ]
    return not calls or any(
        not any(f"{me}." in guard.key for guard in call.place.guards) for call, me in calls
    )


# Names in the class body, and names at the left margin that worker code uses


def _of_the_class(resolver: Resolver, owner: Scope) -> Iterator[Kept]:
    for base in lineage(resolver, owner):
        for name, bindings in base.bindings.items():
            binding = bindings[-1]
            if binding.kind == "assign" and isinstance(binding.value, cst.Call):
                yield _shared(resolver, name, binding, "class")


def _calls_of_kept(kept: Kept, worker: Reached) -> Iterator[Call]:
    """The calls in a function that is kept, and that worker code calls."""
    if kept.holder == "object" and kept.attribute in worker.attributes():
        for what in kept.what:
            if isinstance(what, Defined) and what.kind in ("function", "lambda"):
                yield from calls_in(what.where)


def _of_the_module(
    resolver: Resolver, worker_calls: Iterable[Call], makers: list[Scope]
) -> Iterator[Kept]:
    """The names at the left margin, or of a function that makes the object, in worker code."""
    closed = {dotted_name(call.node.func) for scope in makers for call in scope.calls}
    seen: set[str] = set()
    for call in worker_calls:
        func = call.node.func
        if not isinstance(func, cst.Attribute) or not isinstance(func.value, cst.Name):
            continue
        name = func.value.value
        if name in seen:
            continue
        seen.add(name)
        for reaching in resolver.program.reaching(name, call.place) or ():
            binding = reaching.binding
            scope = binding.place.scope
            outside = scope.kind == "module" or (scope in makers and f"{name}.close" not in closed)
            if outside and binding.kind == "assign" and isinstance(binding.value, cst.Call):
                yield _shared(resolver, name, binding, "module")


def _shared(resolver: Resolver, name: str, binding: Binding, holder: str) -> Kept:
    value = binding.value
    assert value is not None
    return Kept(
        attribute=name,
        what=_whats(resolver.bound(binding)),
        find_span=resolver.program.finding(value, binding.place.scope),
        holder=holder,
    )
