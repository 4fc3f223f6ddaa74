"""Neovim with the server, as its user sees it: an old release and a recent one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.editors import NEOVIM, RECENT_NEOVIM

from .editors.sessions import DRIVERS, FIX, check, needed, session


@needed
@pytest.mark.slow
@pytest.mark.parametrize("neovim", [NEOVIM, RECENT_NEOVIM], ids=["debian", "recent"])
def test_neovim(neovim: Path, tmp_path: Path) -> None:
    if not neovim.exists():
        pytest.skip(f"{neovim} is not installed")
    driver = str(DRIVERS / "neovim.lua")
    told = session([str(neovim), "--headless", "--clean", "-n", "-S", driver], tmp_path)
    check(told, lambda text: len(text.encode()))  # its columns are bytes
    begin, *reports, end = told["measured"]["progress"]
    assert (begin, {*reports}, end) == ("begin", {"report"}, "end")
    if neovim == RECENT_NEOVIM:
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
