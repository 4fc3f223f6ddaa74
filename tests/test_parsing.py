"""A statement that is parsed in pieces is what it is when it is parsed as a whole."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from dladvise.advisor.blocks import split
from dladvise.advisor.parsing import forget, parse

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    *(ROOT / "examples").glob("*.py"),
    *(ROOT / "advisor").glob("*.py"),
    *(ROOT / "tests").glob("test_*.py"),
    Path(cst.__file__).parent / "_nodes" / "statement.py",
]
PADDING = "\n".join(f"    name_{n} = {n} * {n} + {n}" for n in range(50))  # makes it worth it
ODD = {
    "comments between": """
def f(x):
    PADDING
    # before the loop
    for i in x:
        print(i)
        print(i)
        print(i)
        # deeper than what follows
      # and oddly
    # before the rest
    if a:
        print(1)
        print(2)
        print(3)

    # behind everything
# at the margin
""",
    "clauses": """
class A:
    PADDING
    @decorated
    # with a comment
    def f(self):
        try:
            one()
            two()
            three()
        except ValueError:
            four()
        else:
            five()
        for a in b:
            pass
            pass
            pass
            pass
        else:
            pass
    y = 2; z = 3
    if x: pass
    else: pass
    while y:
        a = [
    1,
        ]
        b = 1
        c = 1
""",
    "strings": '''
def f(x):
    """Looks like code.

    for example:
        if a:
            def g():
                return
            return
    """
    PADDING
    text = \'\'\'
    while False:
        one
        two
        three
    \'\'\'
    with open(x) as file:
        a = 1
        b = 1
        c = 1
        d = 1
''',
    "one line": "def f(x): return x\n\n",
    "a long header": """
def f(
    x,
):
    PADDING
    for a in x:
        b
        c
        d
""",
    "no end": """
def f(x):
    PADDING
    for a in x:
        b
        c
        d
        e""",
    "no code": "def f(x):\n",
}


def check(text: str) -> None:
    for number, block in enumerate(split(text)):
        whole = parse(block.text, number)
        pieces = parse(block.text, number, in_pieces=True)
        assert pieces.module.code == whole.module.code
        assert [one.message for one in pieces.problems] == [one.message for one in whole.problems]
        for one, other in zip(nodes(pieces.module), nodes(whole.module), strict=True):
            assert type(one) is type(other)
            assert pieces.span(one) == whole.span(other)


def nodes(module: cst.Module) -> list[cst.CSTNode]:
    """Statements and expressions, in order; none may stand in two places."""
    found: list[cst.CSTNode] = []
    pending: list[cst.CSTNode] = [module]
    while pending:
        node = pending.pop()
        if isinstance(node, (cst.BaseExpression, cst.BaseSmallStatement)):
            found.append(node)
        pending += node.children
    assert len({id(node) for node in found}) == len(found)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files(path: Path) -> None:
    forget()
    check(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ODD)
def test_odd_code(name: str) -> None:
    forget()
    check(ODD[name].lstrip("\n").replace("    PADDING", PADDING))


def test_an_edit_costs_the_piece_it_is_in() -> None:
    forget()
    loop = "    for {0} in x:\n        a({0})\n        b({0})\n        c({0})\n"
    before = "def f(x):\n" + "".join(loop.format(f"n{number}") for number in range(20))
    after = before.replace("b(n7)", "b(n7, 1)")
    old, new = (parse(text, in_pieces=True).module.body[0] for text in (before, after))
    assert isinstance(old, cst.FunctionDef)
    assert isinstance(new, cst.FunctionDef)
    pairs = zip(old.body.body, new.body.body, strict=True)
    assert [n for n, (one, other) in enumerate(pairs) if one is not other] == [7]
