"""The dataset that a Trainer trains on, found by the arguments that it is given."""

from __future__ import annotations

from .nodes import plain_argument
from .resolve import Resolver
from .scopes import Call
from .values import NOTHING_KNOWN, Made, Symbol, Value

# Each makes its loader from its arguments and its dataset as they are (read in transformers 5.23).
TRAINERS = frozenset(
    {
        "transformers.Trainer", "transformers.trainer.Trainer", "transformers.Seq2SeqTrainer",
        "transformers.trainer_seq2seq.Seq2SeqTrainer",
    }
)  # fmt: skip


def train_dataset(resolver: Resolver, arguments: Call) -> Value:
    """What the one Trainer with these arguments trains on; nothing known where there are others."""
    source = resolver.program.source
    found = [
        call
        for tail in sorted({name.rpartition(".")[2] for name in TRAINERS})
        for call in (resolver.program.calls_named(tail) if source.tells(f"{tail}(") else ())
        if _is_trainer(resolver, call) and _is_given(resolver, call, arguments)
    ]
    dataset = plain_argument(found[0].node, "train_dataset", 3) if len(found) == 1 else None
    return NOTHING_KNOWN if dataset is None else resolver.value(dataset, found[0].place)


def _is_trainer(resolver: Resolver, call: Call) -> bool:
    value = resolver.value(call.node.func, call.place)
    what = value[0].what if len(value) == 1 else None
    return isinstance(what, Symbol) and what.name in TRAINERS


def _is_given(resolver: Resolver, call: Call, arguments: Call) -> bool:
    given = plain_argument(call.node, "args", 1)
    value = resolver.value(given, call.place) if given is not None else ()
    what = value[0].what if len(value) == 1 else None
    return isinstance(what, Made) and what.where is not None and what.where[0] is arguments.node
