"""The command as a user runs it: a process of its own, in a folder of the test's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
WRONG = "DataLoader(ds, persistent_workers=True)"
RIGHT = "DataLoader(ds)"
IMPORT = "from torch.utils.data import DataLoader\n"
PROGRAM = f"{IMPORT}\n\ndef make(ds):\n    return {WRONG}\n"
REPAIRED = PROGRAM.replace(WRONG, RIGHT)
CLEAN = "x = 1\n"


def environment(**more: str) -> dict[str, str]:
    """The environment of this process without what changes output or settings."""
    unwanted = ("CI", "NO_COLOR", "FORCE_COLOR", "TERM", "PYTHONPATH", "LOCAL_WORLD_SIZE")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def dladvise(
    *arguments: str | Path, cwd: Path, stdin: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `dladvise`; the output is bytes, since line ends matter."""
    return subprocess.run(
        [sys.executable, "-m", "dladvise", *map(str, arguments)],
        check=False,
        capture_output=True,
        cwd=cwd,
        input=stdin,
        env=environment(**environ),
        timeout=120,
    )


def findings(*arguments: str | Path, cwd: Path, stdin: bytes = b"", **environ: str) -> Any:
    """The findings that `dladvise check` prints as JSON."""
    done = dladvise("check", "--output-format", "json", *arguments, cwd=cwd, stdin=stdin, **environ)
    assert done.returncode in (0, 1), done.stderr.decode()
    return json.loads(done.stdout)


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    """The folder, with those files in it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
