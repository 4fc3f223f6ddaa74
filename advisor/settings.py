"""What the user configured, and where each value came from.

Layers lie upon each other: defaults, the project's file, the command line (or an
editor's settings). Each is a table like `[tool.dladvise]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from . import globs, toml_lines
from .engine import all_rules
from .findings import Rule
from .setting_values import ALL, READERS, did_you_mean, kind, read_selectors
from .target import Target

FILE_NAME = "dladvise.toml"
PYPROJECT = "pyproject.toml"


class SettingsError(Exception):
    """The configuration cannot be used; `problems` has one line for each reason."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Choice:
    """The rules that one layer asks for; without `select`, changes to the layer below."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()

    def decides(self, rule: Rule, before: bool) -> bool:
        """Whether the rule is on after this layer; the more specific selector wins."""
        wanted = _specificity(rule, (self.select or ()) + self.extend_select)
        unwanted = _specificity(rule, self.ignore)
        if self.select is None and max(wanted, unwanted) < 0:
            return before
        return unwanted < wanted


@dataclass(frozen=True)
class Settings:
    """The effective configuration. `sources` says of each key that was set, where."""

    root: Path
    file: Path | None = None
    choices: tuple[Choice, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    cores: int | None = None
    python: tuple[int, int] | None = None
    torch: tuple[int, int] | None = None
    platforms: frozenset[str] = frozenset({"linux"})
    start_method: str | None = None
    gpu: bool | None = None
    interpreter: str | None = None
    args: tuple[str, ...] = ()
    seconds: float | None = None
    env: tuple[tuple[str, str], ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def source(self, key: str) -> str:
        """Where the value of `key` (as written in the file, "target.cores") comes from."""
        return self.sources.get(key, "default")

    def rules(self) -> tuple[Rule, ...]:
        """The rules that are on, exceptions for single files aside."""
        return self._rules

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in all_rules() if self._is_on(rule))

    def rules_for(self, path: Path) -> tuple[Rule, ...]:
        """The rules for one file."""
        if not self.per_file_ignores:
            return self.rules()
        name = self.relative(path)
        off = [
            selector
            for pattern, selectors in self.per_file_ignores
            if globs.matches(pattern, name)
            for selector in selectors
        ]
        return tuple(rule for rule in self.rules() if _specificity(rule, off) < 0)

    def excludes(self, path: Path) -> bool:
        """Reports whether the configuration leaves that file or folder out."""
        if not self.exclude:
            return False
        name = self.relative(path)
        return any(globs.matches(pattern, name) for pattern in self.exclude)

    def relative(self, path: Path) -> str:
        """The path as patterns see it: from the configuration's folder, with slashes."""
        path = Path.cwd() / path
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return path.as_posix().lstrip("/")

    def target(self, cores: int | None = None, cores_from: str = "") -> Target:
        """The target machine; `cores` is what is assumed where nothing is configured."""
        if self.cores is not None:
            cores, cores_from = self.cores, f"target.cores in {self.source('target.cores')}"
            if self.source("target.cores").startswith("-"):
                cores_from = self.source("target.cores")
        return Target(
            cores=cores,
            cores_from=cores_from,
            python=self.python,
            torch=self.torch,
            platforms=self.platforms,
            start_method=self.start_method,
            gpu=self.gpu,
        )

    def _is_on(self, rule: Rule) -> bool:
        on = not rule.opt_in
        for choice in self.choices:
            on = choice.decides(rule, on)
        return on


def defaults(root: Path) -> Settings:
    """The settings where nothing is configured."""
    return Settings(root)


def nearest(folder: Path) -> Path | None:
    """The configuration file for the files of a folder: the first on the way up."""
    return next(filter(None, map(file_in, (folder, *folder.parents))), None)


def file_in(folder: Path) -> Path | None:
    """The configuration file that stands in a folder itself."""
    own = folder / FILE_NAME
    if own.is_file():
        return own
    shared = folder / PYPROJECT
    return shared if shared.is_file() and _has_table(shared) else None


def load(path: Path, base: Settings | None = None) -> Settings:
    """The settings that a file makes; SettingsError with its name and lines where it is broken."""
    text = _text(path)
    try:
        document = _parsed(text)
    except ValueError as error:
        raise SettingsError([f"{_shown(path)}: {error}"]) from None
    keys: tuple[str, ...] = ()
    if path.name == PYPROJECT or "dladvise" in document.get("tool", {}):
        document = document.get("tool", {}).get("dladvise", {})
        keys = ("tool", "dladvise")
    if not isinstance(document, dict):
        raise SettingsError([f"{_shown(path)}: tool.dladvise must be a table"])

    def where(key: tuple[str, ...]) -> str:
        return f"{_shown(path)}:{toml_lines.line_of(text, keys + key)}"

    root = path.parent
    settings = replace(base, root=root) if base is not None else defaults(root)
    return layered(replace(settings, file=path), document, where)


def layered(
    base: Settings, table: Mapping[str, Any], where: Callable[[tuple[str, ...]], str]
) -> Settings:
    """`base` with the values of a table like `[tool.dladvise]` upon it.

    `where` names the place of a key. SettingsError has a line for every problem.
    """
    values: dict[str, Any] = {}
    sources = dict(base.sources)
    problems: list[str] = []
    for key, value in _leaves(table, problems, where):
        read = READERS[key]
        try:
            values[key] = read(value)
        except ValueError as error:
            problems.append(f"{where(tuple(key.split('.', 1)))}: {key} {error}")
        else:
            sources[key] = where(tuple(key.split(".", 1)))
    if problems:
        raise SettingsError(problems)
    choice = Choice(
        values.pop("select", None), values.pop("ignore", ()), values.pop("extend-select", ())
    )
    choices = base.choices if choice == Choice() else (*base.choices, choice)
    changed = {key.rpartition(".")[2].replace("-", "_"): value for key, value in values.items()}
    return replace(base, choices=choices, sources=sources, **changed)


def overridden(
    base: Settings,
    *,
    select: str | None = None,
    ignore: str | None = None,
    extend_select: str | None = None,
    cores: int | None = None,
) -> Settings:
    """`base` under the command line's options, which SettingsError calls by their names."""
    options = {"select": select, "ignore": ignore, "extend-select": extend_select}
    sources = dict(base.sources)
    parts: dict[str, tuple[str, ...]] = {}
    problems = []
    for key, option in options.items():
        if option is None:
            continue
        try:
            parts[key] = read_selectors([part for part in option.replace(",", " ").split() if part])
        except ValueError as error:
            problems.append(f"--{key} {error}")
        sources[key] = f"--{key}"
    if problems:
        raise SettingsError(problems)
    choices = base.choices
    if parts:
        choice = Choice(
            parts.get("select"), parts.get("ignore", ()), parts.get("extend-select", ())
        )
        choices = (*choices, choice)
    if cores is not None:
        sources["target.cores"] = "--target-cores"
        base = replace(base, cores=cores)
    return replace(base, choices=choices, sources=sources)


def _specificity(rule: Rule, selectors: Iterable[str]) -> int:
    """How precisely the selectors mean the rule; -1 where they do not."""
    best = -1
    for selector in selectors:
        if selector == ALL:
            best = max(best, 0)
        elif selector == rule.name or rule.code.startswith(selector):
            best = max(best, min(len(selector), len(rule.code)))
    return best


TABLES = ("target", "probe")


def _leaves(
    table: Mapping[str, Any], problems: list[str], where: Callable[[tuple[str, ...]], str]
) -> Iterable[tuple[str, Any]]:
    """Every known key with its value; the others become problems."""
    top = [key for key in READERS if "." not in key] + list(TABLES)
    for key, value in table.items():
        if key in TABLES:
            if not isinstance(value, dict):
                problems.append(f"{where((key,))}: {key} must be a table, not {kind(value)}")
                continue
            inner = [name.partition(".")[2] for name in READERS if name.startswith(f"{key}.")]
            for name, inner_value in value.items():
                if name in inner:
                    yield f"{key}.{name}", inner_value
                else:
                    maybe = did_you_mean(name, inner)
                    problems.append(f"{where((key, name))}: unknown key {key}.{name}{maybe}")
        elif key in READERS:
            yield key, value
        else:
            problems.append(f"{where((key,))}: unknown key {key}{did_you_mean(key, top)}")


def _has_table(pyproject: Path) -> bool:
    text = _text(pyproject)
    if "dladvise" not in text:
        return False
    try:
        return "dladvise" in _parsed(text).get("tool", {})
    except ValueError:
        return "[tool.dladvise" in text  # broken, and ours: loading it says where


def _parsed(text: str) -> dict[str, Any]:
    # only projects that configure something pay for the parser
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError([f"{_shown(path)}: is not UTF-8"]) from None
    except OSError as error:
        raise SettingsError([f"{_shown(path)}: {error.strerror or error}"]) from None


def _shown(path: Path) -> str:
    """The path as the user would type it."""
    cwd = Path.cwd()
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
