"""Which room may look into which, and what may enter a room from outside."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_SEE: dict[str, set[str]] = {
    "advisor": set(),
    "probe": set(),
    "server": {"advisor", "probe"},
    "dladvise": {"advisor", "probe", "server"},
}
STANDARD = sys.stdlib_module_names | {"tomllib"}  # 3.10 has tomli in its place
NOT_FOR_RULES = {"io", "os", "pathlib", "shutil", "subprocess", "sys", "tempfile"}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).glob("*.py" if folder == "dladvise" else "**/*.py"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Every name `path` imports, in full: `dladvise.advisor.model.Module`."""
    room, *inner = path.relative_to(ROOT).parts[:-1]
    package = ["dladvise", *([] if room == "dladvise" else [room]), *inner]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@pytest.mark.parametrize("room", MAY_SEE)
def test_rooms(room: str) -> None:
    for path in files(room):
        tops = {name.split(".")[1] for name in imported(path) if name.startswith("dladvise.")}
        others = tops & MAY_SEE.keys() - {room}
        assert others <= MAY_SEE[room], f"{path} looks into {others - MAY_SEE[room]}"


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("dladvise", {"click", "pathspec", "resvg_py", "tomli"}),
        ("advisor", {"libcst", "pathspec", "tomli"}),
        ("advisor/rules", set()),  # rules read facts, never syntax
        ("probe", {"psutil"}),
        ("probe/inside", {"torch"}),
        ("server", {"attrs", "lsprotocol", "platformdirs", "psutil", "pygls"}),
    ],
)
def test_outside_packages(folder: str, allowed: set[str]) -> None:
    for path in files(folder):
        if folder == "probe" and "inside" in path.parts:
            continue
        tops = {name.split(".")[0] for name in imported(path)}
        assert tops <= STANDARD | {"dladvise"} | allowed, path


def test_rules_read_facts_only() -> None:
    """No syntax tree, not even by way of a module that reads one, no file and no other rule."""
    for path in files("advisor/rules"):
        if path.name == "__init__.py":
            continue
        names = imported(path)
        ours = {name for name in names if name.startswith("dladvise")}
        others = {name for name in ours if name.startswith("dladvise.advisor.rules")}
        assert not others, f"{path.name} reads {sorted(others)}"
        syntax = {name for name in ours if reads_syntax(name.split(".")[2], set())}
        assert not syntax, f"{path.name} reads {sorted(syntax)}"
        system = {name.split(".")[0] for name in names} & NOT_FOR_RULES
        assert not system, f"{path.name} reads {sorted(system)}"


def reads_syntax(module: str, seen: set[str]) -> bool:
    """Reports whether a module of the advisor imports libcst, itself or through others."""
    path = ROOT / "advisor" / f"{module}.py"
    if module in seen or not path.is_file():
        return False
    seen.add(module)
    names = imported(path)
    return any(name.startswith("libcst") for name in names) or any(
        reads_syntax(name.split(".")[2], seen)
        for name in names
        if name.startswith("dladvise.advisor.")
    )


def test_what_reads_syntax_is_known() -> None:
    assert reads_syntax("reader", set())
    assert not reads_syntax("text", set())


def test_the_advisor_starts_nothing() -> None:
    banned = {"ctypes", "importlib.util", "multiprocessing", "runpy", "socket", "subprocess"}
    for path in files("advisor"):
        names = imported(path)
        started = {ban for ban in banned for name in names if f"{name}.".startswith(f"{ban}.")}
        assert not started, f"{path} imports {started}"


def test_inside_stands_alone() -> None:
    """It runs where dladvise may not be installed."""
    for path in files("probe/inside"):
        ours = {name for name in imported(path) if name.startswith("dladvise")}
        assert all(name.startswith("dladvise.probe.inside") for name in ours), path


def test_nothing_imports_the_command_line_but_main() -> None:
    for room in MAY_SEE:
        for path in files(room):
            if path.name != "__main__.py":
                assert not any(name.startswith("dladvise.cli") for name in imported(path)), path


def test_whole_texts_are_asked_so_that_it_is_noted() -> None:
    """`"word" in source.text` would not be asked again after an edit far from what was read."""
    asking = re.compile(r"""(?<!\\r\\n") in [\w.]*source\.text\b|search\([\w.]*source\.text\)""")
    reads_whole_texts = {"engine.py", "hydra.py", "ignores.py", "comments.py", "program.py"}
    for path in files("advisor"):
        if path.name not in reads_whole_texts:
            assert not asking.search(path.read_text(encoding="utf-8")), path


HEAVY = ("libcst", "torch", "pygls", "lsprotocol", "rich", "numpy")


@pytest.mark.parametrize(
    ("module", "absent"), [("dladvise.cli", HEAVY), ("dladvise.advisor", HEAVY)]
)
def test_importing_is_light(module: str, absent: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print([m for m in {absent} if m in sys.modules])"
    run = [sys.executable, "-c", script]
    assert subprocess.check_output(run, text=True, cwd=ROOT) == "[]\n"


def test_checking_loads_neither_torch_nor_the_server() -> None:
    script = (
        "import sys\n"
        "from dladvise.advisor import Source, analyze\n"
        "code = 'from torch.utils.data import DataLoader\\nDataLoader([1], num_workers=2)\\n'\n"
        "analyze(Source('train.py', code))\n"
        "print('libcst' in sys.modules, [m for m in ('torch', 'pygls') if m in sys.modules])\n"
    )
    run = [sys.executable, "-c", script]
    assert subprocess.check_output(run, text=True, cwd=ROOT) == "True []\n"


@pytest.mark.parametrize(
    ("room", "line", "seen"),
    [
        ("advisor", "from dladvise import server\n", "dladvise.server"),
        ("advisor", "from ..server import serve\n", "dladvise.server.serve"),
        ("advisor/rules", "from ...probe.run import measure\n", "dladvise.probe.run.measure"),
        ("dladvise", "from .cli import main\n", "dladvise.cli.main"),
    ],
)
def test_every_way_to_import_is_seen(
    room: str, line: str, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / room / "planted.py"
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert seen in imported(path)
