"""Neovim with the server, as its user sees it: an old release and a recent one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.editors import NEOVIM, RECENT_NEOVIM

from .editors.configurations import CONFIGURATIONS, path_with_dladvise
from .editors.sessions import DRIVERS, FIX, check, needed, session
from .front_door import written

INIT = "vim.g.dladvise = { interpreter = vim.env.PYTHON, probe = { seconds = 6 } }"


@needed
@pytest.mark.slow
@pytest.mark.parametrize("neovim", [NEOVIM, RECENT_NEOVIM], ids=["debian", "recent"])
def test_neovim(neovim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not neovim.exists():
        pytest.skip(f"{neovim} is not installed")
    monkeypatch.setenv("PATH", path_with_dladvise(tmp_path))
    plugin = CONFIGURATIONS / "neovim" / "dladvise.lua"
    written(
        tmp_path / "CONFIG" / "nvim",
        {"init.lua": INIT, "plugin/dladvise.lua": plugin.read_bytes()},
    )
    driver = str(DRIVERS / "neovim.lua")
    told = session([str(neovim), "--headless", "-n", "-i", "NONE", "-S", driver], tmp_path)
    check(told, lambda text: len(text.encode()))  # its columns are bytes
    begin, *reports, end = told["measured"]["progress"]
    assert (begin, {*reports}, end) == ("begin", {"report"}, "end")
    if neovim == RECENT_NEOVIM:
        _check_what_recent_ones_have(told)


def _check_what_recent_ones_have(told: dict[str, Any]) -> None:
    assert told["fixed"]["preferred"] == FIX
    found = told["measured"]["result"]["found"]["recommended"]["num_workers"]
    assert told["shown"]["before"] == told["shown"]["on_screen"] == ["Probe num_workers"]
    assert told["cancelled"]["lenses"] == ["measuring … cancel"]
    measured, again = told["shown"]["after"]
    assert measured.startswith(f"measured {found} worker")
    assert again == "probe again"
    assert told["shown"]["hints"] == [f"measured: {found}"]
