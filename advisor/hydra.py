"""Which loaders a configuration of hydra (YAML) describes: `_target_: torch.utils.data.DataLoader`.

A block is taken as it stands, which is what runs unless somebody overrides it. Who
instantiates it may give more arguments, and what is not written is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from .model import Argument, LoaderCall, Module
from .target import Target
from .text import Source, Span
from .torch_api import DEFAULTS, LOADERS, SAMPLERS, canonical, family
from .values import ALWAYS, UNKNOWN, Case, Known, Made, What

MOST_CHARACTERS = 1_000_000  # no configuration that somebody wrote is longer

_YAML = "tag:yaml.org,2002:"
_INT = re.compile(r"0|[1-9][0-9]*")  # YAML 1.1 has octal and sexagesimal numbers as well
_FLOAT = re.compile(r"[0-9]+\.[0-9]+")
_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_configuration(source: Source, target: Target) -> Module:
    """The loaders that a YAML text describes; none where it cannot be read."""
    return Module(source, target, tuple(_loaders(source.text)))


def _loaders(text: str) -> Iterator[LoaderCall]:
    if "_target_" not in text or "DataLoader" not in text or len(text) > MOST_CHARACTERS:
        return
    try:
        yaml: Any = import_module("yaml")  # few files get here
    except ImportError:
        return  # what is bundled with an editor lacks it, and is shown no YAML
    try:
        documents = list(yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, RecursionError):
        return  # a template, for one
    if len(documents) != 1:
        return  # hydra reads files of one
    left = documents
    seen: set[int] = set()
    found = []
    while left:
        node = left.pop()
        if node is None or id(node) in seen or node.id == "scalar":
            continue
        seen.add(id(node))
        if node.id == "sequence":
            left += node.value
            continue
        left += [value for _, value in node.value]
        call = _loader(text, node)
        if call is not None:
            found.append(call)
    yield from sorted(found, key=lambda call: call.span)


def _loader(text: str, node: Any) -> LoaderCall | None:
    """The loader that a mapping describes."""
    entries = _entries(node)
    if entries is None or "_target_" not in entries or text.startswith("&", _span(node).start):
        return None  # with an anchor it may be there only to be merged into others
    if not {"_args_", "_disabled_"}.isdisjoint(entries):
        return None
    name = canonical(_plain_text(entries["_target_"][1]))
    place = _place(text, *entries["_target_"])
    if name not in LOADERS or place is None:
        return None
    kind = family(name)
    positional, added = LOADERS[name]
    names = {"dataset", *DEFAULTS, *positional, *added}
    nested = "_recursive_" not in entries
    arguments = {}
    unknown = []
    for word, (key, value) in entries.items():
        if word.startswith("_") and word.endswith("_"):
            continue  # hydra's own
        span = _place(text, key, value)
        what = UNKNOWN if span is None else _what(word, value, nested)
        span = span or _span(key)
        whole = Span(_span(key).start, span.end)
        code = text[span.start : span.end]
        argument = Argument(word, span, whole, whole.behind(), (Case(what),), code)
        if word in names:
            arguments[word] = argument
        elif kind in ("torch", "stateful") and get_close_matches(word, names, 1, 0.8):
            unknown.append(argument)  # others may be taken out before the loader is made
    written = tuple(sorted((*arguments.values(), *unknown), key=lambda one: one.whole.start))
    end = max([place.end, *(one.whole.end for one in written)])
    return LoaderCall(
        family=kind,
        class_name=name.rpartition(".")[2],
        span=Span(_span(node).start, end),
        callee=place,
        end=Span(end, end),
        written=written,
        arguments=arguments,
        hidden=True,
        ways=(ALWAYS,),
        unknown_keywords=tuple(unknown),
    )


def _entries(node: Any) -> dict[str, tuple[Any, Any]] | None:
    """The nodes of a plain mapping's keys and values; None where a key is there twice."""
    if node.id != "mapping" or node.tag != f"{_YAML}map":
        return None
    entries: dict[str, tuple[Any, Any]] = {}
    for key, value in node.value:
        if key.id != "scalar":
            return None
        if key.tag == f"{_YAML}merge":
            continue  # what is merged in is as unknown as what is given later
        if key.value in entries:
            return None
        entries[key.value] = (key, value)
    return entries


def _plain_text(node: Any) -> str:
    return node.value if node.id == "scalar" and node.tag == f"{_YAML}str" else ""


def _span(node: Any) -> Span:
    return Span(node.start_mark.index, node.end_mark.index)


def _place(text: str, key: Any, value: Any) -> Span | None:
    """The place of what a key is given; None where it is not a scalar that stands there.

    A mapping or a list is told by its key.
    """
    span = _span(value)
    if span.start < key.end_mark.index:
        return None  # an alias
    if value.id != "scalar":
        between = text[key.end_mark.index : span.start]
        return _span(key) if between.strip() == ":" else None
    line = text.rfind("\n", 0, span.start)
    if line > key.end_mark.index and key.end_mark.line != value.start_mark.line:
        between = text[key.end_mark.index : span.start]
        if between.strip() != ":":
            return None  # an alias to what comes later, or a comment between
    if not value.style and text[span.start : span.end] != value.value:
        return None
    return span


def _what(name: str, node: Any, nested: bool) -> What:
    """What an argument is; unknown where that may be a place to fill."""
    if name == "dataset":
        return UNKNOWN
    if node.id == "mapping":
        return _made(node) if nested and name in ("sampler", "batch_sampler") else UNKNOWN
    if node.id != "scalar" or node.style:
        return UNKNOWN
    word = node.value
    if node.tag == f"{_YAML}null" and name in DEFAULTS and DEFAULTS[name] is None:
        return Known(None)
    if node.tag == f"{_YAML}bool" and word.lower() in _BOOLS:
        return Known(_BOOLS[word.lower()])
    if name == "prefetch_factor" and word == "2":
        return UNKNOWN  # the default before torch 2.0, written out by tools such as hydra-zen
    if node.tag == f"{_YAML}int" and _INT.fullmatch(word):
        return Known(int(word))
    if node.tag == f"{_YAML}float" and _FLOAT.fullmatch(word):
        return Known(float(word))
    return UNKNOWN


def _made(node: Any) -> What:
    """A sampler of torch's own that a mapping describes."""
    entries = _entries(node)
    if entries is None or "_target_" not in entries or "_partial_" in entries:
        return UNKNOWN
    name = canonical(_plain_text(entries["_target_"][1]))
    return Made(name) if name in SAMPLERS else UNKNOWN
