"""Reads the text of a module and says what is wrong with its data loading.

Nothing here runs or imports the code it reads.
"""

from .engine import all_rules, analyze, document, rule_named
from .findings import Finding, Fix, Related, Report, Rule, Safety, Severity
from .fixing import fixed
from .memory import Memory
from .target import Target
from .text import Cell, Edit, Position, Source, Span, applied

__all__ = [
    "Cell",
    "Edit",
    "Finding",
    "Fix",
    "Memory",
    "Position",
    "Related",
    "Report",
    "Rule",
    "Safety",
    "Severity",
    "Source",
    "Span",
    "Target",
    "all_rules",
    "analyze",
    "applied",
    "document",
    "fixed",
    "rule_named",
]
