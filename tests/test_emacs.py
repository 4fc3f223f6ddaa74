"""Emacs with eglot and the server, as its user sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.editors import EMACS, has_eglot

from .editors.configurations import CONFIGURATIONS, path_with_dladvise
from .editors.sessions import DRIVERS, FIX, check, needed, session


@needed
@pytest.mark.slow
def test_emacs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_eglot():
        pytest.skip(f"{EMACS} with eglot is not installed")
    monkeypatch.setenv("PATH", path_with_dladvise(tmp_path))
    monkeypatch.setenv("CONFIGURATION", str(CONFIGURATIONS / "emacs" / "dladvise.el"))
    told = session([str(EMACS), "--batch", "-l", str(DRIVERS / "emacs.el")], tmp_path)
    check(told, len)
    assert told["fixed"]["preferred"] == FIX
