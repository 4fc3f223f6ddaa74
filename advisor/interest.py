"""What is worth reading: decided from raw text, before anything is parsed.

A false yes costs a parse, a false no costs a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Where loaders and datasets come from: a file that names none of these has no findings.
# Searching for words one by one is seven times as fast as one regular expression.
HOMES = (b"torch.utils", b"torch_geometric", b"monai", b"torchdata")
_SUBJECTS = (b"DataLoader", b"Dataset", b"random_split", b"get_state", b"Subset")

_IMPORT = re.compile(
    r"^[ \t\f]*from\s+(?P<home>torch\.utils(?:\.data[\w.]*)?|torch_geometric[\w.]*|monai[\w.]*"
    r"|torchdata[\w.]*|torchvision\.datasets[\w.]*|torchaudio\.datasets[\w.]*)"
    r"\s+import\s+(?P<names>\([^)]*\)|[^\n#]*)",
    re.MULTILINE,
)
_TORCH_DATASET = re.compile(r"Dataset|Subset")
_NAME = re.compile(r"(?P<name>[\w.]+|\*)(?:\s+as\s+(?P<alias>\w+))?")
# `data.DataLoader(…)`, `torch.utils.data.Dataset`: by the module's own name, whatever it is
_DOTTED_LOADER = re.compile(r"\.\w*DataLoader\b")
_CLASS = re.compile(r"^[ \t\f]*class\s+(?P<name>\w+)\s*\((?P<bases>[^)]*)\)", re.MULTILINE)
_DOTTED_DATASET = re.compile(r"\.\w*(?:Dataset|Folder)\b")


def worth_decoding(raw: bytes) -> bool:
    """Reports whether a file names what could matter; `matters` then looks closer."""
    return any(word in raw for word in HOMES) and any(word in raw for word in _SUBJECTS)


def matters(text: str) -> bool:
    """Reports whether a rule could have anything to say on that text."""
    return subjects(text) is not None


@dataclass(frozen=True)
class Subjects:
    """The names by which a text calls loaders, and the classes in it that may be datasets."""

    loaders: frozenset[str]
    classes: frozenset[str]
    first: re.Pattern[str]  # matches the blocks to read first

    def suspects(self, bases: str) -> bool:
        """Reports whether a class with these bases may be a dataset or a loader."""
        return _DOTTED_DATASET.search(bases) is not None or not self.classes.isdisjoint(
            re.findall(r"\w+", bases)
        )


def subjects(text: str) -> Subjects | None:
    """What in a text is worth reading; None where nothing is."""
    if "torch" not in text and "monai" not in text:
        return None
    loaders, classes = _imported(text)
    if "DataLoader" in text and _DOTTED_LOADER.search(text):
        loaders.add("DataLoader")
        loaders |= {name for name in ("StatefulDataLoader", "ThreadDataLoader") if name in text}
    if "class" in text:
        _grow(text, loaders, classes)
    split = "random_split" in text or ("Subset" in text and ".dataset." in text)
    seeded = "get_state" in text and "worker" in text
    used = bool(loaders) and _used(loaders).search(text) is not None
    if not used and not split and not seeded and not _has_class(text, classes):
        return None
    pattern = r"^(?:import|from)\s|^\s*from\s+[\w.]+\s+import\b"
    if used:
        pattern += "|" + _used(loaders).pattern
    if split:
        pattern += r"|random_split|\bSubset\b|\.dataset\b"
    if seeded:
        pattern += r"|get_state"
    return Subjects(
        frozenset(loaders), frozenset(classes | loaders), re.compile(pattern, re.MULTILINE)
    )


def _imported(text: str) -> tuple[set[str], set[str]]:
    """The names of loaders, and of what else may be a base of a dataset."""
    loaders: set[str] = set()
    classes: set[str] = set()
    for statement in _IMPORT.finditer(text):
        for match in _NAME.finditer(re.sub(r"#[^\n]*", "", statement["names"].strip("()"))):
            name = match["alias"] or match["name"]
            if match["name"] == "*":
                loaders.add("DataLoader")
                classes |= {"Dataset", "IterableDataset"}
            elif match["name"].endswith("DataLoader"):
                loaders.add(name)
            elif ".datasets" in statement["home"] or (
                statement["home"].startswith("torch.utils") and _TORCH_DATASET.search(match["name"])
            ):
                classes.add(name)
    return loaders, classes


def _grow(text: str, loaders: set[str], classes: set[str]) -> None:
    """Add the classes of the text that derive from one of these."""
    grown = True
    while grown:
        grown = False
        for match in _CLASS.finditer(text):
            name = match["name"]
            words = re.findall(r"\w+", match["bases"])
            if name not in loaders and not loaders.isdisjoint(words):
                loaders.add(name)
                grown = True
            dataset = not classes.isdisjoint(words) or _DOTTED_DATASET.search(match["bases"])
            if name not in classes and dataset:
                classes.add(name)
                grown = True


def _has_class(text: str, classes: Iterable[str]) -> bool:
    return any(match["name"] in set(classes) for match in _CLASS.finditer(text))


def _used(loaders: Iterable[str]) -> re.Pattern[str]:
    """Matches a loader's name that is called, or kept for later; not one in an annotation."""
    names = "|".join(sorted(map(re.escape, loaders)))
    return re.compile(rf"\b(?:{names})\b\s*\(|(?<![=!<>])=\s*[\w.]*\b(?:{names})\b|partial\(\s*[\w.]*\b(?:{names})\b")


# Blocks to read once a loader was found: they may take batches from it.
READ_WITH_LOADERS = re.compile(r"[Ll]oader|set_epoch|set_start_method")
CLASS_HEADER = re.compile(r"(?:@[^\n]*\n|#[^\n]*\n|\s)*class\s+(\w+)\s*\(([^)]*)\)")
