"""Source in, findings out."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module, resources

from . import ignores, rules
from .findings import Finding, Report, Rule
from .interest import matters
from .target import Target
from .text import Source


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
    name = rule.name.replace("-", "_")
    return (resources.files(rules) / f"{name}.md").read_text(encoding="utf-8")


def analyze(
    source: Source, target: Target | None = None, chosen: Iterable[Rule] | None = None
) -> Report:
    """The findings of `chosen` rules, by default all that are on by default."""
    if chosen is None:
        chosen = [rule for rule in all_rules() if not rule.opt_in]
    chosen = tuple(chosen)
    findings: list[Finding] = []
    if matters(source.text):
        from .reader import read  # libcst takes a quarter second to import

        module = read(source, target or Target())
        findings = [finding for rule in chosen for finding in rule(module)]
    findings = ignores.silenced(source, findings, chosen)
    findings.sort(key=lambda f: (f.span.start, f.rule.code, f.message))
    return Report(source, tuple(findings))
