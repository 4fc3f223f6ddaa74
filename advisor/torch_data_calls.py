"""What torch.utils.data is asked for besides loaders, and with which arguments."""

from __future__ import annotations

import libcst as cst

from .classes import Classes
from .datasets import dataset_kind
from .model import Argument
from .nodes import callee_tail, plain_argument
from .pieces import elements
from .resolve import Resolver
from .scopes import Call
from .split_lengths import lengths
from .torch_api import is_published
from .torch_data_model import DataCall
from .trials import error_expected
from .values import NOTHING_KNOWN, Group, Made, Symbol

# The parameters in their order; those with none take any number of positional arguments.
PARAMETERS = {
    "RandomSampler": ("data_source", "replacement", "num_samples", "generator"),
    "WeightedRandomSampler": ("weights", "num_samples", "replacement", "generator"),
    "BatchSampler": ("sampler", "batch_size", "drop_last"),
    "DistributedSampler": ("dataset", "num_replicas", "rank", "shuffle", "seed", "drop_last"),
    "ConcatDataset": ("datasets",),
    "ChainDataset": ("datasets",),
    "TensorDataset": (),
    "StackDataset": (),
    "random_split": ("dataset", "lengths", "generator"),
}


def data_calls(resolver: Resolver, classes: Classes) -> tuple[DataCall, ...]:
    """Every call of one of these whose class is torch's own, in order of place."""
    found = []
    for name in PARAMETERS:
        if not resolver.program.source.tells(name):
            continue
        for call in resolver.program.calls_named(name):
            value = resolver.value(call.node.func, call.place)
            own = [case.what for case in value] == [Symbol(f"torch.utils.data.{name}")]
            if own and not error_expected(call.place):
                found.append(_data_call(resolver, classes, call, name))
    return tuple(sorted(found, key=lambda one: one.span))


def _data_call(resolver: Resolver, classes: Classes, call: Call, name: str) -> DataCall:
    program, scope = resolver.program, call.place.scope
    arguments: dict[str, Argument] = {}
    positional: list[Argument] = []
    hidden = False
    for arg in call.node.args:
        if arg.star:
            hidden = True
            continue
        given = _argument(resolver, call, arg)
        if arg.keyword is not None:
            arguments[arg.keyword.value] = given
        elif not hidden:
            if len(positional) < len(PARAMETERS[name]):
                arguments[PARAMETERS[name][len(positional)]] = given
            positional.append(given)
    first = positional[0].value if positional else NOTHING_KNOWN
    if not positional and PARAMETERS[name] and PARAMETERS[name][0] in arguments:
        first = arguments[PARAMETERS[name][0]].value
    of_many = name in ("ConcatDataset", "ChainDataset")
    displays = [_display(case.what) for case in first]
    written = call.node.args[0].value if call.node.args else None
    return DataCall(
        name=name,
        span=program.span(call.node, scope),
        callee=program.span(call.node.func, scope),
        arguments=arguments,
        positional=tuple(positional),
        hidden=hidden,
        kind=dataset_kind(classes, elements(resolver, first) if of_many else first),
        is_empty=isinstance(written, cst.List) and not written.elements,
        is_nested=all(
            one is not None and bool(one.elements) and _all_displays(one) for one in displays
        ),
        lengths=lengths(resolver, call) if name == "random_split" else (),
        n_samples_fixed=all(
            isinstance(case.what, Made) and is_published(case.what.name) for case in first
        ),
        draws_length=name == "WeightedRandomSampler" and _draws_length(resolver, call),
    )


def _argument(resolver: Resolver, call: Call, arg: cst.Arg) -> Argument:
    program, scope = resolver.program, call.place.scope
    span = program.span(arg.value, scope)
    has_comma = isinstance(arg.comma, cst.Comma)
    return Argument(
        name=arg.keyword.value if arg.keyword is not None else "",
        span=span,
        whole=program.span(arg, scope).to(span),
        behind=program.behind(span).behind(1) if has_comma else span.behind(),
        value=resolver.value(arg.value, call.place),
        code=program.source.code(span),
        positional=arg.keyword is None,
    )


def _display(what: object) -> cst.List | cst.Tuple | None:
    """The list or tuple that a value is written as."""
    node = what.where[0] if isinstance(what, Group) and what.where is not None else None
    return node if isinstance(node, (cst.List, cst.Tuple)) else None


def _all_displays(node: cst.List | cst.Tuple) -> bool:
    return all(isinstance(one.value, (cst.List, cst.Tuple)) for one in node.elements)


def _draws_length(resolver: Resolver, call: Call) -> bool:
    """Reports whether as many are drawn as there are weights."""
    weights = plain_argument(call.node, "weights", 0)
    count: cst.CSTNode | None = plain_argument(call.node, "num_samples", 1)
    while isinstance(count, cst.Name):
        binding = resolver.program.only_assignment(count.value, call.place)
        if binding is None:
            return False
        if binding.place.scope is not call.place.scope or binding.value is count:
            return False
        count = binding.value
    if weights is None or callee_tail(count) != "len":
        return False
    assert isinstance(count, cst.Call)
    tree = call.place.scope.tree
    measured = count.args[0].value if len(count.args) == 1 else None
    return measured is not None and tree.code(measured) == tree.code(weights)
