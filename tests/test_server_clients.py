"""Clients as they really are: each gets all that it can show, and nothing that it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.editor import CLIENTS, IMPORT, able, editor

pytestmark = pytest.mark.asyncio

WRONG = "loader = DataLoader(ds, persistent_workers=True)\n"
PULLS = {"vscode-1.139": True, "nvim-0.11.4": False, "nvim-0.7.2": False}
NAMES = sorted(path.stem for path in CLIENTS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
async def test_the_usual_work(tmp_path: Path, name: str) -> None:
    capabilities = able(name)
    async with editor(tmp_path, capabilities) as window:
        assert window.result is not None
        offered = window.result.capabilities
        assert (offered.diagnostic_provider is not None) is PULLS.get(name, False)
        uri = window.open("train.py", "name = '😀'\n" + IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        assert found.range.start == lsp.Position(2, 24)
        document = capabilities.text_document
        assert document is not None
        if document.code_action is not None:
            fix = await window.action(uri, found.range, "Remove persistent_workers")
            assert fix.edit is not None
            wants_versions = capabilities.workspace and capabilities.workspace.workspace_edit
            versioned = bool(wants_versions and wants_versions.document_changes)
            assert (fix.edit.document_changes is not None) is versioned
            window.apply(fix.edit)
            assert await window.diagnostics(uri) == []
        assert await window.lenses(uri) == ["Probe num_workers"]
        methods = {one.method for one in window.registered}
        watches = capabilities.workspace and capabilities.workspace.did_change_watched_files
        watched = bool(watches and watches.dynamic_registration)
        assert ("workspace/didChangeWatchedFiles" in methods) is watched
        assert not any("mistake" in one.message for one in window.client.log_messages)


async def test_a_client_that_says_nothing_of_itself(tmp_path: Path) -> None:
    async with editor(tmp_path, lsp.ClientCapabilities(), options=None) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        assert found.code == "DL003" and found.related_information is None
        titles = [one.title for one in await window.actions(uri, found.range)]
        assert "Explain" in titles, "commands are what it knows"
        assert window.registered == [] and window.refreshed == []


async def test_a_document_outside_of_every_folder(tmp_path: Path) -> None:
    async with editor(tmp_path, roots=[]) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        assert await window.codes(uri) == ["DL003"]
        unsaved = "untitled:Untitled-1"
        window.texts[unsaved], window.versions[unsaved] = IMPORT + WRONG, 1
        item = lsp.TextDocumentItem(unsaved, "python", 1, IMPORT + WRONG)
        window.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        assert await window.codes(unsaved) == ["DL003"]
        assert await window.lenses(unsaved) == [], "it has no place to be run from"
