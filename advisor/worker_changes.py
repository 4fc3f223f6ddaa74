"""What worker code writes into containers and counters of the dataset that outlive the call."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .classes_model import WorkerChange
from .members import assignments
from .mentions import mentions_of_attribute
from .nodes import children, dotted_name
from .resolve import Resolver
from .scopes import Place, Scope
from .values import Defined, Group, Known, Made
from .worker_code import Reached, calls_in

_ADDING = frozenset({"append", "add", "extend", "appendleft"})
_CONTAINERS = frozenset(
    {"builtins.dict", "builtins.list", "builtins.set", "collections.OrderedDict",
     "collections.defaultdict", "collections.deque", "collections.Counter"}
)  # fmt: skip


def worker_changes(resolver: Resolver, owner: Scope, reached: Reached) -> tuple[WorkerChange, ...]:
    """The writes of worker code into plain containers and counters that __init__ makes."""
    found: dict[str, WorkerChange] = {}
    for name, kind, node, scope in _writes(reached):
        if name in found or not _is_plain(resolver, owner, reached, name):
            continue
        inside = {id(one) for method in reached.methods for one in method.everything()}
        found[name] = WorkerChange(
            attribute=name,
            span=resolver.program.span(node, scope),
            cached=kind == "item"
            and _by_sample(node, scope)
            and _is_cache(resolver, owner, reached, name),
            read_span=next(
                (
                    resolver.program.span(node, place.scope)
                    for node, place in _reads(resolver, owner, inside, name)
                ),
                None,
            ),
        )
    return tuple(found.values())


def _writes(reached: Reached) -> Iterator[tuple[str, str, cst.CSTNode, Scope]]:
    """Each write: the attribute, its kind (item, added, counted), its node and its function."""
    for method in reached.methods:
        me = f"{method.first_parameter}."
        for scope in method.everything():
            for store in scope.stores:
                target = store.target
                name = dotted_name(target.value) if isinstance(target, cst.Subscript) else None
                if name is not None and name.startswith(me) and name.count(".") == 1:
                    yield name[len(me) :], "item", target, scope
            for bindings in scope.bindings.values():
                for binding in bindings:
                    statement = binding.value
                    if (
                        binding.kind == "augment"
                        and binding.name.startswith(me)
                        and isinstance(statement, cst.AugAssign)
                    ):
                        yield binding.name[len(me) :], "counted", statement.target, scope
        for call in calls_in(method):
            func = call.node.func
            if isinstance(func, cst.Attribute) and func.attr.value in _ADDING:
                name = dotted_name(func.value)
                if name is not None and name.startswith(me) and name.count(".") == 1:
                    yield name[len(me) :], "added", call.node, call.place.scope


def _is_plain(resolver: Resolver, owner: Scope, reached: Reached, name: str) -> bool:
    """Reports whether __init__ alone makes it, as an empty container or a number."""
    made = [one for one in assignments(resolver, owner, name) if one.kind != "augment"]
    worker = {id(scope) for method in reached.methods for scope in method.everything()}
    if not made or any(id(one.place.scope) in worker or one.path for one in made):
        return False
    if not any(one.place.scope.name == "__init__" for one in made):
        return False
    for one in made:
        value = one.value
        if isinstance(value, cst.BinaryOperation):  # [None] * n
            value = value.left
        for case in resolver.value(value, one.place):
            what = case.what
            plain = (
                (isinstance(what, Group) and what.kind in ("dict", "list", "set"))
                or (isinstance(what, Made) and what.name in _CONTAINERS and not what.part)
                or (isinstance(what, Known) and type(what.value) in (int, float))
            )
            if not plain:
                return False
    return True


def _by_sample(node: cst.CSTNode, scope: Scope) -> bool:
    """Reports whether the key is the index that __getitem__ is asked for."""
    if (
        scope.name != "__getitem__"
        or scope.parameters is None
        or not isinstance(node, cst.Subscript)
    ):
        return False
    asked = [one.name.value for one in scope.parameters.params[1:2]]
    index = node.slice[0].slice
    return isinstance(index, cst.Index) and dotted_name(index.value) in asked


def _is_cache(resolver: Resolver, owner: Scope, reached: Reached, name: str) -> bool:
    """Reports whether it starts empty and worker code looks into it before it computes."""
    for one in assignments(resolver, owner, name):
        value = one.value
        if isinstance(value, cst.BinaryOperation) and isinstance(value.left, cst.List):
            value = value.left
            if len(value.elements) != 1 or dotted_name(value.elements[0].value) != "None":
                return False
        elif isinstance(value, (cst.Dict, cst.List)):
            if value.elements:
                return False
        elif not isinstance(value, cst.Call) or value.args:
            return False
    return any(
        _looks(method.node, f"{method.first_parameter}.{name}") for method in reached.methods
    )


def _looks(node: cst.CSTNode, name: str) -> bool:
    """Reports whether something asks if a key is there, or what it leads to."""
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        target = node.comparisons[0]
        asked = isinstance(target.operator, (cst.In, cst.NotIn))
        if asked and dotted_name(target.comparator) == name:
            return True
        left = node.left
        if isinstance(target.operator, (cst.Is, cst.IsNot)) and isinstance(left, cst.Subscript):
            return dotted_name(left.value) == name
    if isinstance(node, cst.Call) and dotted_name(node.func) == f"{name}.get":
        return True
    return any(_looks(child, name) for child in children(node))


def _reads(
    resolver: Resolver, owner: Scope, inside: set[int], name: str
) -> Iterator[tuple[cst.CSTNode, Place]]:
    """Where code of the main process reads an attribute of an object of the class."""
    for mention in mentions_of_attribute(resolver.program, name):
        node = mention.node
        if not isinstance(node, cst.Attribute) or _is_written(mention.parent, node):
            continue
        place = _place_of(mention.root, node)
        if place is None or id(place.scope) in inside or place.scope.name == "__init__":
            continue
        for case in resolver.value(node.value, place):
            what = case.what
            if not isinstance(what, Made) or what.within is not owner or what.part:
                continue
            if place.scope.enclosing("class") is not owner or _is_called(resolver, place.scope):
                yield node, place


def _is_written(parent: cst.CSTNode, node: cst.Attribute) -> bool:
    """Reports whether the attribute is only assigned, cleared or added to."""
    if isinstance(parent, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del)):
        return parent.target is node if not isinstance(parent, cst.Del) else True
    return isinstance(parent, cst.Attribute) and parent.attr.value in (*_ADDING, "clear", "update")


def _place_of(root: Scope, node: cst.CSTNode) -> Place | None:
    """The end of the innermost function that a node stands in."""
    best: Scope | None = None
    for scope in root.everything():
        if scope.kind in ("function", "module") and _holds(scope.node, node):
            best = scope
    return best.end if best is not None else None


def _holds(top: cst.CSTNode, node: cst.CSTNode) -> bool:
    pending = [top]
    while pending:
        one = pending.pop()
        if one is node:
            return True
        pending += children(one)
    return False


def _is_called(resolver: Resolver, scope: Scope) -> bool:
    """Reports whether code outside its class calls the method."""
    method = scope.enclosing("function")
    return method is not None and any(
        isinstance(case.what, Defined) and case.what.where is method
        for call in resolver.program.calls_named(method.name)
        if call.place.scope.enclosing("class") is not method.parent
        for case in resolver.value(call.node.func, call.place)
    )
