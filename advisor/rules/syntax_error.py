"""Code that Python does not read, so that nobody checks it."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import Module


@rule("DL098", Severity.INFO)
def syntax_error(module: Module) -> Iterator[Hit]:
    # the first is enough: the others often follow from it
    for problem in module.problems[:1]:
        yield Hit(problem.span, problem.message)
