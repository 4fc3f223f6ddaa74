"""Importing this imports libcst, where nobody has yet, in half of the time.

The parser then makes nodes a tenth faster, too. Two thirds of the import is the
decorator `dataclass` writing methods for some 170 classes of nodes. `__repr__` and
`__eq__` are written for nothing, since the nodes have their own and keep them, and what
guards a frozen node costs more than the rest: each field of each node is set by a call.
No node is changed here, so that nothing needs the guard.
"""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from typing import Any

NODES = "libcst._nodes."  # the modules of the classes meant; all others stay as they are


def _light(usual: Any, cls: type | None = None, /, **options: Any) -> Any:
    if cls is None:
        return partial(_light, usual, **options)
    if cls.__module__.startswith(NODES) and options.get("frozen"):
        own = cls.__dict__
        options["frozen"] = False
        options["repr"] = "__repr__" not in own
        options["eq"] = not ("__eq__" in own and "__hash__" in own)
    return usual(cls, **options)


if "libcst" not in sys.modules:
    _usual = dataclasses.dataclass
    dataclasses.dataclass = partial(_light, _usual)
    try:
        import libcst  # noqa: F401  # whoever needs it finds it imported
    finally:
        dataclasses.dataclass = _usual
