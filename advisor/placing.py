"""Where a finding about a construction stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .findings import Finding, Related

if TYPE_CHECKING:
    from .model import Module


def placed(module: Module, finding: Finding) -> Finding:
    """The finding, moved to the callee's name where it is about a later line of a call.

    Editors, suppressions and `file:line` all speak of a construction by the line on which
    the callee's name starts; the argument itself becomes a related place.
    """
    line_at = module.source.line_at
    for call in reversed(module.loaders):  # a call inside another comes after it
        inside = call.callee.end <= finding.span.start and finding.span.end <= call.span.end
        if inside and line_at(call.callee.start) < line_at(finding.span.start):
            related = (Related(finding.span, "this argument"), *finding.related)
            return replace(finding, span=call.callee.fixed, related=related, argument=finding.span)
    return finding
