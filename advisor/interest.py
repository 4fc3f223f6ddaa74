"""Whether a file can matter at all: decided from its raw text, before anything is parsed."""

from __future__ import annotations

import re

# Every fact that a rule reads begins with one of these names; a text without
# them has no findings. A false yes costs a parse, a false no costs a finding.
INTEREST = (
    r"DataLoader|Dataset|Sampler|Subset|DataModule|dataloader|random_split|worker_init_fn"
    r"|default_collate|get_worker_info|(?:from|import)\s+torch\.utils"
)
_IN_BYTES = re.compile(INTEREST.encode())
_IN_TEXT = re.compile(INTEREST)


def matters(text: str | bytes) -> bool:
    """Reports whether a rule could have anything to say on that text."""
    if isinstance(text, bytes):
        return _IN_BYTES.search(text) is not None
    return _IN_TEXT.search(text) is not None
