"""Random programs that build a DataLoader, in the ways and layouts that people write.

Each ends with a loader in the name `made`. What a value of an argument does is left to
torch to say and to the rules to foretell; here it is only made sure that no program
depends on chance, on the machine or on what only running it can show.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

PRELUDE = """\
import functools, multiprocessing, os
import numpy as np
import torch
import torch.utils.data as D
from torch.utils.data import (
    BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler,
    SubsetRandomSampler, TensorDataset,
)
from torch.utils.data import DataLoader as Loader
from torch.utils.data import DistributedSampler


class Squares(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor(index * index)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(8))


class Plain(DataLoader):
    pass


class Collator:
    def collate(self, batch):
        return batch

    def __call__(self, batch):
        return batch


def keep(batch):
    return batch


def keep_part(part, batch):
    return batch


def seed(worker):
    torch.manual_seed(worker)


def seed_nobody():
    torch.manual_seed(0)


squares = Squares()
stream = Stream()
collator = Collator()
torch.manual_seed(7)
"""

# For each argument: the usual values, then the unusual ones.
VALUES: dict[str, tuple[list[str], list[str]]] = {
    "batch_size": (
        ["1", "2", "4", "None", "int(2.5)", "max(1, 3)"],
        ["0", "-1", "True", "2.0", '"4"', "4 / 2", "np.int64(2)", "torch.tensor(2)", "(2,)", "1.0"],
    ),
    "shuffle": (["True", "False", "None", "not True"], ["0", "1", '"False"', '""', "5"]),
    "sampler": (
        ["None", "[0, 1, 2, 3]", "range(4)", "RandomSampler(squares)",
         "SubsetRandomSampler([3, 1, 5, 2])"],
        ["3", "0", "True", "RandomSampler", "Squares", '"abcdefgh"', "keep", "lambda: 0", "1.5"],
    ),
    "batch_sampler": (
        ["None", "[[0, 1], [2, 3]]", "BatchSampler(SequentialSampler(squares), 2, False)"],
        ["4", "BatchSampler", "False"],
    ),
    "num_workers": (
        ["0", "0", "0", "0", "1", "min(1, 4)"],
        ["True", "False", "0.0", "2.0", "-1", "None", '"1"', "int(True)", "3 / 2", "[1]"],
    ),
    "collate_fn": (
        ["None", "keep", "lambda batch: batch", "functools.partial(keep_part, 1)", "collator",
         "collator.collate", "lambda *batch: 0", "lambda batch, more=0: batch", "str"],
        ["lambda: 0", "lambda one, two: 0", "keep_part", "Collator.collate", "True", "5",
         "functools.partial(keep, 1)", "functools.partial(keep_part, batch=1, part=2)"],
    ),
    "pin_memory": (["False", "True"], ["None", '"cuda"']),
    "drop_last": (["False", "True"], ["0", "1", "None", '"yes"', '""']),
    "timeout": (["0", "0", "30", "20.5"], ["-1", "None", '"5"', "True", "0.0", "[]"]),
    "worker_init_fn": (
        ["None", "seed", "lambda worker: None", "print"],
        ["lambda: None", "seed_nobody", "42", "keep_part", "False"],
    ),
    "multiprocessing_context": (
        ["None", "None", '"fork"', 'multiprocessing.get_context("fork")'],
        ['"thread"', "5", "multiprocessing", '""', "torch.multiprocessing", "False"],
    ),
    "generator": (
        ["None", "torch.Generator()", "torch.Generator().manual_seed(3)", "torch.manual_seed(3)"],
        ["42", "0", "np.random.default_rng(0)", "[]"],
    ),
    "prefetch_factor": (
        ["None", "2", "4"],
        ["0", "-1", "1.5", "2.0", '"2"', "True", "False", "1.0", "0.0", "[2]"],
    ),
    "persistent_workers": (["False", "True"], ["None", "0", "1", '""', '"yes"']),
    "pin_memory_device": (['""'], ['"cuda"', "None"]),
    "in_order": (["True", "False"], ["None", "0"]),
}  # fmt: skip
POSITIONAL = tuple(VALUES)[:12]
DATASETS = (
    ["squares", "Squares()", "list(range(8))", "torch.arange(8)", "range(8)",
     "TensorDataset(torch.arange(8))", "stream", "Stream()"],
    ["Squares", "Stream", "None", "8", "{1, 2}", '{"a": 1, "b": 2, "c": 3, "d": 4}',
     "zip([1], [2])", "keep", "(x for x in range(8))", "DataLoader(squares)", '"data/train"'],
)  # fmt: skip
MISSPELT = ("num_worker=1", "batchsize=2", "workers=1", "colate_fn=keep", "threads=2")
CALLEES = ("DataLoader", "DataLoader", "DataLoader", "D.DataLoader", "Loader", "(DataLoader)",
           "Plain")  # fmt: skip


@dataclass(frozen=True)
class Program:
    """The text of a program, and whether everything in it can be known from it."""

    text: str
    decidable: bool = True


def program(chance: random.Random) -> Program:
    """One program."""
    names: list[str] = []
    positional, keywords = _arguments(chance)
    positional = [_named(chance, names, value) for value in positional]
    keywords = [(name, _named(chance, names, value)) for name, value in keywords]
    if chance.random() < 0.15 and len(keywords) > 1:
        cut = chance.randrange(1, len(keywords))
        keywords, splatted = keywords[:cut], keywords[cut:]
        keywords.append(("", _splat(chance, names, splatted)))
    arguments = positional + [f"{name}={value}" if name else value for name, value in keywords]
    if chance.random() < 0.06:
        place = len(positional) if keywords and not keywords[-1][0] else len(arguments)
        arguments.insert(place, chance.choice(MISSPELT))
    call = _laid_out(chance, chance.choice(CALLEES), arguments)
    lines = "".join(names)
    if chance.random() < 0.12 and "num_workers=" in call:
        return _in_function(chance, lines, call)
    text = f"{lines}made = {call}\n"
    return Program(PRELUDE + text, not any(all(w in text for w in both) for both in UNDECIDED))


# Words that together ask for what no rule looks into: whether a dictionary has the keys that
# a sampler draws, and which number an array holds.
UNDECIDED = (
    ('{"a": 1', "ampler"),
    ('{"a": 1', "[[0, 1]"),
    ("np.int64(2)", "batch_sampler"),
    ("np.int64(2)", "[[0, 1]"),
    ("np.int64(2)", "BatchSampler("),
    ("torch.tensor(2)", "[[0, 1]"),
    ("torch.tensor(2)", "BatchSampler("),
)


def _arguments(chance: random.Random) -> tuple[list[str], list[tuple[str, str]]]:
    oddity = chance.choice((0.0, 0.05, 0.15, 0.3))  # few mistakes at once, mostly
    dataset = chance.choice(DATASETS[chance.random() < oddity / 2])
    count = chance.choice((0, 0, 0, 1, 1, 2, 3, 5, 6, 12))
    positional = [_value(chance, name, oddity) for name in POSITIONAL[:count]]
    if count and chance.random() < 0.1 and count < 6:
        positional[-1] = chance.choice(("3", "0", "keep"))  # meant for another place
    rest = [name for name in VALUES if name not in POSITIONAL[:count]]
    chosen = chance.sample(rest, min(len(rest), chance.choice((0, 1, 2, 2, 3, 3, 4, 5, 7))))
    keywords = [(name, _value(chance, name, oddity)) for name in chosen]
    if count and chance.random() < 0.03:
        keywords.append((POSITIONAL[0], "2"))  # a second time
    if chance.random() < 0.02:
        return [], keywords  # no dataset
    if count or chance.random() < 0.8:
        return [dataset, *positional], keywords
    keywords.insert(chance.randrange(len(keywords) + 1), ("dataset", dataset))
    return [], keywords


def _value(chance: random.Random, name: str, oddity: float) -> str:
    return chance.choice(VALUES[name][chance.random() < oddity])


def _named(chance: random.Random, names: list[str], value: str) -> str:
    """The value itself, or a name for it that is bound before."""
    if chance.random() > 0.15:
        return value
    name = f"given_{len(names)}"
    other = chance.choice(("0", "None", "squares"))
    forms = (
        f"{name} = {value}\n",
        f"USE_{name} = True\n{name} = ({value}) if USE_{name} else {other}\n",
        f"{name} = {other}\nif len('ab') == 2:\n    {name} = {value}\n"
        f"else:\n    {name} = {value}\n",
        f"def make_{name}():\n    return {value}\n\n\n{name} = make_{name}()\n",
    )
    # two lambdas of one text are two functions, and no longer one known thing
    names.append(forms[0] if "lambda" in value else chance.choice(forms))
    return name


def _splat(chance: random.Random, names: list[str], pairs: list[tuple[str, str]]) -> str:
    """`**` and a dictionary of these arguments."""
    literal = "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"
    if chance.random() < 0.4:
        return f"**{literal}"
    if chance.random() < 0.5:
        literal = "dict(" + ", ".join(f"{name}={value}" for name, value in pairs) + ")"
    (name, value), *others = pairs
    if chance.random() < 0.3:
        literal = "dict(" + ", ".join(f"{key}={other}" for key, other in others) + ")"
        names.append(f'options = {literal}\noptions["{name}"] = {value}\n')
    else:
        names.append(f"options = {literal}\n")
    return "**options"


def _laid_out(chance: random.Random, callee: str, arguments: list[str]) -> str:
    """The call on one line or on several, with and without comments."""
    comma = chance.choice(("", ",")) if arguments else ""
    layout = chance.randrange(8)
    if layout == 0:  # each on its line, a comment here and there
        lines = [f"    {one},{_comment(chance)}\n" for one in arguments]
        if lines and not comma:
            lines[-1] = f"    {arguments[-1]}{_comment(chance)}\n"
        head = chance.choice(("", f"    {_comment(chance).strip()}\n"))
        return f"{callee}(\n{head}{''.join(lines)})"
    if layout == 1:  # commas first
        return f"{callee}(\n      " + f"{_comment(chance)}\n    , ".join(arguments) + "\n)"
    if layout == 2:  # aligned under the parenthesis
        return f"{callee}(" + f",{_comment(chance)}\n    ".join(arguments) + comma + ")"
    if layout == 3:  # backslashes
        return f"\\\n    {callee}(" + ", \\\n    ".join(arguments) + ")"
    if layout == 4:  # several on a line
        cut = chance.randrange(len(arguments) + 1)
        first, second = ", ".join(arguments[:cut]), ", ".join(arguments[cut:])
        between = f",{_comment(chance)}\n    " if first and second else ""
        return f"{callee}(\n    {first}{between}{second}{comma}{_comment(chance)}\n)"
    if layout == 5:  # as nobody formats
        return f"{callee} ( " + " , ".join(arguments) + f" {comma} )"
    return f"{callee}(" + ", ".join(arguments) + comma + ")"


def _comment(chance: random.Random) -> str:
    return chance.choice(("", "", f"  # note {chance.randrange(100)}"))


def _in_function(chance: random.Random, lines: str, call: str) -> Program:
    """The same in a function that gets the worker count from its caller."""
    before, _, rest = call.partition("num_workers=")
    default = chance.choice(("", "=0", "=1"))
    head = f"def build(workers{default}):\n    return {before}num_workers=workers"
    # the value that stood there becomes the argument
    value, tail = _split_value(rest)
    body = f"{head}{tail}\n"
    return Program(f"{PRELUDE}{lines}\n\n{body}\n\nmade = build({value})\n", decidable=False)


def _split_value(text: str) -> tuple[str, str]:
    """The expression that the text begins with, and what follows it."""
    depth = 0
    for index, char in enumerate(text):
        ends = char in ",)\n\\" or text[index : index + 3] == "  #"
        if depth == 0 and (ends or text[index : index + 2] in (" ,", " )", " \\")):
            return text[:index], text[index:]
        depth += (char in "([{") - (char in ")]}")
    raise AssertionError(text)
