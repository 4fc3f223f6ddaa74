"""The editor's settings: `initializationOptions`, and section `dladvise` of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dladvise.advisor.setting_values import READERS, did_you_mean, find_rule, kind
from dladvise.advisor.settings import Settings, SettingsError, layered

SECTION = "dladvise"
EDITOR = "the editor's settings"
OFF = "off"
SEVERITIES = ("error", "warning", "info", "hint", OFF)
# Every editor with support for Python underlines what cannot be read already.
USUAL_SEVERITY = {"DL000": OFF}


@dataclass(frozen=True)
class Options:
    """What the editor says. `table` is like `[tool.dladvise]`, what is not set left out."""

    trusted: bool = True
    ask_before_probe: bool = True
    debounce_ms: int = 150
    code_lens: bool = True
    inlay_hints: bool = True
    hover: bool = True
    workspace_diagnostics: bool = True
    interpreter: str | None = None
    severity: Mapping[str, str] = field(default_factory=lambda: USUAL_SEVERITY)
    table: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def over(self, settings: Settings) -> Settings:
        """A project's settings under what the editor sets explicitly."""
        if not self.table:
            return settings
        try:
            return layered(settings, self.table, _nowhere)
        except SettingsError:
            return settings  # told when the options were read


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {kind(value)}")
    return value


def _milliseconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError("must be a number of milliseconds, 0 or more")
    return int(value)


def _path(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError(f"must be a path, not {kind(value)}")
    return value or None


def _severities(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"must map codes to severities, not {kind(value)}")
    found = {}
    for word, severity in value.items():
        if severity not in SEVERITIES:
            raise ValueError(f"of {word} must be one of {', '.join(SEVERITIES)}, not {severity}")
        try:
            found[find_rule(word).code] = severity
        except ValueError as error:
            raise ValueError(f"names {word}, but {error}") from None
    return {**USUAL_SEVERITY, **found}


_OURS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "trusted": ("trusted", _truth),
    "askBeforeProbe": ("ask_before_probe", _truth),
    "debounceMs": ("debounce_ms", _milliseconds),
    "codeLens": ("code_lens", _truth),
    "inlayHints": ("inlay_hints", _truth),
    "hover": ("hover", _truth),
    "workspaceDiagnostics": ("workspace_diagnostics", _truth),
    "interpreter": ("interpreter", _path),
    "severity": ("severity", _severities),
}
_TABLES = frozenset(name.partition(".")[0] for name in READERS if "." in name)
_KEYS = frozenset(name.partition(".")[0] for name in READERS)


def read(given: Any, base: Options | None = None) -> Options:
    """`base` under the settings of an editor; what is wrong with them is in `problems`.

    Nulls are settings that are not set. A key may be written `probe.seconds` or nested.
    """
    base = base or Options()
    if not isinstance(given, Mapping):
        problems = () if given is None else (f"{EDITOR}: {SECTION} must be an object",)
        return replace(base, problems=problems)
    changed: dict[str, Any] = {}
    table: dict[str, Any] = {key: _copied(value) for key, value in base.table.items()}
    problems_: list[str] = []
    for key, value in given.items():
        head, dot, tail = key.partition(".")
        if value is None:
            continue
        if key in _OURS:
            name, reader = _OURS[key]
            try:
                changed[name] = reader(value)
            except ValueError as error:
                problems_.append(f"{EDITOR}: {key} {error}")
        elif head in _TABLES:
            inner = {tail: value} if dot else value
            if isinstance(inner, Mapping):
                _set(table, head, inner, problems_)
            else:
                problems_.append(f"{EDITOR}: {key} must be an object, not {kind(value)}")
        elif head in _KEYS:
            if _fits(key, value, problems_):
                table[key] = _copied(value)
        else:
            known = [*_OURS, *_KEYS]
            problems_.append(f"{EDITOR}: unknown setting {key}{did_you_mean(key, known)}")
    return replace(base, **changed, table=table, problems=tuple(problems_))


def _set(table: dict[str, Any], head: str, inner: Mapping[str, Any], problems: list[str]) -> None:
    for name, value in inner.items():
        if value is None:
            continue
        if f"{head}.{name}" not in READERS:
            problems.append(f"{EDITOR}: unknown setting {head}.{name}")
        elif _fits(f"{head}.{name}", value, problems):
            table.setdefault(head, {})[name] = _copied(value)


def _fits(key: str, value: Any, problems: list[str]) -> bool:
    """Reports whether the value can be read; what is wrong with it becomes a problem."""
    try:
        READERS[key](_copied(value))
    except ValueError as error:
        problems.append(f"{EDITOR}: {key} {error}")
        return False
    return True


def _copied(value: Any) -> Any:
    """JSON as plain lists and tables; the protocol's own may be tuples."""
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _nowhere(key: tuple[str, ...]) -> str:
    return EDITOR
