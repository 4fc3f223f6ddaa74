"""What is installed, and what is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from dladvise import __version__
from dladvise.advisor import all_rules, document
from tools.check import copied

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = ("advisor", "server", "probe", "dladvise")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that is made from it, of the checkout as it stands."""
    folder = tmp_path_factory.mktemp("packaging")
    copied(folder / "checkout")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"]
    done = subprocess.run(build, cwd=folder / "checkout", check=False, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return folder / "checkout" / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel in it."""
    (wheel,) = built.glob("*.whl")
    return environment(tmp_path_factory.mktemp("wheel"), str(wheel))


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy of the checkout, and the interpreter of an environment that has it editable."""
    folder = tmp_path_factory.mktemp("editable")
    copied(folder / "checkout")
    return folder / "checkout", environment(folder, "-e", str(folder / "checkout"))


def environment(folder: Path, *wanted: str) -> Path:
    """A new environment with `wanted` installed; everything else it borrows from this one."""
    venv.create(folder / "venv", symlinks=os.name != "nt")
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    borrowed = sysconfig.get_path("purelib")
    site = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    (Path(site) / "borrowed.pth").write_text(borrowed)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, *options, *wanted], check=True)
    return python


def ran(python: Path, *arguments: str, cwd: Path | str = "/") -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.check_output([python, *arguments], text=True, cwd=cwd, env=clean)


def test_documents_ship() -> None:
    for rule in all_rules():
        assert document(rule).startswith(f"# {rule.code} ")


def test_every_package_is_listed() -> None:
    setup = PROJECT["tool"]["setuptools"]
    assert {f"dladvise.{room}" for room in ROOMS[:3] if (ROOT / room / "__init__.py").exists()} == (
        setup["package-dir"].keys()
    )
    own = [folder for folder in (ROOT / "dladvise").iterdir() if not folder.is_symlink()]
    found = {"dladvise"} | {
        f"dladvise.{folder.name}" for folder in own if (folder / "__init__.py").exists()
    }
    for name, folder in setup["package-dir"].items():
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join((name, *init.parent.relative_to(ROOT / folder).parts)))
    assert found == set(setup["packages"])


def test_base_install_is_light() -> None:
    base = {line.split(">")[0] for line in PROJECT["project"]["dependencies"]}
    assert base == {
        *("click", "libcst", "pathspec", "platformdirs"),
        *("psutil", "pygls", "pyyaml", "tomli"),
    }


def test_schema_and_documents_are_package_data() -> None:
    """Every file of a room that is not Python is named by package-data."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            inside = path.relative_to(ROOT / room)
            if path.is_dir() or path.suffix in {".py", ".pyc"} or inside.parts[0] in ROOMS:
                continue
            package = ".".join(path.relative_to(ROOT).parent.parts)
            package = package if room == "dladvise" else f"dladvise.{package}"
            assert any(path.match(pattern) for pattern in patterns.get(package, [])), path


@pytest.mark.slow
def test_wheel_holds_the_rooms_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    checkout = built.parent
    written = [
        path.relative_to(checkout)
        for room in ROOMS
        for path in (checkout / room).rglob("*")
        if path.is_file() and not path.match("*.pyc")
    ]
    assert names == {
        (Path("dladvise") / p if p.parts[0] != "dladvise" else p).as_posix() for p in written
    }


@pytest.mark.slow
def test_wheel_asks_for_no_torch(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "MIT"
    asked = metadata.get_all("Requires-Dist") or []
    base = [line for line in asked if "extra ==" not in line]
    assert base and not any(line.startswith("torch") for line in base)
    assert any(line.startswith("torch") and "extra ==" in line for line in asked)


@pytest.mark.slow
def test_sdist_can_be_built_from(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "advisor/engine.py"} <= names


@pytest.mark.slow
def test_installed_from_the_wheel(installed: Path) -> None:
    place = ran(installed, "-c", "import dladvise.advisor; print(dladvise.advisor.__file__)")
    assert str(installed.parent.parent) in place
    assert __version__ in ran(installed, "-m", "dladvise", "--version")
    count = "from dladvise.advisor import all_rules, document\n"
    count += "print(len([document(rule) for rule in all_rules()]))"
    assert ran(installed, "-c", count) == f"{len(all_rules())}\n"


@pytest.mark.slow
def test_the_command_is_installed(installed: Path) -> None:
    command = installed.parent / ("dladvise.exe" if os.name == "nt" else "dladvise")
    assert __version__ in subprocess.check_output([command, "--version"], text=True, cwd="/")


@pytest.mark.slow
def test_rooms_are_no_top_level_names(installed: Path) -> None:
    script = (
        "import importlib.util as u\n"
        "print([n for n in ('advisor', 'server', 'probe', 'tests', 'tools') if u.find_spec(n)])"
    )
    assert ran(installed, "-c", script) == "[]\n"


@pytest.mark.slow
def test_an_editable_install_sees_a_new_rule_at_once(editable: tuple[Path, Path]) -> None:
    checkout, python = editable
    rules = checkout / "advisor" / "rules"
    (rules / "planted_rule.py").write_text(
        "from ..findings import Severity, rule\n\n\n"
        '@rule("DL999", Severity.HINT)\n'
        "def planted_rule(module):\n    yield from ()\n"
    )
    script = "from dladvise.advisor import all_rules; print([r.name for r in all_rules()][-1])"
    assert ran(python, "-c", script) == "planted-rule\n"
    assert __version__ in ran(python, "-m", "dladvise", "--version", cwd=checkout)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_installs_from_git(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    copied(checkout)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], cwd=checkout, check=True)
    python = environment(tmp_path, f"git+{checkout.as_uri()}")
    assert __version__ in ran(python, "-m", "dladvise", "--version")
