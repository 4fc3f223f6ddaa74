"""Emacs with eglot and the server, as its user sees it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .editors.sessions import DRIVERS, FIX, check, session

EMACS = shutil.which("emacs") or ""
FIND_EGLOT = "(progn (package-initialize) (require 'eglot))"


def has_eglot() -> bool:
    """Reports whether it is there: a package of its own until Emacs 29."""
    look = [EMACS, "--batch", "--eval", FIND_EGLOT]
    return subprocess.run(look, check=False, capture_output=True, timeout=60).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not EMACS, reason="emacs is not installed")
def test_emacs(tmp_path: Path) -> None:
    if not has_eglot():
        pytest.skip("eglot is not installed; on Debian: elpa-eglot")
    told = session([EMACS, "--batch", "-l", str(DRIVERS / "emacs.el")], tmp_path)
    check(told, len)
    assert told["fixed"]["preferred"] == FIX
