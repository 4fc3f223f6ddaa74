"""Defaults that come from the command line: argparse, click, typer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from .nodes import callee_tail, dotted_name, keyword_argument
from .scopes import Call, Place, Scope
from .values import NOTHING_KNOWN, Case, Known, Number, Value, What, known

if TYPE_CHECKING:
    from .resolve import Resolver

# Names by which programs call their parsed command line.
NAMES = frozenset(
    {"args", "opt", "opts", "options", "params", "hparams", "hps", "arguments", "argv", "FLAGS",
     "flags", "parsed_args", "cli_args", "conf", "config", "cfg"}
)  # fmt: skip


_ALSO_OTHERS = frozenset({"params", "hps", "conf", "config", "cfg"})  # what was read from a file

# What programs call the classes of their options.
OPTIONS_CLASS = re.compile(r"(?:Config|Configuration|Args|Arguments|Options|Settings|Params|Cfg)$")


def looks_like_options(dotted: str) -> bool:
    """Reports whether a name is one that programs give to their parsed arguments."""
    return _plain(dotted) in NAMES


def looks_like_command_line(dotted: str) -> bool:
    """Reports whether it is one that they give to hardly anything else."""
    return _plain(dotted) in NAMES - _ALSO_OTHERS


def _plain(dotted: str) -> str:
    return dotted.removeprefix("self.").lstrip("_")


def option_declared(resolver: Resolver, attribute: str) -> bool:
    """Reports whether an option in this file fills `attribute`."""
    calls = resolver.program.calls_named("add_argument")
    flags = (_flag(resolver, call.node, call.place) for call in calls)
    return any(flag is not None and flag[0] == attribute for flag in flags)


def option_elsewhere(resolver: Resolver, attribute: str) -> Value | None:
    """The default of an option in a module beside this file, which reads no command line itself."""
    if resolver.imports is None or resolver.program.source.tells("parse_args("):
        return None
    return resolver.imports.option(attribute)


def argparse_default(resolver: Resolver, attribute: str) -> Value | None:
    """The default of the one option in this file that fills `attribute`.

    None where there is no such option, more than one, or no default to speak of.
    """
    program = resolver.program
    values: list[Value] = []
    for call in program.calls_named("add_argument"):
        flag = _flag(resolver, call.node, call.place)
        if flag is None or flag[0] != attribute:
            continue
        value = _default(resolver, call, flag[1])
        if value is None:
            return None
        values.append(value)
    if not values or any(
        [case.what for case in value] != [case.what for case in values[0]] for value in values
    ):
        return None
    for call in program.calls_named("set_defaults"):
        if any(a.star or (a.keyword and a.keyword.value == attribute) for a in call.node.args):
            return None
    return values[0]


def _flag(resolver: Resolver, call: cst.Call, place: Place) -> tuple[str, str] | None:
    """The attribute that an option fills, and the option as the user types it."""
    dest = keyword_argument(call, "dest")
    flags = []
    for arg in call.args:
        if arg.keyword is not None or not isinstance(arg.value, cst.SimpleString):
            break
        text = arg.value.evaluated_value
        if isinstance(text, str):
            flags.append(text)
    if not flags:
        return None
    long = next((flag for flag in flags if flag.startswith("--")), flags[0])
    if isinstance(dest, cst.SimpleString) and isinstance(dest.evaluated_value, str):
        return dest.evaluated_value, long
    return long.lstrip("-").replace("-", "_"), long


def _default(resolver: Resolver, call: Call, flag: str) -> Value | None:
    required = keyword_argument(call.node, "required")
    if isinstance(required, cst.Name) and required.value == "True":
        return None
    if not flag.startswith("-"):
        return None
    action = keyword_argument(call.node, "action")
    default = keyword_argument(call.node, "default")
    origin = resolver.origin(f"the default of {flag}", call.node, call.place.scope)
    if default is None:
        if isinstance(action, cst.SimpleString) and action.evaluated_value == "store_true":
            value = known(False)
        elif isinstance(action, cst.SimpleString) and action.evaluated_value == "store_false":
            value = known(True)
        else:
            return None
    else:
        value = resolver.value(default, call.place)
        kind = keyword_argument(call.node, "type")
        if isinstance(kind, cst.Name) and kind.value == "int":
            value = tuple(Case(_converted(case.what), case.given, case.origin) for case in value)
    return tuple(Case(case.what, case.given, origin) for case in value)


def _converted(what: What) -> What:
    """A default given as text, as `type=int` converts it."""
    if isinstance(what, Known) and isinstance(what.value, str):
        try:
            return Known(int(what.value))
        except ValueError:
            return Number("int")
    return what


def click_default(resolver: Resolver, scope: Scope, name: str) -> Value | None:
    """The default that a click decorator gives to a parameter."""
    if not isinstance(scope.node, cst.FunctionDef) or scope.place is None:
        return None
    for decorator in scope.node.decorators:
        call = decorator.decorator
        if not isinstance(call, cst.Call) or callee_tail(call) != "option":
            continue
        texts = [
            arg.value.evaluated_value
            for arg in call.args
            if arg.keyword is None and isinstance(arg.value, cst.SimpleString)
        ]
        flags = [text for text in texts if isinstance(text, str)]
        named = [flag for flag in flags if not flag.startswith("-")]
        long = next((flag for flag in flags if flag.startswith("--")), "")
        fills = named[0] if named else long.lstrip("-").replace("-", "_")
        default = keyword_argument(call, "default")
        if fills != name or default is None:
            continue
        words = f"the default of {long or name}"
        origin = resolver.origin(words, call, scope.place.scope)
        value = resolver.value(default, scope.place)
        return tuple(Case(case.what, case.given, origin) for case in value)
    return None


FIELDS = frozenset({"field", "Field"})  # of dataclasses and pydantic


def field_default(resolver: Resolver, call: cst.Call, place: Place) -> Value:
    """What `field(default=4)` gives to a field; unknown where that is made anew each time."""
    default = typer_default(call)
    return NOTHING_KNOWN if default is call else resolver.value(default, place)


def typer_default(node: cst.CSTNode) -> cst.CSTNode:
    """The default inside `typer.Option(4)`; any other default as it is."""
    if isinstance(node, cst.Call) and dotted_name(node.func) in (
        "typer.Option", "typer.Argument", "Option", "field", "Field",
    ):  # fmt: skip
        if node.args and node.args[0].keyword is None and not node.args[0].star:
            return node.args[0].value
        default = keyword_argument(node, "default")
        if default is not None:
            return default
    return node
