"""What a value of the configuration may be: from TOML's types to ours.

A reader raises ValueError with words that continue the key's name: "must be …".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from .engine import all_rules
from .findings import Rule

ALL = "ALL"
PLATFORMS = ("linux", "macos", "windows")
START_METHODS = ("fork", "spawn", "forkserver")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ ", did you mean …?" for a misspelt word, or nothing."""
    upper = {name.upper(): name for name in known}
    close = get_close_matches(word.upper(), upper, 1, cutoff=0.5)
    return f", did you mean {upper[close[0]]}?" if close else ""


def find_rule(word: str) -> Rule:
    """The rule with that code or name; ValueError says what may have been meant."""
    names = {name.upper(): rule for rule in all_rules() for name in (rule.code, rule.name)}
    rule = names.get(word.upper())
    if rule is None:
        raise ValueError(f"there is no rule {word}{_meant(word)}")
    return rule


def _meant(word: str) -> str:
    if word[:2].upper() == "DL" and word[2:].isdigit():
        # among codes the nearest number is likelier than a similar one
        by_distance = sorted(
            (rule.code for rule in all_rules()),
            key=lambda code: (
                sum(a != b for a, b in zip(code, word.upper().ljust(5), strict=False)),
                abs(int(code[2:]) - int(word[2:])),
            ),
        )
        return f", did you mean {by_distance[0]}?" if by_distance else ""
    return did_you_mean(word, [name for rule in all_rules() for name in (rule.code, rule.name)])


def read_selectors(value: Any) -> tuple[str, ...]:
    selectors = []
    for word in _strings(value):
        upper = word.upper()
        if upper == ALL or any(rule.code.startswith(upper) for rule in all_rules()):
            selectors.append(upper)
        elif upper in {rule.name.upper() for rule in all_rules()}:
            selectors.append(find_rule(word).code)
        else:
            raise ValueError(f"has the unknown rule {word}{_meant(word)}")
    return tuple(selectors)


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"must be a list of strings, not {kind(value)}")
    return tuple(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {kind(value)}")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {kind(value)}")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {kind(value)}")
    if value < 1:
        raise ValueError(f"must be at least 1, not {value}")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {kind(value)}")
    if not value > 0:
        raise ValueError(f"must be more than 0, not {value}")
    return float(value)


def _version(value: Any) -> tuple[int, int]:
    if isinstance(value, float):
        raise ValueError(f'must be a string such as "3.10" (a number loses the 0), not {value}')
    parts = _string(value).split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts[:2]):
        raise ValueError(f'must be a version such as "3.12", not "{value}"')
    return int(parts[0]), int(parts[1])


def _platforms(value: Any) -> frozenset[str]:
    for name in _strings(value):
        _one_of(name, PLATFORMS)
    return frozenset(value)


def _start_method(value: Any) -> str:
    return _one_of(_string(value), START_METHODS)


def _one_of(name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise ValueError(
            f'must be one of {", ".join(known)}, not "{name}"{did_you_mean(name, known)}'
        )
    return name


def _per_file_ignores(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table from patterns to codes, not {kind(value)}")
    return tuple((pattern, read_selectors(codes)) for pattern, codes in value.items())


def _env(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("must be a table of strings")
    return tuple(value.items())


READERS: dict[str, Callable[[Any], Any]] = {
    "select": read_selectors,
    "ignore": read_selectors,
    "per-file-ignores": _per_file_ignores,
    "exclude": _strings,
    "target.cores": _count,
    "target.python": _version,
    "target.torch": _version,
    "target.platforms": _platforms,
    "target.start-method": _start_method,
    "target.gpu": _truth,
    "probe.interpreter": _string,
    "probe.args": _strings,
    "probe.seconds": _seconds,
    "probe.env": _env,
}


def kind(value: Any) -> str:
    """What TOML calls the value."""
    if isinstance(value, list):
        odd = [item for item in value if not isinstance(item, str)]
        return f"a list with {kind(odd[0])}" if odd else "a list"
    kinds = {bool: "a boolean", int: "a whole number", float: "a number", str: "a string"}
    return kinds.get(type(value), "a table" if isinstance(value, dict) else "a date or time")
