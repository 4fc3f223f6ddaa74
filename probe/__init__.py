"""Measures what a loader does on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .inside.machine import Cores, Machine, machine, usable_cores
from .request import Request, Target, TargetError, target
from .results import (
    Cancelled,
    Consumer,
    Estimate,
    NotEnough,
    Point,
    ProbeError,
    Recommendation,
    Settings,
    Stage,
    UserCodeFailed,
    WrongUse,
)

if TYPE_CHECKING:
    from .measuring import measure

__all__ = [
    "Cancelled",
    "Consumer",
    "Cores",
    "Estimate",
    "Machine",
    "NotEnough",
    "Point",
    "ProbeError",
    "Recommendation",
    "Request",
    "Settings",
    "Stage",
    "Target",
    "TargetError",
    "UserCodeFailed",
    "WrongUse",
    "machine",
    "measure",
    "target",
    "usable_cores",
]


def __getattr__(name: str) -> object:
    # psutil and the sockets are for those who measure
    if name == "measure":
        from .measuring import measure

        return measure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
