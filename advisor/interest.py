"""What is worth reading: decided from raw text, before anything is parsed.

A false yes costs a parse, a false no costs a finding.
"""

from __future__ import annotations

import re

# Where loaders and datasets come from: a file that names none of these has no findings.
# Searching for words one by one is seven times as fast as one regular expression.
HOMES = ("torch.utils", "torch_geometric", "monai", "torchdata")
SUBJECTS = ("DataLoader", "random_split", "get_state", "Subset")
_HOMES_IN_BYTES = tuple(word.encode() for word in HOMES)
_SUBJECTS_IN_BYTES = tuple(word.encode() for word in SUBJECTS)
_DATASET_CLASS = re.compile(r"class\s+\w+\s*\([^)]*Dataset")
_DATASET_CLASS_IN_BYTES = re.compile(_DATASET_CLASS.pattern.encode())


def matters(text: str | bytes) -> bool:
    """Reports whether a rule could have anything to say on that text."""
    if isinstance(text, bytes):
        return any(word in text for word in _HOMES_IN_BYTES) and (
            any(word in text for word in _SUBJECTS_IN_BYTES)
            or (b"Dataset" in text and _DATASET_CLASS_IN_BYTES.search(text) is not None)
        )
    return any(word in text for word in HOMES) and (
        any(word in text for word in SUBJECTS)
        or ("Dataset" in text and _DATASET_CLASS.search(text) is not None)
    )


# Blocks to read first: imports, and what may construct a loader, a split or a seed. A
# loader's name in an annotation constructs nothing.
READ_FIRST = re.compile(
    r"^(?:import|from)\s|(?<![:>])(?<![:>] )\b[\w.]*DataLoader\b|random_split|get_state"
    r"|\.dataset\b",
    re.MULTILINE,
)
# Blocks to read once a loader was found: they may take batches from it.
READ_WITH_LOADERS = re.compile(r"[Ll]oader|set_epoch|set_start_method")

CLASS_HEADER = re.compile(r"(?:@[^\n]*\n|#[^\n]*\n|\s)*class\s+(\w+)\s*\(([^)]*)\)")
DATASET_BASE = re.compile(r"Dataset|Loader")
