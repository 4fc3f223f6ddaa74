"""Source in, findings out."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from . import ignores, rules
from .findings import Finding, Report, Rule
from .interest import is_configuration, matters
from .placing import placed
from .target import Target
from .text import Source

if TYPE_CHECKING:
    from .memory import Memory
    from .model import Module
    from .project import Project


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code: each module beside `rules/__init__.py` is one."""
    found = []
    for info in pkgutil.iter_modules(rules.__path__):
        module = import_module(f"{rules.__name__}.{info.name}")
        found.append(getattr(module, info.name))
    return tuple(sorted(found, key=lambda rule: rule.code))


def rule_named(code: str) -> Rule:
    """The rule with that code; KeyError where there is none."""
    return {rule.code: rule for rule in all_rules()}[code]


def document(rule: Rule) -> str:
    """The rule's document, Markdown."""
    from importlib import resources  # only to show a document

    name = rule.name.replace("-", "_")
    return (resources.files(rules) / f"{name}.md").read_text(encoding="utf-8")


def reading() -> Callable[..., Module]:
    """What turns a text into facts; the first call imports it, and libcst, its greatest part."""
    from . import libcst_import  # noqa: F401  # before anybody else imports libcst
    from .reader import read

    return read


def forget() -> None:
    """Drop what is kept of the texts read so far, for those who will not read them again."""
    if f"{__package__}.reader" not in sys.modules:
        return
    from . import blocks, interest, parsing, program, readable, walk_statements, worker_code

    blocks.forget()
    interest.forget()
    parsing.forget()
    program.forget()
    readable.readable.cache_clear()
    walk_statements.read_block.cache_clear()
    worker_code.survey.cache_clear()


def analyze(
    source: Source,
    target: Target | None = None,
    chosen: Iterable[Rule] | None = None,
    memory: Memory | None = None,
    project: Project | None = None,
) -> Report:
    """The findings of `chosen` rules, by default all that are on by default.

    `memory` is for who analyses a text again after each edit: it makes that faster, and
    changes nothing else. What an earlier report found is not to be looked into any more.
    What the text imports is followed into the other modules of `project`; a memory is of no
    use any more when one of those that it saw has changed.
    """
    if chosen is None:
        chosen = [rule for rule in all_rules() if not rule.opt_in]
    chosen = tuple(chosen)
    target = target or Target()
    if is_configuration(source.path):
        return _of_configuration(source, target, chosen)
    settled = memory.settled if memory is not None else None
    if settled is not None and (settled.target, settled.chosen) == (target, chosen):
        move = settled.move_to(source)
        moved = settled.moved(move) if move is not None else None
        if moved is not None:
            found = _told(source, moved, chosen)
            return Report(source, found, settled.loaders, seen=settled.seen, move=move)
    if not matters(source.text):
        if memory is not None:
            memory.settled = None
        return Report(source, _told(source, (), chosen))
    imports = memory.imports if memory is not None else None
    if imports is None and project is not None:
        imports = project.imports(source.path)
    if memory is not None:
        memory.imports = imports
    module = reading()(source, target, memory, imports)
    findings = tuple(placed(module, finding) for rule in chosen for finding in rule(module))
    broken = bool(module.problems)
    seen = imports.seen() if imports is not None else frozenset()
    if memory is not None and not broken:
        memory.settle(source, target, chosen, findings, module.loaders, seen)
    return Report(source, _told(source, findings, chosen), module.loaders, broken, seen)


def _told(
    source: Source, findings: Sequence[Finding], chosen: tuple[Rule, ...]
) -> tuple[Finding, ...]:
    """The findings that no comment suppresses, in order of place."""
    found = ignores.silenced(source, list(findings), chosen)
    return tuple(sorted(found, key=lambda one: (one.span.start, one.rule.code, one.message)))


def _of_configuration(source: Source, target: Target, chosen: tuple[Rule, ...]) -> Report:
    """The findings in a YAML text; without fixes, whose edits are Python."""
    from .hydra import read_configuration  # and with it all facts, which few files need

    module = read_configuration(source, target)
    if not module.loaders:
        return Report(source, ())
    found = [finding for rule in chosen for finding in rule(module)]
    found = [replace(finding, fix=None, alternatives=()) for finding in found]
    return Report(source, _told(source, found, chosen))
