"""What is printed about rules, the configuration and the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dladvise.advisor import Rule, Target, all_rules, document
from dladvise.advisor.setting_values import READERS
from dladvise.advisor.settings import Settings

from .render_text import Paint, Style

if TYPE_CHECKING:
    from dladvise.probe import Cores, Machine


def rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": str(rule.severity),
        "opt_in": rule.opt_in,
        "url": rule.url,
        "document": document(rule),
    }


def rule_text(rule: Rule, paint: Paint) -> Iterator[str]:
    """The rule's document, headings and code set off as a terminal can."""
    on = "off by default" if rule.opt_in else "on by default"
    in_code = False
    for line in document(rule).splitlines():
        if line.startswith("```"):
            in_code = not in_code
            role = line.removeprefix("```").removeprefix("python").strip()
            if in_code and role:
                yield paint(f"  {role}:", Style.HELP if role in ("fixed", "good") else Style.ERROR)
        elif in_code:
            yield f"    {line}".rstrip()
        elif line.startswith("# "):
            yield paint(line.removeprefix("# "), Style.STRONG)
            yield f"{rule.severity}, {on}"
        elif line.startswith("#"):
            yield paint(line.lstrip("# "), Style.STRONG)
        else:
            yield line


def config_json(settings: Settings, target: Target) -> str:
    values = {
        key: {"value": _plain(value), "source": source}
        for key, value, source in _values(settings, target)
    }
    entry = {
        "file": None if settings.file is None else str(settings.file),
        "root": str(settings.root),
        "values": values,
        "rules": [rule.code for rule in settings.rules()],
    }
    return json.dumps(entry, indent=2)


def config_text(settings: Settings, target: Target, paint: Paint) -> Iterator[str]:
    """The effective configuration as TOML, and where each value came from."""
    file = "none found" if settings.file is None else str(settings.file)
    yield paint(f"# configuration file: {file}", Style.FRAME)
    table = ""
    for key, value, source in _values(settings, target):
        inner, _, name = key.rpartition(".")
        if inner != table:
            table = inner
            yield ""
            yield f"[{table}]"
        shown = f"{name} = {_toml(value)}" if value is not None else f"# {name} is not set"
        yield f"{shown}  {paint(f'# {source}', Style.FRAME)}"
    yield ""
    on = {rule.code for rule in settings.rules()}
    rules = all_rules()
    yield paint(f"# {len(on)} of {len(rules)} rules are on", Style.FRAME)
    off = [rule.code for rule in rules if rule.code not in on]
    if off:
        yield paint(f"# off: {', '.join(off)}", Style.FRAME)


def machine_text(machine: Machine, cores: Cores) -> Iterator[str]:
    """What this machine offers a loader, a line for each fact."""
    memory = "unknown" if machine.memory_mb is None else f"{machine.memory_mb} MB"
    shm = "none" if machine.shm_mb is None else f"{machine.shm_mb} MB"
    yield f"usable cores  {cores.usable} ({cores.why})"
    yield f"memory        {memory}"
    yield f"/dev/shm      {shm}"
    yield f"start method  {machine.start_method}"
    yield f"torch         {machine.torch or 'not installed beside dladvise'}"
    yield f"python        {machine.python}"
    yield f"gpu           {'yes' if machine.gpu else 'none seen'}"


def _values(settings: Settings, target: Target) -> Iterator[tuple[str, Any, str]]:
    select = None
    ignore: tuple[str, ...] = ()
    for choice in settings.choices:
        if choice.select is not None:
            select, ignore = choice.select, ()
        ignore += choice.ignore
    found: dict[str, Any] = {"select": select, "ignore": ignore}
    for key in READERS:
        name = key.rpartition(".")[2].replace("-", "_")
        value = found[key] if key in found else getattr(settings, name)
        if key in ("per-file-ignores", "probe.env"):
            value = {name: _plain(item) for name, item in value}
        source = settings.source(key)
        if key == "target.cores" and settings.cores is None:
            value = target.cores
            source = target.cores_from if target.cores is None else f"{target.cores_from}, here"
        yield key, value, source


def _plain(value: Any) -> Any:
    """A value as JSON and TOML have it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(n, int) for n in value):
        return f"{value[0]}.{value[1]}"
    return list(value) if isinstance(value, tuple) else value


def _toml(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, dict):
        items = ", ".join(f"{json.dumps(name)} = {_toml(item)}" for name, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    return json.dumps(value, ensure_ascii=False)
