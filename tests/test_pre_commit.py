"""The hooks, run by the real pre-commit in a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.front_door import PROGRAM, REPAIRED, ROOT, written

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("pre_commit") is None, reason="needs pre-commit"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]
GIT = ["git", "-c", "user.name=tester", "-c", "user.email=tester@example.invalid"]


def git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(
        [*GIT, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(cwd),
    ).stdout.strip()


def environment(home: Path) -> dict[str, str]:
    """Without what a surrounding git hook has set; pre-commit's environments stay in the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept.pop("PYTHONPATH", None)
    return {**kept, "PRE_COMMIT_HOME": str(home.parent / "pre-commit")}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the checkout whose commit has the files as they are now."""
    clone = tmp_path_factory.mktemp("hooks") / "dladvise"
    listed = git("ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    git("init", "-q", cwd=clone)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "as it is", cwd=clone)
    return clone


def test_a_finding_stops_the_commit_and_the_fix_hook_repairs_it(
    tmp_path: Path, hooks: Path
) -> None:
    repository = written(tmp_path / "project", {"train.py": PROGRAM, "notes.txt": PROGRAM})
    revision = git("rev-parse", "HEAD", cwd=hooks)
    written(
        repository,
        {
            ".pre-commit-config.yaml": f"""
repos:
  - repo: {hooks.as_posix()}
    rev: {revision}
    hooks:
      - id: dladvise-check
      - id: dladvise-fix
"""
        },
    )
    git("init", "-q", cwd=repository)
    git("add", "-A", cwd=repository)

    def run(hook: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", hook, "--all-files", "--color=never"],
            check=False,
            capture_output=True,
            text=True,
            cwd=repository,
            env=environment(repository),
        )

    first = run("dladvise-check")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "error[DL003]" in first.stdout
    assert "train.py:5:" in first.stdout
    assert "notes.txt" not in first.stdout

    repaired = run("dladvise-fix")
    assert repaired.returncode == 1
    assert "files were modified by this hook" in repaired.stdout
    assert (repository / "train.py").read_text() == REPAIRED
    assert (repository / "notes.txt").read_text() == PROGRAM

    git("add", "-A", cwd=repository)
    assert run("dladvise-check").returncode == 0
    assert run("dladvise-fix").returncode == 0
