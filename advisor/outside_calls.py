"""What a call of something outside this file gives: builtins, and some of the library."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from . import options
from .arithmetic import greatest, least
from .conditions import truth_value, truths
from .nodes import callee_tail
from .scopes import Place
from .values import (
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Defined,
    Group,
    Known,
    Made,
    Number,
    Text,
    Value,
    What,
    combined,
    interval,
    united,
)

if TYPE_CHECKING:
    from .resolve import Resolver

_COUNTS = {  # calls that give a number, and the least they give
    "os.cpu_count": 1, "os.process_cpu_count": 1, "multiprocessing.cpu_count": 1,
    "torch.multiprocessing.cpu_count": 1, "psutil.cpu_count": 1, "joblib.cpu_count": 1,
    "torch.cuda.device_count": 0, "torch.get_num_threads": 0,
}  # fmt: skip
# Builtins of which something is known although * or keywords stand in the call.
_ANY_ARGUMENTS = ("dict", "enumerate", "zip", "super", "open")


def outside_call(resolver: Resolver, name: str, node: cst.Call, place: Place) -> Value:
    """The result of calling what `name` stands for."""
    if name.startswith("builtins."):
        return _builtin_call(resolver, name, node, place)
    if name in _COUNTS:
        return (Case(Number("int", _COUNTS[name], None, f"{name}()")),)
    args = node.args
    plain = _is_plain(node)
    match name:
        case "os.getenv":
            return (Case(Text("", "os.getenv()")),)
        case "torchutil.iterator" if args and not args[0].star:  # a bar around it (0.1.2)
            return resolver.value(args[0].value, place)
        case "copy.copy" | "copy.deepcopy" if plain and len(args) == 1:
            return resolver.value(args[0].value, place)
        case "multiprocessing.get_context" | "torch.multiprocessing.get_context" if plain and args:
            return resolver.value(args[0].value, place)  # a loader takes its name as well
        case "math.ceil" if plain and len(args) == 1:
            return combined(_rounded_up, resolver.value(args[0].value, place))
        case "math.floor":
            return (Case(Number("int")),)
        case "torch.manual_seed":
            return (Case(Made("torch.Generator", (node, place))),)
        case "argparse.Namespace":
            return (Case(Made("Namespace", (node, place))),)
        case "simple_parsing.parse" | "tyro.cli" if args:
            for case in resolver.value(args[0].value, place):
                if isinstance(case.what, Defined) and case.what.kind == "class":
                    return (Case(Made(case.what.name, None, case.what.where)),)
    return (Case(Made(name, (node, place))),)


def _is_plain(node: cst.Call) -> bool:
    """Reports whether all arguments are given by position."""
    return not any(arg.star or arg.keyword is not None for arg in node.args)


def _builtin_call(resolver: Resolver, name: str, node: cst.Call, place: Place) -> Value:
    args = node.args
    short = name.removeprefix("builtins.")
    if not _is_plain(node) and short not in _ANY_ARGUMENTS:
        return NOTHING_KNOWN
    made = Made(name, (node, place))
    values = [resolver.value(arg.value, place) for arg in args if not arg.star]
    match short, len(args):
        case "int" | "round", 1:
            return combined(_as_int, values[0])
        case "float", _:
            return (Case(Number("float")),)
        case "str" | "repr" | "input", _:
            return (Case(Text()),)
        case "bool", 1:
            return truth_value(truths(resolver, args[0].value, place))
        case "len", 1:
            return (Case(_length(resolver, args[0].value, place)),)
        case "min", n if n > 1:
            return combined(least, *values)
        case "max", n if n > 1:
            return combined(greatest, *values)
        case "abs", 1:
            return combined(_absolute, values[0])
        case "list" | "tuple" | "sorted", 1:
            return _as_list("tuple" if short == "tuple" else "list", values[0], made)
        case "dict", _:
            return (Case(Group("dict", (node, place))),)
        case "getattr", 3:
            key = values[1][0].what
            if isinstance(key, Known) and isinstance(key.value, str):
                return options.argparse_default(resolver, key.value) or NOTHING_KNOWN
        case "iter", 1:
            return values[0]
        case (
            "enumerate" | "filter" | "list" | "map" | "object" | "open" | "range" | "reversed"
            | "set" | "super" | "tuple" | "type" | "zip", _
        ):  # fmt: skip
            return (Case(made),)
    return NOTHING_KNOWN


def _as_list(kind: str, value: Value, made: Made) -> Value:
    """`list(value)`: with the elements of `value` where those stand in this file."""
    return united(
        replace(case, what=Group(kind, case.what.where))
        if isinstance(case.what, Group) and case.what.kind != "dict"
        else replace(case, what=made)
        for case in value
    )


def _length(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Number:
    if callee_tail(node) == "sched_getaffinity":
        return Number("int", 1, None, "len(os.sched_getaffinity(0))")
    match resolver.value(node, place):
        case (Case(Group(_, (cst.List() | cst.Tuple() as written, _))),):
            n_elements = len(written.elements)
            if not any(isinstance(one, cst.StarredElement) for one in written.elements):
                return Number("int", n_elements, n_elements)
    return Number("int", 0)


def _as_int(what: What) -> What:
    match what:
        case Known(value) if isinstance(value, (bool, int, float, str)):
            try:
                return Known(int(value))
            except (ValueError, OverflowError):
                return UNKNOWN
        case Number(_, low, high, source):
            return Number(
                "int",
                None if low is None else int(low // 1),
                None if high is None else int(high // 1),
                f"int({source})" if source else "",
            )
    return Number("int")


def _rounded_up(what: What) -> What:
    bounds = interval(what)
    if bounds is None:
        return Number("int")
    low, high = (math.ceil(one) if one and math.isfinite(one) else one for one in bounds)
    return Number("int", low, high, what.source if isinstance(what, Number) else "")


def _absolute(what: What) -> What:
    if isinstance(what, Known) and isinstance(what.value, (int, float)):
        return Known(abs(what.value))
    return Number(what.kind, 0, None) if isinstance(what, Number) else UNKNOWN
