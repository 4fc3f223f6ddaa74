"""What is worth reading: decided from raw text, before anything is parsed.

A false yes costs a parse, a false no costs a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from .torch_api import GRAPH_LOADERS, TRAINER_ARGUMENTS, TRAINER_PREFIX

# Where loaders and datasets come from: a file that names none of these has no findings, unless
# it has them from another module of its project.
# Searching for words one by one is seven times as fast as one regular expression.
HOMES = (b"torch.utils", b"torch_geometric", b"monai", b"torchdata", b"dgl.dataloading")
_HOMES = ("torch", "monai", "dgl.dataloading")
_TAKEN_ON = (b"DataLoader(", b"Dataset)")
_SUBJECTS = (b"Loader", b"Dataset", b"random_split", b"get_state", b"Subset", b"Sampler")

CONFIGURATIONS = (".yaml", ".yml")  # in which hydra may describe loaders

# What rules know by its name: it is not followed, though it may be the project itself.
LIBRARIES = frozenset({"torch", "torchvision", "torchaudio", "torchdata", "torch_geometric",
                       "monai", "dgl", "lightning", "pytorch_lightning",
                       "transformers"})  # fmt: skip

# Samplers and datasets that a file may make for a loader elsewhere
_MADE_ALONE = ("RandomSampler", "BatchSampler", "DistributedSampler", "ConcatDataset",
               "ChainDataset", "StackDataset", "TensorDataset")  # fmt: skip

# `train, val = get_dataloaders(args)`, looped over in epochs
_GIVEN = re.compile(r"=\s*[\w.]*(?:[Ll]oader|[Dd]ata)\w*\(")
_GIVEN_RAW = (b"epoch", b"oader")
# `for batch in loader`, `with tqdm(loader) as bar`, and a copy to a device
_LOOPED = re.compile(r"(?:for [^\n]*\bin\b|enumerate\(|tqdm\()[^\n]*[Ll]oader")
_COPIED = (".to(", ".cuda(")
_COPIED_RAW = tuple(map(str.encode, _COPIED))
_HANDED = re.compile(r"num_workers\s*=|[Ll]oader\w*\([^)]*num_workers")
_HANDED_RAW = b"num_workers"
_GENERATORS = ("default_rng(", "RandomState(", "random.Random(")
_GENERATORS_RAW = tuple(map(str.encode, _GENERATORS))
_STARTED_RAW = (b"non_blocking=True", b"oader")
_TRAINER = re.compile(
    rf"\b(?:{'|'.join(sorted({name.rpartition('.')[2] for name in TRAINER_ARGUMENTS}))})\s*\("
)
_PREFIX_RAW = TRAINER_PREFIX.encode()

# These begin with a word, which makes searching ten times as fast as a pattern for the
# start of a line; `_statements` then looks whether they stand there.
_IMPORT = re.compile(r"from\s+(?P<home>[\w.]+)\s+import\s+(?P<names>\([^)]*\)|[^\n#]*)")
_CLASS = re.compile(r"class\s+(?P<name>\w+)\s*\((?P<bases>[^)]*)\)")
_FOLDERS = ("torchvision.datasets", "torchaudio.datasets")  # whatever its name, it is one
_TORCH_DATASET = re.compile(r"Dataset|Subset|Sampler")
_NAME = re.compile(r"(?P<name>[\w.]+|\*)(?:\s+as\s+(?P<alias>\w+))?")
# `data.DataLoader(…)`, `torch.utils.data.Dataset`: by the module's own name, whatever it is
_DOTTED_LOADER = re.compile(r"\.\w*DataLoader\b")
_DOTTED_DATASET = re.compile(r"\.\w*(?:Dataset|Folder|Sampler|Subset)\b")
_OTHER_LOADERS = ("StatefulDataLoader", "ThreadDataLoader", "GraphDataLoader")
_CALLED = re.compile(r"\s*\(")
_OF_GRAPHS = frozenset(name.rpartition(".")[2] for name in GRAPH_LOADERS)


def is_configuration(path: str) -> bool:
    """Reports whether a file is YAML, by its name."""
    return path.endswith(CONFIGURATIONS)


def may_describe_loaders(raw: bytes) -> bool:
    """Reports, at little cost, whether a YAML file may describe a loader.

    One that is no UTF-8 does not: hydra could not read it.
    """
    if b"_target_" not in raw or b"DataLoader" not in raw or b"\0" in raw:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def worth_decoding(raw: bytes) -> bool:
    """Reports whether a file names what could matter; `matters` then looks closer."""
    at_home = any(word in raw for word in HOMES)
    if at_home and any(word in raw for word in _SUBJECTS):
        return True
    if _PREFIX_RAW in raw:
        return True
    if b"torch" not in raw and not at_home:
        return False
    if _HANDED_RAW in raw or all(word in raw for word in _STARTED_RAW):
        return True
    if any(word in raw for word in _TAKEN_ON) or all(word in raw for word in _GIVEN_RAW):
        return True
    if any(word in raw for word in _GENERATORS_RAW):
        return True
    return b"oader" in raw and any(word in raw for word in _COPIED_RAW)


def takes_loaders(text: str) -> bool:
    """Reports whether a file may loop over loaders that it gets from other modules."""
    if "oader" not in text:
        return False
    if any(one in text for one in _COPIED) and _LOOPED.search(text) is not None:
        return True
    return "epoch" in text and _GIVEN.search(text) is not None


def starts_copies(text: str) -> bool:
    """Reports whether a file may copy parts of a loader's batches without waiting."""
    return "non_blocking=True" in text and "oader" in text


def draws_from_its_own(text: str) -> bool:
    """Reports whether a file may hold a transform that draws from a generator of its own."""
    return "def __call__(" in text and any(one in text for one in _GENERATORS)


def hands_workers(text: str) -> bool:
    """Reports whether a file may give a number of workers to a function elsewhere."""
    return "num_workers" in text and "torch" in text and _HANDED.search(text) is not None


def matters(text: str) -> bool:
    """Reports whether a rule could have anything to say on that text."""
    return subjects(text) is not None


@dataclass(frozen=True)
class Wanted:
    """What makes a block worth reading at first sight; none without one of these words is."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]

    def search(self, block: str) -> bool:
        """Reports whether it is in a block."""
        return _wanted(self.words, self.pattern, block)


@lru_cache(maxsize=1024)
def _wanted(words: tuple[str, ...], pattern: re.Pattern[str], block: str) -> bool:
    """Reports whether it is in a block; most hold none of the words, which is soon seen."""
    if not any(word in block for word in words):
        return False
    if pattern.search(block) is None:
        return False
    return not _has_prose(block) or pattern.search(_PROSE.sub("", block)) is not None


def forget() -> None:
    """Drop what is kept of texts."""
    subjects.cache_clear()
    _wanted.cache_clear()


@dataclass(frozen=True)
class Subjects:
    """The names by which a text calls loaders, and the classes in it that may be datasets."""

    loaders: frozenset[str]
    classes: frozenset[str]
    first: Wanted  # the blocks to read first

    def suspects(self, bases: str) -> bool:
        """Reports whether a class with these bases may be a dataset or a loader."""
        return _DOTTED_DATASET.search(bases) is not None or not self.classes.isdisjoint(
            re.findall(r"\w+", bases)
        )


# Long strings are mostly docstrings, and examples in them construct nothing.
_PROSE = re.compile(r'"""[\s\S]*?"""' + r"|'''[\s\S]*?'''")


def _has_prose(text: str) -> bool:
    return '"""' in text or "'''" in text


@lru_cache(maxsize=4)  # it is asked whether a text matters, and then what in it does
def subjects(text: str) -> Subjects | None:
    """What in a text is worth reading; None where nothing is."""
    arguments = TRAINER_PREFIX in text and _TRAINER.search(text) is not None
    if not any(one in text for one in _HOMES) and not arguments:
        return None
    loaders, classes = _imported(text)
    if "DataLoader" in text and _DOTTED_LOADER.search(text):
        loaders.add("DataLoader")
        loaders |= {name for name in _OTHER_LOADERS if name in text}
    defined = [(match["name"], match["bases"]) for match in _statements(_CLASS, text)]
    _grow(defined, loaders, classes)
    split = "random_split" in text or ("Subset" in text and ".dataset." in text)
    seeded = "get_state" in text and "worker" in text
    used = any(_is_used(name, text) for name in loaders)
    if used and _has_prose(text):
        code = _PROSE.sub("", text)
        used = any(_is_used(name, code) for name in loaders)
    made = [name for name in _MADE_ALONE if f"{name}(" in text]
    if (
        not used
        and not made
        and not split
        and not seeded
        and not any(name in classes for name, _ in defined)
        and not arguments
        and not takes_loaders(text)
        and not starts_copies(text)
        and not hands_workers(text)
        and not draws_from_its_own(text)
    ):
        return None
    pattern = r"^(?:import|from)\s|^\s*from\s+(?:torch|monai|[\w.]*dataset)[\w.]*\s+import\b"
    words = ["import"]
    if used:
        pattern += "|" + _use_of(loaders)
        words += sorted(loaders)
    if split:
        pattern += r"|random_split|\bSubset\b|\.dataset\b"
        words += ["random_split", "Subset", ".dataset"]
    if made:
        pattern += rf"|\b(?:{'|'.join(made)})\("
        words += made
    if arguments:
        pattern += f"|{_TRAINER.pattern}"
        words.append(TRAINER_PREFIX)
    if draws_from_its_own(text):
        pattern += "|" + "|".join(map(re.escape, _GENERATORS))
        words += _GENERATORS
    if seeded:
        pattern += r"|get_state"
        words.append("get_state")
    first = Wanted(tuple(words), re.compile(pattern, re.MULTILINE))
    return Subjects(frozenset(loaders), frozenset(classes | loaders), first)


def _statements(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """The matches that stand at the start of a line, blanks aside."""
    at = 0
    while match := pattern.search(text, at):
        line = text.rfind("\n", 0, match.start()) + 1
        stands = not text[line : match.start()].strip(" \t\f")
        if stands:
            yield match
        at = match.end() if stands else match.start() + 1


def _imported(text: str) -> tuple[set[str], set[str]]:
    """The names of loaders, and of what else may be a base of a dataset."""
    loaders: set[str] = set()
    classes: set[str] = set()
    for statement in _statements(_IMPORT, text):
        for match in _NAME.finditer(re.sub(r"#[^\n]*", "", statement["names"].strip("()"))):
            name = match["alias"] or match["name"]
            if match["name"] == "*":
                loaders.add("DataLoader")
                classes |= {"Dataset", "IterableDataset", "Sampler", "Subset"}
            elif match["name"].endswith("DataLoader") or (
                match["name"] in _OF_GRAPHS and statement["home"].startswith("torch_geometric.")
            ):
                loaders.add(name)
            elif statement["home"].startswith(_FOLDERS) or (
                _may_give_datasets(statement["home"]) and _TORCH_DATASET.search(match["name"])
            ):
                classes.add(name)
    return loaders, classes


def _may_give_datasets(home: str) -> bool:
    """Reports whether a module is torch's own, or may be one of the project."""
    return home.startswith("torch.utils") or home.partition(".")[0] not in LIBRARIES


def _grow(defined: list[tuple[str, str]], loaders: set[str], classes: set[str]) -> None:
    """Add the classes, given with their bases, that derive from one of these."""
    grown = True
    while grown:
        grown = False
        for name, bases in defined:
            words = re.findall(r"\w+", bases)
            if name not in loaders and not loaders.isdisjoint(words):
                loaders.add(name)
                grown = True
            dataset = not classes.isdisjoint(words) or _DOTTED_DATASET.search(bases)
            if name not in classes and dataset:
                classes.add(name)
                grown = True


def _is_used(name: str, text: str) -> bool:
    """Reports whether a loader's name is called, or kept for later; not only in annotations."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        around = text[at - 1 : at] + text[end : end + 1]
        if not any(char.isalnum() or char == "_" for char in around) and (
            _CALLED.match(text, end) or _is_kept(text, at)
        ):
            return True
        at = text.find(name, end)
    return False


def _is_kept(text: str, at: int) -> bool:
    """Reports whether the name at a place is assigned, or given to partial()."""
    while at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_."):
        at -= 1
    before = text[:at].rstrip()
    if before.endswith("="):
        return before[-2:-1] not in ("=", "!", "<", ">")
    return before.endswith("partial(")


def _use_of(loaders: Iterable[str]) -> str:
    """Matches where one of the names is called, or kept for later."""
    names = "|".join(sorted(map(re.escape, loaders)))
    return (
        rf"\b(?:{names})\b\s*\(|(?<![=!<>])=\s*[\w.]*\b(?:{names})\b"
        rf"|partial\(\s*[\w.]*\b(?:{names})\b"
    )


# Blocks to read once a loader was found: they may take batches from it.
READ_WITH_LOADERS = re.compile(r"[Ll]oader|set_epoch|set_start_method")
CLASS_HEADER = re.compile(r"(?:@[^\n]*\n|#[^\n]*\n|\s)*class\s+(\w+)\s*\(([^)]*)\)")
