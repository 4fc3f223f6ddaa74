"""Follows a batch from the loop's target to the copies to a device."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import libcst as cst

from .arguments import argument_node, is_as_given
from .conditions import is_left_out, ways
from .definitions import Definition
from .model import Copy
from .nodes import callee_tail, dotted_name, every_call, keyword_argument, target_names
from .program import Program
from .resolve import Resolver
from .scopes import Binding, Call, Loop, Place, Scope
from .text import Edit, Span
from .values import (
    Case,
    Constant,
    Defined,
    Given,
    Known,
    Made,
    Number,
    Symbol,
    Text,
    Value,
    consistent,
)

if TYPE_CHECKING:
    from .project import OtherModule

NO_DEVICE = "no device"
DEEPEST = 2  # calls from the loop's body into functions of this file

# Methods that give the same batch, or a view or conversion of it.
_SAME_BATCH = frozenset(
    {"to", "cuda", "cpu", "float", "long", "half", "double", "int", "bool", "bfloat16", "type",
     "view", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "contiguous", "flatten",
     "pin_memory", "items", "values", "get", "pop", "copy", "detach", "requires_grad_",
     "t", "type_as", "expand", "chunk", "split", "unbind", "narrow", "next"}
)  # fmt: skip
_SAME_BATCH_FUNCTIONS = frozenset(
    {"Variable", "list", "tuple", "dict", "zip", "enumerate", "sorted", "reversed", "stack", "cat",
     "tqdm"}
)  # fmt: skip
# Those of them that put the batch together anew, in memory that nobody has pinned.
_JOINING = frozenset({"stack", "cat"})
# Functions whose name alone says that they copy what they are given: `to_cuda`, `move_to_gpu`
_SENDING = re.compile(r"^_?(?:\w+_)?to_?(?:cuda|gpu)$")
# Those of them that make a new tensor, which is not pinned, unless there is nothing to convert.
_CONVERSIONS = frozenset({"float", "long", "half", "double", "int", "bool", "bfloat16", "type"})
# `torch.cuda.synchronize()`, `time_synchronized()`
_WAITING = re.compile(r"synchroni[sz]e")
# Methods that wait for a tensor and read it on the CPU
_READING = frozenset({"cpu", "item", "numpy", "tolist"})
Names: TypeAlias = frozenset[str | cst.Call]  # bound to the batch, and a call that gives it
_Event: TypeAlias = Call | Scope | Binding  # a scope is a comprehension's


def copies_in(resolver: Resolver, loop: Loop, names: Names) -> tuple[Copy, ...]:
    """The copies of the batch, which `names` stand for, in the body of `loop`."""
    scope = loop.place.scope
    walk = _Follow(resolver)
    walk.scope(scope, names, within=loop)
    if isinstance(loop.node, cst.CompFor):
        comprehension = next((one for one in scope.everything() if loop in one.loops), None)
        if comprehension is not None:
            walk.scope(comprehension, names)
    found = walk.found
    if found and _is_waited_for(scope, loop, walk.last):
        found = [replace(one, waited_for=True) for one in found]
    return tuple(dict.fromkeys(found))


def _is_waited_for(scope: Scope, loop: Loop, last: int) -> bool:
    """Reports whether the first thing done after the copies, made until `last`, is to wait.

    For the GPU, or for one of the copies by reading it.
    """
    names: Names = frozenset(
        binding.name
        for bindings in scope.bindings.values()
        for binding in bindings
        if binding.value is not None and loop in binding.place.loops
        if any(_moves(one) for one in every_call(binding.value))
    )
    for call in sorted(scope.calls, key=lambda one: one.place.order):
        if loop not in call.place.loops or call.place.order <= last:
            continue
        func = call.node.func
        if _WAITING.search(callee_tail(call.node) or ""):
            return True
        of_copy = isinstance(func, cst.Attribute) and is_batch(func.value, names)
        if of_copy or _an_argument(call.node, names):
            return of_copy and callee_tail(call.node) in _READING
    return False


def _waits_at_its_end(resolver: Resolver, context: cst.BaseExpression, place: Place) -> bool:
    """Reports whether a block waits for the GPU at its end: `with Profile():`, which measures it.

    That is where a method of its class, in the project, calls torch.cuda.synchronize().
    """
    for case in resolver.value(context, place):
        match case.what:
            case Made(within=Scope() as owner) | Made(within=Definition(scope=Scope() as owner)):
                calls = (one for method in owner.functions().values() for one in method.calls)
                return any(_WAITING.search(callee_tail(one.node) or "") for one in calls)
    return False


def copies_elsewhere(
    resolver: Resolver, call: Call, function: Definition, loop: Loop, names: Names
) -> tuple[Copy, ...]:
    """The copies in the loop of a function of another module, which a call here runs, as one."""
    inner = function.scope
    if inner is None:
        return ()
    found = copies_in(function.module.resolver, loop, names)
    return _as_one(resolver, call, function.module, inner, found)


def _as_one(
    resolver: Resolver, call: Call, module: OtherModule, inner: Scope, found: Sequence[Copy]
) -> tuple[Copy, ...]:
    """The copies in a function of another module, as a call of it here tells the devices."""
    if not found:
        return ()
    here = _Follow(resolver)
    given = {
        one.target: argument_node(call.node, inner, one.target)
        for one in found
        if one.target in inner.bindings
    }
    devices, targets = set(), set()
    for one in found:
        node = given.get(one.target)
        if isinstance(node, cst.BaseExpression):
            devices.add(here.device(node, call.place, one.method))
            targets.add(here.code(node, call.place))
        else:
            devices.add(one.device)
            targets.add(one.target)
    copy = Copy(
        span=resolver.program.span(call.node, call.place.scope),
        method=found[0].method,
        device=(devices.pop() if len(devices) == 1 else None) or "unknown",
        non_blocking=any(one.non_blocking for one in found),
        without_waiting=None,
        target=targets.pop() if len(targets) == 1 else "",
        converted=any(one.converted for one in found),
        joined=all(one.joined for one in found),
        stands=module.stands(found[0].span),
    )
    return (copy,)


def without_waiting(program: Program, node: cst.Call, place: Place, option: str) -> Edit:
    """What makes a call one that does not wait."""
    opening = program.behind(program.span(node.func, place.scope))
    closing = program.behind(opening.behind(1))
    separator = ""
    if node.args:
        separator = ", "
        closing = program.behind(program.span(node.args[-1].value, place.scope))
        comma = closing.behind(1)
        if program.source.code(closing.to(comma)) == ",":
            separator = " "
            closing = program.behind(comma)
    return Edit(closing, f"{separator}{option}=True")


class _Follow:
    """Follows the names that a batch is bound to, and notes its copies in `found`."""

    def __init__(self, resolver: Resolver, entered: tuple[Call, Scope] | None = None) -> None:
        self.resolver = resolver
        self.found: list[Copy] = []
        self.entered = entered  # the call that led into the function that is followed
        self.from_elsewhere = entered is not None
        self.joined: set[str] = set()  # the names of what was put together anew
        self.last = -1  # the order of the last copy, or of the call that leads to it

    def scope(self, scope: Scope, names: Names, depth: int = 0, within: Loop | None = None) -> None:
        """Follow `names` through a scope, or a loop in it, in the order of its statements."""
        tracked = names
        lost: dict[str, list[Given]] = {}  # by a statement that runs under these conditions
        for event in _events(scope, within):
            n_before = len(self.found)
            if event.place is not None and self.is_passed_by(scope, event.place):
                continue
            there = tracked
            if lost and event.place is not None:  # what holds at a place takes its time to tell
                there = _left(tracked, lost, event.place.given)
            match event:
                case Call():
                    self.call(event, there, depth)
                case Scope():
                    self.comprehension(event, there, depth)
                case Binding():
                    if is_batch(event.value, there):
                        tracked |= {event.name}
                        lost.pop(event.name, None)
                        self.note_joined(event)
                    elif event.name in tracked and (
                        event.name not in names or event.kind == "assign"
                    ):
                        lost.setdefault(event.name, []).append(event.place.given)
            if len(self.found) > n_before and event.place is not None:
                self.last = event.place.order

    def note_joined(self, binding: Binding) -> None:
        """Note whether a name stands for what was put together anew."""
        if self.is_joined(binding.value):
            self.joined.add(binding.name)
        else:
            self.joined.discard(binding.name)

    def is_joined(self, node: cst.CSTNode | None) -> bool:
        """Reports whether a tensor was put together anew: `torch.cat(batch)`, or its name."""
        match node:
            case cst.Name(name):
                return name in self.joined
            case cst.Call(func=func):
                method = isinstance(func, cst.Attribute) and self.is_joined(func.value)
                return method or callee_tail(node) in _JOINING
            case cst.Subscript(value=value):
                return self.is_joined(value)
        return False

    def is_passed_by(self, scope: Scope, place: Place) -> bool:
        """Reports whether a flag that the call of a function gives keeps it from a place there."""
        if self.entered is None or self.entered[1] is not scope:
            return False
        call = self.entered[0].node
        for guard in place.guards:
            test = guard.test
            if not isinstance(test, cst.Name) or not is_as_given(scope, test.value):
                continue
            given = argument_node(call, scope, test.value) or scope.bindings[test.value][0].value
            if isinstance(given, cst.Name) and given.value == ("False", "True")[not guard.written]:
                return True
        return False

    def comprehension(self, scope: Scope, names: Names, depth: int) -> None:
        """Follow the batch through the elements of a comprehension over it."""
        own = names
        for loop in scope.loops:
            if loop.target is not None and is_batch(loop.iterable, own):
                own = own | frozenset(target_names(loop.target))
        for call in scope.calls:
            self.call(call, own, depth)
        for child in scope.children:
            if child.kind == "comprehension":
                self.comprehension(child, own, depth)

    def call(self, call: Call, names: Names, depth: int) -> None:
        """Note a copy, or follow the batch into the function that is called."""
        node, func = call.node, call.node.func
        tail = callee_tail(node)
        if (
            isinstance(func, cst.Attribute)
            and func.attr.value in ("to", "cuda", "type")
            and is_batch(func.value, names)
        ):
            self.copy(node, call.place, func.attr.value)
            return
        if tail == "map" and len(node.args) == 2 and is_batch(node.args[1].value, names):
            self.mapped(node.args[0].value, call.place)
        given = any(not arg.star and is_batch(arg.value, names) for arg in node.args)
        if not given:
            return
        before = len(self.found)
        if depth < DEEPEST:
            self.into(call, names, depth)
        if len(self.found) == before and _SENDING.search(tail or ""):
            self.sent(call)

    def into(self, call: Call, names: Names, depth: int) -> None:
        """Follow the batch into the function that is called."""
        node = call.node
        for case in self.resolver.value(node.func, call.place):
            match case.what:
                case Defined("function", _, Scope() as inner):
                    received = _received(node, inner, names)
                    if received:
                        outer, self.entered = self.entered, (call, inner)
                        self.scope(inner, received, depth + 1)
                        self.entered = outer
                case Symbol(_, Definition(is_class=False, scope=Scope() as inner) as definition):
                    received = _received(node, inner, names)
                    if received:
                        self.elsewhere(call, definition.module, inner, received)

    def sent(self, call: Call) -> None:
        """Note the copy by a function whose name alone tells of it: `to_cuda(batch)`."""
        self.found.append(
            Copy(
                span=self.resolver.program.span(call.node, call.place.scope),
                method=callee_tail(call.node) or "",
                device="maybe-cuda",
                non_blocking=True,  # as far as can be seen
                without_waiting=None,
            )
        )

    def elsewhere(self, call: Call, module: OtherModule, inner: Scope, names: Names) -> None:
        """Note the copy that a function of another module makes of the batch."""
        there = _Follow(module.resolver, (call, inner))
        there.scope(inner, names, DEEPEST)
        self.found += _as_one(self.resolver, call, module, inner, there.found)

    def mapped(self, function: cst.BaseExpression, place: Place) -> None:
        """Follow the batch into the lambda of `map(lambda part: …, batch)`."""
        for case in self.resolver.value(function, place):
            if isinstance(case.what, Defined) and case.what.kind == "lambda":
                inner: Scope = case.what.where
                if inner.first_parameter is not None:
                    self.scope(inner, frozenset({inner.first_parameter}), DEEPEST)

    def copy(self, node: cst.Call, place: Place, method: str) -> None:
        """Note a copy of the batch, unless `to` or `type` only converts it."""
        target = _target(node)
        device = self.device(target, place, method)
        if device is None or not ways(self.resolver, place):
            return
        says = method == "type" or _says_whether_to_block(node, method)
        deciding, where, option = node, place, "non_blocking"
        left = None if self.entered is None else _left_to_default(node, *self.entered)
        if self.entered is not None and left is not None:
            says = False
            if not self.from_elsewhere:
                deciding, where, option = self.entered[0].node, self.entered[0].place, left
        self.found.append(
            Copy(
                span=self.resolver.program.span(deciding, where.scope),
                method=method,
                device=device,
                non_blocking=says,
                without_waiting=None
                if deciding is node and self.is_told(target)
                else without_waiting(self.resolver.program, deciding, where, option),
                pinning=self.pinning(node.func, place),
                target="" if target is None else self.code(target, place),
                converted=_is_converted(node.func),
                joined=isinstance(node.func, cst.Attribute) and self.is_joined(node.func.value),
                apart=self.entered is not None and deciding is node,
                waited_for=any(
                    _waits_at_its_end(self.resolver, one, place) for one in place.contexts
                ),
            )
        )

    def is_told(self, device: cst.BaseExpression | None) -> bool:
        """Reports whether callers say where a function copies to, and may say the CPU."""
        if self.entered is None or not isinstance(device, cst.Name):
            return False
        bound = self.entered[1].bindings.get(device.value, ())
        return any(one.kind == "parameter" for one in bound)

    def code(self, node: cst.BaseExpression, place: Place) -> str:
        program = self.resolver.program
        return program.source.code(program.span(node, place.scope))

    def pinning(self, func: cst.BaseExpression, place: Place) -> Span | None:
        """The `.pin_memory()` before a copy."""
        match func:
            case cst.Attribute(
                value=cst.Call(
                    func=cst.Attribute(value=tensor, attr=cst.Name("pin_memory")), args=[]
                ) as pinned
            ):
                program = self.resolver.program
                before = program.span(tensor, place.scope).behind()
                return before.to(program.span(pinned, place.scope))
        return None

    def device(self, target: cst.BaseExpression | None, place: Place, method: str) -> str | None:
        """Which device a copy goes to, in the words of Copy; None where it is no copy."""
        if method == "cuda":
            return "cuda"
        if target is None:
            return None
        if method == "type":
            return _device_of_type(self.resolver.value(target, place))
        if isinstance(target, cst.Attribute) and target.attr.value == "dtype":
            return None
        kind = device_of(self.resolver, self.resolver.value(target, place))
        return None if kind == NO_DEVICE else kind


def _device_of_type(value: Value) -> str | None:
    """Where a class of tensors is: `torch.cuda.FloatTensor if cuda else torch.Tensor`."""
    names = [case.what.name for case in value if isinstance(case.what, Symbol)]
    on_gpu = [name.startswith("torch.cuda.") for name in names]
    if not any(on_gpu):
        return None
    return "cuda" if all(on_gpu) and len(names) == len(value) else "maybe-cuda"


def _is_converted(copied: cst.BaseExpression) -> bool:
    """Reports whether what `tensor.to` copies was converted right before."""
    match copied:
        case cst.Attribute(value=cst.Call(func=cst.Attribute() as func)):
            if func.attr.value == "to" and _is_dtype(copied.value):
                return True
            return func.attr.value in _CONVERSIONS or _is_converted(func)
    return False


def _is_dtype(call: cst.BaseExpression) -> bool:
    """Reports whether all that `to` is given is written as a type of numbers."""
    only = call.args if isinstance(call, cst.Call) and len(call.args) == 1 else ()
    given = dotted_name(only[0].value) if only else None
    return given is not None and given.startswith("torch.") and not given.startswith("torch.cuda")


def _target(node: cst.Call) -> cst.BaseExpression | None:
    """The argument that says the device."""
    plain = (arg.value for arg in node.args if arg.keyword is None and not arg.star)
    return keyword_argument(node, "device") or next(plain, None)


def _says_whether_to_block(node: cst.Call, method: str) -> bool:
    """Reports whether a copy is, or may be, told to be asynchronous or not."""
    if any(arg.star for arg in node.args):
        return True
    if any(keyword_argument(node, name) is not None for name in ("non_blocking", "async")):
        return True
    return sum(arg.keyword is None for arg in node.args) >= (2 if method == "cuda" else 3)


def _left_to_default(node: cst.Call, call: Call, function: Scope) -> str | None:
    """The parameter by which a copy waits since the call of its function does not give it.

    It is False by default; None where there is none.
    """
    told = keyword_argument(node, "non_blocking")
    bound = [*function.bindings.get(told.value, ())] if isinstance(told, cst.Name) else []
    if [one.kind for one in bound] != ["parameter"]:
        return None
    name, default = bound[0].name, bound[0].value
    waits = isinstance(default, cst.Name) and default.value == "False"
    return name if waits and argument_node(call.node, function, name) is None else None


def _left(names: Names, lost: Mapping[str, list[Given]], given: Given) -> Names:
    """The names that still stand for the batch where these conditions hold."""
    return names - {
        name
        for name, ways in lost.items()
        if any(consistent(way, given) is not None for way in ways)
    }


def _events(scope: Scope, within: Loop | None) -> list[_Event]:
    """What happens in a scope, or in a loop of it, in order."""
    # (order, rank): a call is looked at before its result is bound
    found: list[tuple[int, int, _Event]] = []

    def happens(place: Place | None) -> TypeGuard[Place]:
        return place is not None and (within is None or within in place.loops)

    for call in scope.calls:
        if happens(call.place):
            found.append((call.place.order, 0, call))
    for child in scope.children:
        if child.kind == "comprehension" and happens(child.place):
            found.append((child.place.order, 1, child))
    for binding in (one for bound in scope.bindings.values() for one in bound):
        if binding.kind in ("assign", "loop") and happens(binding.place):
            found.append((binding.place.order, 2, binding))
    return [event for _, _, event in sorted(found, key=lambda one: one[:2])]


def _received(node: cst.Call, function: Scope, names: Names) -> Names:
    """The parameters of a function that a call gives the batch to."""
    found = set()
    for bindings in function.bindings.values():
        if bindings[0].kind == "parameter":
            value = argument_node(node, function, bindings[0].name)
            if isinstance(value, cst.BaseExpression) and is_batch(value, names):
                found.add(bindings[0].name)
    return frozenset(found)


def device_of(resolver: Resolver, value: Value) -> str:
    """cuda, maybe-cuda, cpu, other, unknown, or NO_DEVICE for a dtype."""
    kinds = {_one_device(resolver, case) for case in value}
    if len(kinds) == 1:
        return kinds.pop()
    if NO_DEVICE not in kinds and not kinds.isdisjoint(("cuda", "maybe-cuda")):
        return "maybe-cuda"  # whatever it is for other callers
    return "unknown"


def _one_device(resolver: Resolver, case: Case) -> str:
    what = case.what
    name: Constant = None
    if isinstance(what, Known):
        if isinstance(what.value, bool):
            return "unknown"
        name = "cuda" if isinstance(what.value, int) else what.value
    elif isinstance(what, Text):
        name = what.prefix
    elif isinstance(what, Number):
        return "cuda" if what.kind == "int" else "unknown"
    elif isinstance(what, Symbol):
        return NO_DEVICE if what.name.startswith("torch.") else "unknown"
    elif isinstance(what, Made) and what.name == "torch.device" and what.where is not None:
        call, place = what.where[:2]
        if not call.args or call.args[0].star:
            return "unknown"
        given = call.args[0].value
        names = resolver.value(given, place)
        if isinstance(given, cst.IfExp) and is_left_out(resolver, given.test, place):
            # cpu, unless a caller gives the number of a GPU
            names = (*resolver.value(given.body, place), *resolver.value(given.orelse, place))
        inner = device_of(resolver, names)
        return "maybe-cuda" if inner == "cuda" and case.origin is not None else inner
    elif isinstance(what, Made) and what.name.startswith("torch.accelerator.current"):
        return "maybe-cuda"
    if not isinstance(name, str) or not name:
        return "unknown"
    if name.startswith("cuda"):
        return "maybe-cuda" if case.origin is not None else "cuda"
    return "cpu" if name.startswith("cpu") else "other"


_PICKING = re.compile(r"(mask|indices|inds|permutation|perm|map)$", re.IGNORECASE)
_NO_BATCH: frozenset[type] = frozenset(
    {type(None), cst.SimpleString, cst.Integer, cst.Float, cst.FormattedString, cst.Comparison}
)
_COMPREHENSIONS: frozenset[type] = frozenset(
    {cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp}
)


def is_batch(node: Any, names: Names) -> bool:
    """Reports whether an expression is the batch bound to `names`, or a part of it."""
    kind = type(node)  # isinstance asks an abstract class, which is slow
    if kind in _NO_BATCH:
        return False
    if kind is cst.Name:
        return node.value in names
    if kind is cst.Attribute:
        return dotted_name(node) in names or (
            node.attr.value not in ("device", "dtype", "shape", "size", "ndim")
            and is_batch(node.value, names)
        )
    if kind is cst.Subscript:
        return is_batch(node.value, names) and not any(map(_picks, node.slice))
    if kind is cst.Call:
        func = node.func
        if node in names:
            return True
        if type(func) is cst.Attribute:
            if func.attr.value in _SAME_BATCH and is_batch(func.value, names):
                return not _moves(node)
            return func.attr.value in _SAME_BATCH_FUNCTIONS and _an_argument(node, names)
        named = type(func) is cst.Name and func.value in _SAME_BATCH_FUNCTIONS
        return named and _an_argument(node, names)
    if kind is cst.Tuple or kind is cst.List:
        return any(is_batch(element.value, names) for element in node.elements)
    if kind is cst.IfExp:
        return is_batch(node.body, names) or is_batch(node.orelse, names)
    return kind in _COMPREHENSIONS and is_batch(node.for_in.iter, names)


def _picks(element: cst.SubscriptElement) -> bool:
    """Reports whether an index is a tensor, so that what it picks is a new tensor: `x[x > 0]`."""
    index = element.slice
    if type(index) is not cst.Index:
        return False
    value = index.value
    if type(value) is cst.UnaryOperation:
        return type(value.operator) is cst.BitInvert
    return type(value) is cst.Comparison or bool(_PICKING.search(dotted_name(value) or ""))


def _moves(node: cst.Call) -> bool:
    """Reports whether a method of a batch gives what is on its device: no copy of it is another."""
    tail = callee_tail(node)
    return tail == "cuda" or (tail == "to" and bool(node.args) and not _is_dtype(node))


def _an_argument(node: cst.Call, names: Names) -> bool:
    return any(is_batch(arg.value, names) for arg in node.args)
