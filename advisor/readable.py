"""Whether text is Python, at a tenth of the price of reading it."""

from __future__ import annotations

import ast
import warnings
from enum import Enum
from functools import lru_cache


class Readable(Enum):
    """How far the interpreter that runs us gets with a text; it may be older than the code."""

    YES = "yes"
    MAYBE = "maybe"
    TOO_DEEP = "too deep"  # for any parser, and some do not survive it


@lru_cache(maxsize=4096)
def readable(block: str) -> Readable:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(block)
    except (RecursionError, MemoryError):
        return Readable.TOO_DEEP
    except (SyntaxError, ValueError):
        return Readable.MAYBE
    return Readable.YES
