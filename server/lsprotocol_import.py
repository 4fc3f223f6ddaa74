"""Importing this imports the protocol's types, where nobody has yet, in half of the time.

Half of that import is attrs writing a `__repr__` for each of some 550 classes. Nobody
reads them; with the plain one of every object, messages are still what they were.
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
    return usual(cls, **options)


if TYPES not in sys.modules:
    _usual = attrs.define
    attrs.define = partial(_light, _usual)
    try:
        import lsprotocol.types  # noqa: F401  # whoever needs it finds it imported
    finally:
        attrs.define = _usual
