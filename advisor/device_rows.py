"""Datasets whose samples are on a GPU before a loader reads them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .classes_model import DeviceCall
from .copies import NO_DEVICE, device_of
from .devices import device_argument, device_calls
from .members import assignments
from .nodes import dotted_name
from .resolve import Resolver
from .scopes import Call, Place, Scope
from .values import Made, Value

DEEPEST = 4  # names that lead to names
# Methods whose result is on the device of their tensor
_STAYING = frozenset(
    {"float", "long", "half", "double", "int", "bool", "view", "reshape", "squeeze", "unsqueeze",
     "permute", "transpose", "contiguous", "flatten", "detach", "clone", "requires_grad_", "t"}
)  # fmt: skip


def device_rows(resolver: Resolver, dataset: Value) -> DeviceCall | None:
    """What puts the samples of a dataset on a GPU, surely or where there is one."""
    made = dataset[0].what if len(dataset) == 1 else None
    if not isinstance(made, Made) or made.part or made.where is None:
        return None
    if made.name == "torch.utils.data.TensorDataset":
        call, place = made.where[:2]
        tensors = [(arg.value, place) for arg in call.args if not arg.star]
    elif isinstance(made.within, Scope):
        tensors = _kept(resolver, made.within)
    else:
        return None
    found = (one for node, place in tensors for one in _on_gpu(resolver, node, place, 0))
    return next(found, None)


def is_moved(resolver: Resolver, node: cst.BaseExpression, place: Place) -> bool:
    """Reports whether what a loader reads may be on a device: `data = data.to(device)` before."""
    name, program = dotted_name(node), resolver.program
    here = program.in_order(place)
    return name is not None and any(
        isinstance(call.node.func, cst.Attribute)
        and call.node.func.attr.value in ("to", "cuda")
        and dotted_name(call.node.func.value) == name
        and program.in_order(call.place) < here
        and not _only_converts(resolver, call)
        for scope in program.frame(place.scope)
        for call in scope.calls
    )


def _only_converts(resolver: Resolver, call: Call) -> bool:
    """Reports whether it is `tensor.to(torch.float)`."""
    device = device_argument(call.node)
    return (
        device is not None and device_of(resolver, resolver.value(device, call.place)) == NO_DEVICE
    )


def _kept(resolver: Resolver, owner: Scope) -> list[tuple[cst.BaseExpression, Place]]:
    """The tensors of which every sample has a row as it is."""
    method = owner.functions().get("__getitem__")
    if method is None or "__getitems__" in owner.functions() or not method.returns:
        return []
    handed_out = [_rows(method, one.value) for one in method.returns]
    found = []
    for name in sorted(set.intersection(*handed_out)):
        bindings = assignments(resolver, owner, name)
        only = bindings[0] if len(bindings) == 1 else None
        if only is None or only.kind != "assign" or only.path or _may_not_run(only.place):
            continue
        if isinstance(only.value, cst.BaseExpression):
            found.append((only.value, only.place))
    return found


def _may_not_run(place: Place) -> bool:
    return bool(place.guards or place.loops or place.trials)


def _rows(method: Scope, node: cst.BaseExpression | None) -> set[str]:
    """The attributes whose elements a returned expression has in it, unchanged."""
    if isinstance(node, (cst.Tuple, cst.List)):
        return set().union(*(_rows(method, one.value) for one in node.elements))
    if isinstance(node, cst.Dict):
        return set().union(
            *(_rows(method, one.value) for one in node.elements if isinstance(one, cst.DictElement))
        )
    if isinstance(node, cst.Name):
        bindings = method.bindings.get(node.value, [])
        only = bindings[0] if len(bindings) == 1 else None
        if only is None or only.kind != "assign" or only.path or isinstance(only.value, cst.Name):
            return set()
        return _rows(method, only.value) if isinstance(only.value, cst.BaseExpression) else set()
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return _rows(method, node.func.value) if node.func.attr.value in _STAYING else set()
    if isinstance(node, cst.Subscript):
        me, _, attribute = (dotted_name(node.value) or "").partition(".")
        if me == method.first_parameter and attribute and "." not in attribute:
            return {attribute}
    return set()


def _on_gpu(
    resolver: Resolver, node: cst.BaseExpression, place: Place, depth: int
) -> Iterator[DeviceCall]:
    """The call that puts a tensor on a GPU, where its value is surely what that gives."""
    if isinstance(node, cst.Call):
        found = next(device_calls(resolver, [Call(node, place)]), None)
        if found is not None and (found.sure or _machine_decides(resolver, node, place)):
            yield found
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in _STAYING:
            yield from _on_gpu(resolver, node.func.value, place, depth)
        return
    name = dotted_name(node)
    if name is None or depth >= DEEPEST:
        return
    reaching = resolver.program.reaching(name, place) or ()
    if len(reaching) != 1 or reaching[0].given:
        return
    binding = reaching[0].binding
    if binding.kind != "assign" or binding.path or binding.place.loops:
        return
    if isinstance(binding.value, cst.BaseExpression):
        yield from _on_gpu(resolver, binding.value, binding.place, depth + 1)


def _machine_decides(resolver: Resolver, node: cst.Call, place: Place) -> bool:
    """Reports whether no caller can choose another device."""
    device = device_argument(node)
    if device is None:
        return True
    return not any(case.origin or case.via for case in resolver.value(device, place))
