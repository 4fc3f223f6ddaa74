"""The language server in conversation: what an editor gets for each of its features."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.editor import IMPORT, editor

WRONG = "loader = DataLoader(ds, persistent_workers=True)\n"
RIGHT = "loader = DataLoader(ds)\n"
HOPELESS = "def unfinished(:\n"

pytestmark = pytest.mark.asyncio


async def test_a_finding_and_its_fix(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        assert (found.code, found.source, found.severity) == ("DL003", "dladvise", 1)
        assert found.range == lsp.Range(lsp.Position(1, 24), lsp.Position(1, 47))
        assert found.code_description is not None
        assert "worker_option_without_workers" in found.code_description.href
        fix = await window.action(uri, found.range, "Remove persistent_workers")
        assert fix.is_preferred and fix.edit is not None
        window.apply(fix.edit)
        assert window.texts[uri] == IMPORT + RIGHT
        assert await window.diagnostics(uri) == []
