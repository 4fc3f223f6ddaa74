"""libcst imported the quick way is the libcst that everybody knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

# What a program can find out about libcst, printed as JSON.
PORTRAIT = """
import dataclasses, json, sys
usual = dataclasses.dataclass
if sys.argv[1] == "quick":
    from dladvise.advisor import libcst_import
import libcst as cst
from libcst.metadata import CodePosition

def kinds(cls):
    for inner in cls.__subclasses__():
        yield inner
        yield from kinds(inner)

nodes = {
    kind.__name__: [
        [field.name for field in dataclasses.fields(kind)],
        [kind.__eq__ is cst.CSTNode.__eq__, kind.__hash__ is cst.CSTNode.__hash__],
        kind.__repr__ is cst.CSTNode.__repr__,
        "__dict__" in dir(kind),
        list(getattr(kind, "__match_args__", ())),
    ]
    for kind in kinds(cst.CSTNode)
}
text = '''@a
async def f(x: int = 1, *y, **z) -> None:
    "says"
    async with b as c, d: return [i async for i in (x or not y) if x < 2 <= z["k"]]
match f"{x!r:>{n}}":
    case {"a": [1, *rest]} | (): pass  # why
'''
tree = cst.parse_module(text)
class Louder(cst.CSTTransformer):
    def leave_Name(self, original_node, updated_node):
        return updated_node.with_changes(value=updated_node.value.upper())
name = cst.Name("x")
def fails(change):
    try:
        change()
    except Exception as error:
        return type(error).__name__
print(json.dumps({
    "nodes": nodes,
    "text": tree.code == text,
    "changed": tree.visit(Louder()).code,
    "equal": [name == cst.Name("x"), name.deep_equals(cst.Name("x")), len({name, cst.Name("x")})],
    "copied": tree.deep_clone().code == text,
    "replaced": dataclasses.replace(name, value="y").value,
    "shown": repr(name),
    "checked": fails(lambda: cst.Name("")),
    "others are frozen": fails(lambda: setattr(CodePosition(1, 0), "line", 2)),
    "decorator": dataclasses.dataclass is usual,
}))
"""


def portrait(way: str) -> dict[str, Any]:
    run = [sys.executable, "-c", PORTRAIT, way]
    found: dict[str, Any] = json.loads(subprocess.check_output(run, text=True, cwd=ROOT))
    return found


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    return portrait("quick")


def test_nodes_are_what_they_were(quick: dict[str, Any]) -> None:
    assert len(quick["nodes"]) > 150
    assert quick == portrait("usual")


def test_trees_are_read_changed_and_checked(quick: dict[str, Any]) -> None:
    assert quick["text"] is True
    assert quick["copied"] is True
    assert quick["changed"].startswith("@A\nasync def F(X: INT = 1, *Y, **Z)")
    assert quick["equal"] == [False, True, 2]
    assert quick["checked"] == "CSTValidationError"


def test_nothing_else_is_touched(quick: dict[str, Any]) -> None:
    assert quick["decorator"] is True
    assert quick["others are frozen"] == "FrozenInstanceError"


def test_a_check_imports_it_the_quick_way(tmp_path: Path) -> None:
    """Also where the first to need it is what follows imports."""
    script = "from torch.utils.data import DataLoader\n\nDataLoader([1], num_workers=0)\n"
    (tmp_path / "train.py").write_text(script)
    code = (
        "import sys\nfrom dladvise.cli import main\n"
        "try:\n    main(['check', '--no-cache'])\nexcept SystemExit:\n    pass\n"
        "print(sys.modules['libcst'].Name.__dataclass_params__.frozen)"
    )
    words = [sys.executable, "-c", code]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=tmp_path, env=environ, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "False", done.stdout  # what the quick way leaves out


def test_a_check_of_files_without_loaders_imports_no_facts(tmp_path: Path) -> None:
    """What nearly every commit is made of must not wait for them."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.yaml").write_text("x: 1\n")
    code = (
        "import sys\nfrom dladvise.cli import main\n"
        "try:\n    main(['check', '--no-cache'])\nexcept SystemExit:\n    pass\n"
        "print([one for one in ('libcst', 'yaml', 'dladvise.advisor.model') if one in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
