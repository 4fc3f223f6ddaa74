"""Importing this imports the protocol's types, where nobody has yet, in less than half of the time.

More than half of that import is attrs writing a `__repr__` and an `__eq__` for each of some 550
classes. Nobody reads the one or needs the other; with those of every object, messages are still
what they were, and positions and ranges compare as before: their `__eq__` is written by hand.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import attrs

TYPES = "lsprotocol.types"


def _light(usual: Any, cls: type | None = None, /, **options: Any) -> Any:
    if cls is None:
        return partial(_light, usual, **options)
    if cls.__module__ == TYPES:
        options.setdefault("repr", False)
        options.setdefault("eq", False)
    return usual(cls, **options)


if TYPES not in sys.modules:
    _usual = attrs.define
    attrs.define = partial(_light, _usual)
    try:
        import lsprotocol.types  # noqa: F401  # whoever needs it finds it imported
    finally:
        attrs.define = _usual
