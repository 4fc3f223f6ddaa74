"""Arguments are added, changed and removed, and every other byte stays."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import pytest

from dladvise.advisor import Source, Target
from dladvise.advisor.edits import add_argument, removal, remove_arguments, set_argument
from dladvise.advisor.model import LoaderCall
from dladvise.advisor.reader import read
from dladvise.advisor.text import Edit

IMPORT = "from torch.utils.data import DataLoader\n"

# What stands there, the arguments to remove, and what is left.
REMOVED = [
    ("the last one", "f(ds, timeout=5)", "timeout", "f(ds)"),
    ("the first keyword", "f(ds, timeout=5, shuffle=a)", "timeout", "f(ds, shuffle=a)"),
    ("the only one", "f(timeout=5)", "timeout", "f()"),
    ("several at the end", "f(ds, timeout=5, shuffle=a)", "timeout shuffle", "f(ds)"),
    ("several apart", "f(ds, timeout=5, shuffle=a, drop_last=b)", "timeout drop_last",
     "f(ds, shuffle=a)"),
    ("all", "f(timeout=5, shuffle=a)", "timeout shuffle", "f()"),
    ("before a trailing comma", "f(ds, timeout=5,)", "timeout", "f(ds,)"),
    ("with blanks around", "f( ds , timeout = 5 , shuffle = a )", "timeout",
     "f( ds , shuffle = a )"),
    ("the last one with blanks", "f( ds , timeout = 5 )", "timeout", "f( ds )"),
    ("a value in parentheses", "f(ds, timeout=(5), shuffle=a)", "timeout", "f(ds, shuffle=a)"),
    ("the last in parentheses", "f(ds, timeout=(5))", "timeout", "f(ds)"),
    ("a line of its own", "f(\n    ds,\n    timeout=5,\n    shuffle=a,\n)", "timeout",
     "f(\n    ds,\n    shuffle=a,\n)"),
    ("the last line", "f(\n    ds,\n    timeout=5,\n)", "timeout", "f(\n    ds,\n)"),
    ("the last line without a comma", "f(\n    ds,\n    timeout=5\n)", "timeout",
     "f(\n    ds,\n)"),
    ("a comment behind it", "f(\n    ds,\n    timeout=5,  # s\n    shuffle=a,\n)", "timeout",
     "f(\n    ds,\n    # s\n    shuffle=a,\n)"),
    ("a comment behind the last", "f(\n    ds,\n    timeout=5  # s\n)", "timeout",
     "f(\n    ds,\n    # s\n)"),
    ("a comment above it", "f(\n    ds,\n    # s\n    timeout=5,\n)", "timeout",
     "f(\n    ds,\n    # s\n)"),
    ("a comment behind the one before", "f(ds,  # d\n  timeout=5)", "timeout", "f(ds,  # d\n  )"),
    ("on the last line with another", "f(\n    ds,\n    timeout=5, shuffle=a\n)", "timeout",
     "f(\n    ds,\n    shuffle=a\n)"),
    ("at the end of a line", "f(\n    ds, timeout=5,\n    shuffle=a\n)", "timeout",
     "f(\n    ds,\n    shuffle=a\n)"),
    ("at the end of a line with a comment", "f(ds, timeout=5,  # s\n  shuffle=a)", "timeout",
     "f(ds,  # s\n  shuffle=a)"),
    ("under the parenthesis", "f(ds,\n  timeout=5)", "timeout", "f(ds)"),
    ("commas in front", "f(\n    ds\n  , timeout=5\n  , shuffle=a\n)", "timeout",
     "f(\n    ds\n  , shuffle=a\n)"),
    ("commas in front, a comment", "f(\n    ds\n  , timeout=5  # s\n  , shuffle=a\n)", "timeout",
     "f(\n    ds\n  ,   # s\n   shuffle=a\n)"),
    ("a backslash", "f(ds, \\\n  timeout=5, \\\n  shuffle=a)", "timeout",
     "f(ds, \\\n  shuffle=a)"),
    ("the last behind a backslash", "f(ds, \\\n  timeout=5)", "timeout", "f(ds)"),
    ("a value of several lines", "f(\n    ds,\n    timeout=max(\n        5,\n    ),\n)", "timeout",
     "f(\n    ds,\n)"),
    ("a comment between two at the end", "f(ds, timeout=5,  # s\n  shuffle=a)", "timeout shuffle",
     "f(ds,  # s\n  )"),
    ("lines that end with CR LF", "f(\r\n    ds,\r\n    timeout=5,\r\n)", "timeout",
     "f(\r\n    ds,\r\n)"),
    ("a call in a call", "g(f(ds, timeout=5), 1)", "timeout", "g(f(ds), 1)"),
    ("before a dictionary", "f(ds, timeout=5, **{'shuffle': a})", "timeout",
     "f(ds, **{'shuffle': a})"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "names", "after"), [row[1:] for row in REMOVED], ids=[row[0] for row in REMOVED]
)
def test_arguments_are_removed(before: str, names: str, after: str) -> None:
    source, call = parsed(before)
    arguments = [call.arguments[name] for name in names.split()]
    assert changed(source, remove_arguments(source, call, arguments)) == after


# What stands there, and what it is with `timeout=5` behind it.
ADDED = [
    ("to nothing", "f()", "f(timeout=5)"),
    ("to one line", "f(ds, shuffle=a)", "f(ds, shuffle=a, timeout=5)"),
    ("behind a trailing comma", "f(ds, shuffle=a,)", "f(ds, shuffle=a, timeout=5)"),
    ("on its line", "f(\n    ds,\n    shuffle=a,\n)",
     "f(\n    ds,\n    shuffle=a,\n    timeout=5,\n)"),
    ("without a comma", "f(\n    ds,\n    shuffle=a\n)",
     "f(\n    ds,\n    shuffle=a,\n    timeout=5\n)"),
    ("behind a comment", "f(\n    ds,  # d\n)", "f(\n    ds,  # d\n    timeout=5,\n)"),
    ("behind a comment without a comma", "f(\n    ds  # d\n)",
     "f(\n    ds,  # d\n    timeout=5\n)"),
    ("with CR LF", "f(\r\n    ds,\r\n)", "f(\r\n    ds,\r\n    timeout=5,\r\n)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"), [row[1:] for row in ADDED], ids=[row[0] for row in ADDED]
)
def test_arguments_are_added(before: str, after: str) -> None:
    source, call = parsed(before)
    assert changed(source, add_argument(source, call, "timeout", "5")) == after


# What stands there, and what it is with `timeout` set to 5.
SET = [
    ("a keyword", "f(ds, timeout=1)", "f(ds, timeout=5)"),
    ("what is not given", "f(ds)", "f(ds, timeout=5)"),
    ("by position", "f(ds, 1, a, s, b, w, c, p, d, 9)", "f(ds, 1, a, s, b, w, c, p, d, 5)"),
]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in SET], ids=[row[0] for row in SET])
def test_arguments_are_set(before: str, after: str) -> None:
    source, call = parsed(before)
    assert changed(source, set_argument(source, call, "timeout", "5")) == after


# What stands there, the argument, and what is left; None where it must not be touched.
LEFT_TO_TORCH = [
    ("a keyword is removed", "f(ds, shuffle=a)", "shuffle", "f(ds)"),
    ("the last position is removed", "f(ds, 2, a)", "shuffle", "f(ds, 2)"),
    ("a position before others is reset", "f(ds, 2, a, s)", "shuffle", "f(ds, 2, None, s)"),
    ("an unknown ** stays", "f(ds, shuffle=a, **options)", "shuffle", None),
    ("an unknown * stays", "f(ds, *more, shuffle=a)", "shuffle", None),
    ("a key of a dictionary stays", "f(ds, **{'shuffle': a})", "shuffle", None),
]


@pytest.mark.parametrize(
    ("before", "name", "after"),
    [row[1:] for row in LEFT_TO_TORCH],
    ids=[row[0] for row in LEFT_TO_TORCH],
)
def test_an_argument_is_left_to_torch(before: str, name: str, after: str | None) -> None:
    source, call = parsed(before)
    fix = removal(source, call, call.arguments[name])
    assert (changed(source, fix.edits) if fix else None) == after


def parsed(expression: str) -> tuple[Source, LoaderCall]:
    """The loader that the expression builds under the name `f`."""
    text = f"{IMPORT.replace('DataLoader', 'DataLoader as f')}made = {expression}\n"
    source = Source("case.py", text)
    (call,) = read(source, Target()).loaders
    return source, call


def changed(source: Source, edits: Iterable[Edit]) -> str:
    """The expression after the edits, which leave a program and the rest of it as it was."""
    after = source.edited(edits).text
    ast.parse(after)
    head, _, expression = after.partition("made = ")
    assert source.text.startswith(head)
    assert expression.endswith("\n")
    return expression[:-1]
