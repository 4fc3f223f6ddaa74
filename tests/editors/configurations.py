"""What users copy into their editors, and the command that it names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..front_door import ROOT

CONFIGURATIONS = ROOT / "editors"


def path_with_dladvise(folder: Path) -> str:
    """A PATH on which `dladvise` is this checkout, run by the interpreter of the tests."""
    command = folder / "bin" / "dladvise"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dladvise "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"
