"""A suppressing comment that suppresses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..findings import Hit, Severity, rule

if TYPE_CHECKING:
    from ..model import Module


@rule("DL099", Severity.WARNING)
def unused_suppression(module: Module) -> Iterator[Hit]:
    # Only when all rules have run is it known which comment was of use, and a file
    # without a loader has comments too: `advisor.ignores` makes these findings.
    return iter(())
