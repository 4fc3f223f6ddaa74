"""Which Python runs a script: the one that its project uses."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dladvise.interpreters import InterpreterError, found, named


def environment(folder: Path) -> Path:
    """A folder that looks like a virtual environment; its interpreter is returned."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return python


def test_the_active_environment_comes_first(tmp_path: Path) -> None:
    active, conda = environment(tmp_path / "active"), environment(tmp_path / "conda")
    environment(tmp_path / "project" / ".venv")
    variables = {"VIRTUAL_ENV": str(active.parents[1]), "CONDA_PREFIX": str(conda.parents[1])}
    one = found(tmp_path / "project", variables)
    assert (one.path, one.source) == (str(active), "$VIRTUAL_ENV")


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_then_that_of_the_project_then_conda_s(tmp_path: Path, name: str) -> None:
    project = tmp_path / "project"
    scripts = project / "src" / "scripts"
    scripts.mkdir(parents=True)
    conda = environment(tmp_path / "conda")
    variables = {"VIRTUAL_ENV": str(tmp_path / "gone"), "CONDA_PREFIX": str(conda.parents[1])}
    own = environment(project / name)
    assert found(scripts, variables).path == str(conda), "it may belong to something else"
    (project / "pyproject.toml").touch()
    assert found(scripts, variables).path == str(own)
    beside = environment(scripts / name)
    assert found(scripts, variables).path == str(beside)


def test_an_environment_above_the_project_is_not_its_own(tmp_path: Path) -> None:
    environment(tmp_path / ".venv")
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    assert found(project, {}).path != str(tmp_path / ".venv" / "bin" / "python")


def test_without_any_it_is_dladvise_s_own_if_that_has_torch(tmp_path: Path) -> None:
    assert find_spec("torch") is not None, "the tests run with torch"
    one = found(tmp_path, {})
    assert (one.path, one.source) == (sys.executable, "dladvise's own")


def test_an_interpreter_is_named_by_file_folder_or_command(tmp_path: Path) -> None:
    python = environment(tmp_path / "env")
    for word in ("env", "env/bin/python", str(python)):
        assert named(word, "--interpreter", tmp_path).path == str(python)
    assert named("sh", "--interpreter", tmp_path).path.endswith("/sh")


def test_what_is_no_interpreter_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    for word, reason in [
        ("nope/python", "there is no such interpreter"),
        ("nope-python", "there is no such interpreter"),
        ("notes.txt", "is not a program"),
        ("empty", "there is no Python in this folder"),
    ]:
        with pytest.raises(InterpreterError) as error:
            named(word, "--interpreter", tmp_path)
        assert str(error.value) == f"--interpreter {word}: {reason}"
