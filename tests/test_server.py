"""The language server in conversation: what an editor gets for each of its features."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.editor import IMPORT, able, editor, everything, position, soon

WRONG = "loader = DataLoader(ds, persistent_workers=True)\n"
RIGHT = "loader = DataLoader(ds)\n"

pytestmark = pytest.mark.asyncio


def pushing() -> lsp.ClientCapabilities:
    """A client that is told everything, and does not ask for diagnostics."""
    found = able()
    assert found.text_document is not None
    found.text_document.diagnostic = None
    return found


# Diagnostics


async def test_a_finding_and_its_fix(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        assert (found.code, found.source, found.severity) == ("DL003", "dladvise", 1)
        assert found.range == lsp.Range(lsp.Position(1, 24), lsp.Position(1, 47))
        assert list(found.tags or ()) == [lsp.DiagnosticTag.Unnecessary]
        assert found.code_description is not None
        assert "worker_option_without_workers" in found.code_description.href
        fix = await window.action(uri, found.range, "Remove persistent_workers")
        assert fix.is_preferred and fix.edit is not None
        window.apply(fix.edit)
        assert window.texts[uri] == IMPORT + RIGHT
        assert await window.diagnostics(uri) == []


async def test_diagnostics_are_pushed_with_their_version(tmp_path: Path) -> None:
    capabilities = pushing()
    assert capabilities.text_document is not None
    published = capabilities.text_document.publish_diagnostics
    assert published is not None
    published.version_support = True
    async with editor(tmp_path, capabilities) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        await window.until(lambda: uri in window.told)
        assert [one.code for one in window.told[uri].diagnostics] == ["DL003"]
        assert window.told[uri].version == 1
        window.replace(uri, ", persistent_workers=True", "")
        await window.until(lambda: window.told[uri].version == 2)
        assert not window.told[uri].diagnostics


async def test_a_closed_document_has_no_diagnostics(tmp_path: Path) -> None:
    async with editor(tmp_path, pushing()) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        await window.until(lambda: uri in window.told and bool(window.told[uri].diagnostics))
        window.close(uri)
        await window.until(lambda: not window.told[uri].diagnostics)


async def test_the_same_diagnostics_are_not_sent_twice(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        first = await window.pull(uri)
        again = await window.pull(uri, first.result_id)
        assert again == lsp.RelatedUnchangedDocumentDiagnosticReport(first.result_id)
        window.edit(uri, lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)), "\n")
        moved = await window.pull(uri, first.result_id)
        assert moved.items[0].range.start == lsp.Position(2, 24)


async def test_a_later_edit_waits_for_the_debounce_and_the_first_result_does_not(
    tmp_path: Path,
) -> None:
    async with editor(tmp_path, pushing(), {"debounceMs": 1_500}) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        loop = asyncio.get_running_loop()
        await window.until(lambda: uri in window.told)
        begun = loop.time()
        first = window.told[uri]
        for letter in "abc":
            window.edit(uri, lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)), f"{letter} = 1\n")
            await asyncio.sleep(0.1)
        await window.until(lambda: window.told[uri] is not first)
        assert loop.time() - begun >= 1.5
        assert window.told[uri].diagnostics[0].range.start.line == 4


async def test_related_places_are_shown(tmp_path: Path) -> None:
    text = IMPORT + "loader = DataLoader(\n    ds,\n    persistent_workers=True,\n)\n"
    async with editor(tmp_path) as window:
        uri = window.open("train.py", text)
        [found] = await window.diagnostics(uri)
        assert found.range.start == lsp.Position(1, 9)
        [related] = found.related_information or ()
        assert related.location.range.start == lsp.Position(3, 4)
        assert related.location.uri == uri


async def test_columns_are_those_of_the_client(tmp_path: Path) -> None:
    text = IMPORT + "name = '😀é'; loader = DataLoader(ds, persistent_workers=True)\n"
    columns = {"utf-8": 41, "utf-16": 38, "utf-32": 37}
    for encoding, column in columns.items():
        capabilities = able()
        assert capabilities.general is not None
        capabilities.general.position_encodings = [lsp.PositionEncodingKind(encoding)]
        async with editor(tmp_path, capabilities) as window:
            assert window.result is not None
            assert window.result.capabilities.position_encoding == encoding
            uri = window.open("train.py", text)
            [found] = await window.diagnostics(uri)
            assert found.range.start == lsp.Position(1, column), encoding


async def test_the_whole_workspace(tmp_path: Path) -> None:
    for number in range(45):
        (tmp_path / f"train_{number:02}.py").write_text(IMPORT + WRONG)
    (tmp_path / "clean.py").write_text(IMPORT + RIGHT)
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "other.py").write_text(IMPORT + WRONG)
    async with editor(tmp_path) as window:
        opened = window.open("train_00.py", IMPORT + WRONG)
        ask = window.client.workspace_diagnostic_async
        report = await soon(ask(lsp.WorkspaceDiagnosticParams([], partial_result_token="part")))
        parts = [one["items"] for one in window.partial]
        assert len(parts) > 1 and not report.items
        found = {one["uri"]: one for part in parts for one in part}
        assert sorted(found) == [window.uri(f"train_{n:02}.py") for n in range(1, 45)]
        assert opened not in found
        assert {one["items"][0]["code"] for one in found.values()} == {"DL003"}
        known = [lsp.PreviousResultId(uri, one["resultId"]) for uri, one in found.items()]
        changed = tmp_path / "train_07.py"
        changed.write_text(IMPORT + RIGHT)
        saved = lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(opened))
        window.client.text_document_did_save(saved)
        report = await soon(ask(lsp.WorkspaceDiagnosticParams(known)))
        full = [one for one in report.items if one.kind == "full"]
        assert [(one.uri, list(one.items)) for one in full] == [(changed.as_uri(), [])]
        assert len(report.items) == 44


# Half-typed code


async def test_findings_stay_while_something_else_cannot_be_read(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", f"{IMPORT}\n\ndef helper():\n    return 1\n\n\n{WRONG}")
        assert await window.codes(uri) == ["DL003"]
        window.replace(uri, "return 1", "x = ('''\n    return 1")
        [found] = await window.diagnostics(uri)
        assert found.range.start.line == 8
        window.replace(uri, "import DataLoader", "import (DataLoader")
        assert await window.codes(uri) == ["DL003"]


async def test_what_is_typed_is_judged_although_something_else_cannot_be_read(
    tmp_path: Path,
) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", f"{IMPORT}\n\ndef helper():\n    return 1\n\n\n{RIGHT}")
        assert await window.codes(uri) == []
        window.replace(uri, "def helper():", "def helper(:")
        window.replace(uri, "DataLoader(ds)", "DataLoader(ds, persistent_workers=True)")
        assert await window.codes(uri) == ["DL003"]


# Actions


async def test_the_actions_for_a_finding(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG + WRONG.replace("loader", "other"))
        first, _ = await window.diagnostics(uri)
        found = await window.actions(uri, first.range, shown=[first])
        titles = [one.title for one in found]
        assert titles == [
            "Remove persistent_workers",
            "Load with 2 workers (may change results)",
            "Fix all 2 of DL003 (worker-option-without-workers)",
            "Ignore DL003 here",
            "Ignore DL003 in this file",
            "Explain DL003 (worker-option-without-workers)",
            "Measure the best num_workers on this machine",
            "Fix all that dladvise can fix safely",
        ]
        assert list(found[0].diagnostics or ()) == [first]
        unsafe = found[1].edit
        assert unsafe is not None and unsafe.change_annotations is not None
        assert all(one.needs_confirmation for one in unsafe.change_annotations.values())
        assert found[2].edit is not None
        window.apply(found[2].edit)
        assert "persistent" not in window.texts[uri]


@pytest.mark.parametrize(
    ("title", "after"),
    [
        ("Ignore DL003 here", IMPORT + WRONG.rstrip() + "  # dladvise: ignore[DL003]\n"),
        ("Ignore DL003 in this file", "# dladvise: ignore-file[DL003]\n" + IMPORT + WRONG),
    ],
)
async def test_ignoring(tmp_path: Path, title: str, after: str) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        action = await window.action(uri, found.range, title)
        assert action.edit is not None
        window.apply(action.edit)
        assert window.texts[uri] == after
        assert await window.diagnostics(uri) == []


async def test_fix_all_makes_the_safe_fixes_only(tmp_path: Path) -> None:
    unsafe = "for batch in loader:\n    pass\n"
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG + unsafe)
        whole = everything(window.texts[uri])
        [action] = await window.actions(uri, whole, ["source.fixAll.dladvise"])
        assert action.edit is None, "it is worked out when it is chosen"
        action = await soon(window.client.code_action_resolve_async(action))
        assert action.edit is not None
        window.apply(action.edit)
        assert window.texts[uri] == IMPORT + RIGHT + unsafe
        assert await window.actions(uri, whole, ["source.fixAll"]) == []
        assert await window.actions(uri, whole, ["refactor"]) == []


async def test_edits_without_versions_for_clients_without_them(tmp_path: Path) -> None:
    async with editor(tmp_path, able("nvim-0.11.4")) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        fix = await window.action(uri, found.range, "Remove persistent_workers")
        assert fix.edit is not None and fix.edit.document_changes is None
        window.apply(fix.edit)
        assert window.texts[uri] == IMPORT + RIGHT


async def test_explaining_a_rule(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        text = await window.command("dladvise.explain", "DL003")
        assert text.startswith("# DL003 worker-option-without-workers")


# Hover, lenses


async def test_hovering_over_a_construction(tmp_path: Path) -> None:
    text = (
        "import argparse\n" + IMPORT + "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--workers", type=int, default=0)\n'
        "args = parser.parse_args()\n"
        "loader = DataLoader(ds, 16, num_workers=args.workers)\n"
    )
    async with editor(tmp_path) as window:
        uri = window.open("train.py", text)
        shown = await window.hover(uri, position(text, text.index("DataLoader(") + 3))
        assert shown is not None
        assert "- `num_workers` = `0`, the default of --workers" in shown
        assert "- `batch_size` = `16`\n" in shown
        assert "- `shuffle` = `None`, torch's default" in shown
        assert await window.hover(uri, lsp.Position(0, 0)) is None


async def test_hovering_over_the_code_in_a_suppression(tmp_path: Path) -> None:
    text = IMPORT + WRONG.rstrip() + "  # dladvise: ignore[DL003]\n"
    async with editor(tmp_path) as window:
        uri = window.open("train.py", text)
        shown = await window.hover(uri, position(text, text.index("DL003") + 2))
        assert shown is not None and shown.startswith("# DL003 worker-option-without-workers")


async def test_a_lens_on_each_construction(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + RIGHT + "other = DataLoader(ds)\n")
        assert await window.lenses(uri) == ["Probe num_workers", "Probe num_workers"]
        assert await window.hints(uri) == []


# Notebooks


def notebook(folder: Path, *cells: str) -> lsp.DidOpenNotebookDocumentParams:
    uri = (folder / "train.ipynb").as_uri()
    names = [f"{uri}#cell{number}" for number in range(len(cells))]
    code = lsp.NotebookCellKind.Code
    return lsp.DidOpenNotebookDocumentParams(
        lsp.NotebookDocument(
            uri, "jupyter-notebook", 1, [lsp.NotebookCell(code, name) for name in names]
        ),
        [
            lsp.TextDocumentItem(name, "python", 1, text)
            for name, text in zip(names, cells, strict=True)
        ],
    )


async def test_cells_are_one_program(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        opened = notebook(tmp_path, IMPORT, "%matplotlib inline\nds = [1]", WRONG.rstrip())
        window.client.notebook_document_did_open(opened)
        uris = [one.uri for one in opened.cell_text_documents]
        await window.until(lambda: all(uri in window.told for uri in uris))
        assert [len(window.told[uri].diagnostics) for uri in uris] == [0, 0, 1]
        [found] = window.told[uris[2]].diagnostics
        assert found.range.start == lsp.Position(0, 24)
        window.texts[uris[2]], window.versions[uris[2]] = WRONG.rstrip(), 1
        kinds = ["notebook.source.fixAll.dladvise"]
        [action] = await window.actions(uris[2], everything(WRONG), [*kinds])
        action = await soon(window.client.code_action_resolve_async(action))
        assert action.edit is not None and action.edit.document_changes is not None
        [change] = action.edit.document_changes
        assert isinstance(change, lsp.TextDocumentEdit)
        assert change.text_document.uri == uris[2]
        assert await window.lenses(uris[2]) == [], "a notebook cannot be run"


async def test_cells_change_and_go(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        opened = notebook(tmp_path, IMPORT, WRONG)
        window.client.notebook_document_did_open(opened)
        uri = opened.notebook_document.uri
        first, second = (one.uri for one in opened.cell_text_documents)
        await window.until(lambda: second in window.told)

        def change(**cells: object) -> None:
            identifier = lsp.VersionedNotebookDocumentIdentifier(2, uri)
            event = lsp.NotebookDocumentChangeEvent(
                cells=lsp.NotebookDocumentCellChanges(**cells)  # type: ignore[arg-type]
            )
            window.client.notebook_document_did_change(
                lsp.DidChangeNotebookDocumentParams(identifier, event)
            )

        content = lsp.NotebookDocumentCellContentChanges(
            lsp.VersionedTextDocumentIdentifier(2, second),
            [lsp.TextDocumentContentChangeWholeDocument("x = 1\n" + WRONG)],
        )
        change(text_content=[content])
        await window.until(lambda: window.told[second].diagnostics[0].range.start.line == 1)
        gone = lsp.NotebookDocumentCellChangeStructure(
            lsp.NotebookCellArrayChange(1, 1), did_close=[lsp.TextDocumentIdentifier(second)]
        )
        change(structure=gone)
        await window.until(lambda: not window.told[second].diagnostics)
        closed = lsp.DidCloseNotebookDocumentParams(
            lsp.NotebookDocumentIdentifier(uri), [lsp.TextDocumentIdentifier(first)]
        )
        window.client.notebook_document_did_close(closed)


# Configuration


async def test_the_projects_file_is_followed(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        assert await window.codes(uri) == ["DL003"]
        watched = [one for one in window.registered if one.method.endswith("WatchedFiles")]
        assert len(watched) == 1
        (tmp_path / "dladvise.toml").write_text('ignore = ["DL003"]\n')
        event = lsp.FileEvent(window.uri("dladvise.toml"), lsp.FileChangeType.Created)
        before = len(window.refreshed)
        window.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
        await window.until(lambda: "diagnostics" in window.refreshed[before:])
        assert await window.codes(uri) == []


async def test_the_projects_file_is_looked_at_where_the_client_does_not_watch(
    tmp_path: Path,
) -> None:
    async with editor(tmp_path, able("nvim-0.7.2")) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        await window.until(lambda: uri in window.told and bool(window.told[uri].diagnostics))
        (tmp_path / "dladvise.toml").write_text('ignore = ["DL003"]\n')
        await window.until(lambda: not window.told[uri].diagnostics)


async def test_a_broken_file_is_told_and_the_last_settings_hold(tmp_path: Path) -> None:
    (tmp_path / "dladvise.toml").write_text('ignore = ["DL003"]\n')
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        assert await window.codes(uri) == []
        (tmp_path / "dladvise.toml").write_text('ignore = ["DL003"]\nignores = 1\n')
        assert await window.codes(uri) == []
        await window.until(lambda: any("dladvise.toml:2" in one for one in window.messages()))
        assert sum("dladvise.toml:2" in one for one in window.messages()) == 1


async def test_the_editors_settings(tmp_path: Path) -> None:
    (tmp_path / "dladvise.toml").write_text('ignore = ["DL003"]\n')
    explicit = {"select": ["DL003"], "severity": {"DL003": "hint"}, "codeLens": False}
    async with editor(tmp_path, configuration=explicit) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        await window.until(lambda: "diagnostics" in window.refreshed)
        [found] = await window.diagnostics(uri)
        assert found.severity == lsp.DiagnosticSeverity.Hint
        assert await window.lenses(uri) == []
        window.client.set_configuration({"dladvise": {"debounceMs": "soon", "colour": 1}})
        changed = lsp.DidChangeConfigurationParams(None)
        window.client.workspace_did_change_configuration(changed)
        await window.until(lambda: len(window.messages()) >= 2)
        assert any("debounceMs must be a number" in one for one in window.messages())
        assert any("unknown setting colour" in one for one in window.messages())
        assert await window.codes(uri) == []
        assert await window.lenses(uri) == ["Probe num_workers"]


async def test_each_folder_has_its_own_settings(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (two / "pyproject.toml").write_text('[tool.dladvise]\nignore = ["DL003"]\n')
    async with editor(tmp_path, roots=[one, two]) as window:
        first = window.open("one/train.py", IMPORT + WRONG)
        second = window.open("two/train.py", IMPORT + WRONG)
        assert await window.codes(first) == ["DL003"]
        assert await window.codes(second) == []
        removed = lsp.WorkspaceFoldersChangeEvent(
            added=[], removed=[lsp.WorkspaceFolder(two.as_uri(), "two")]
        )
        window.client.workspace_did_change_workspace_folders(
            lsp.DidChangeWorkspaceFoldersParams(removed)
        )
        assert await window.codes(second) == [], "its own file holds all the same"


async def test_nothing_is_run_in_an_untrusted_workspace(tmp_path: Path) -> None:
    async with editor(tmp_path, options={"trusted": False}) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        [found] = await window.diagnostics(uri)
        assert await window.lenses(uri) == []
        titles = [one.title for one in await window.actions(uri, found.range)]
        assert not any("Measure" in title for title in titles)
        answer = await window.probe(uri)
        assert answer["status"] == 2 and "not trusted" in answer["error"]
        assert window.asked == []


async def test_forgetting_everything(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        uri = window.open("train.py", IMPORT + WRONG)
        assert await window.codes(uri) == ["DL003"]
        await window.command("dladvise.restart")
        assert await window.codes(uri) == ["DL003"]


# Other modules of the project

SHARED = "from torch.utils.data import IterableDataset\n\n\nclass Rows(IterableDataset):\n"
ROWS = "    def __iter__(self):\n        return iter(range(8))\n"
USES = "from torch.utils.data import DataLoader\n\nfrom rows import Rows\n\n"


async def test_what_is_typed_into_a_module_is_seen_where_it_is_imported(tmp_path: Path) -> None:
    """Before it is saved; once it is closed, what stands in the file."""
    async with editor(tmp_path) as window:
        train = window.open("train.py", USES + "loader = DataLoader(Rows(), shuffle=True)\n")
        rows = window.open("rows.py", SHARED + ROWS)
        await window.comes_to(train, "DL007")
        window.replace(rows, "class Rows(IterableDataset)", "class Rows(object)")
        await window.comes_to(train)
        window.close(rows)
        await window.comes_to(train, "DL007")


LOOPS = """\
import torch


def train(model, loader):
    for batch in loader:
        model(batch.cuda()).backward()
"""
CALLS = """from torch.utils.data import DataLoader

from engine import train

loader = DataLoader(rows, 8, num_workers=2, persistent_workers=True, pin_memory=True)
train(model, loader)
"""


async def test_what_is_typed_into_a_caller_is_seen_where_it_calls(tmp_path: Path) -> None:
    async with editor(tmp_path) as window:
        train = window.open("train.py", CALLS)
        engine = window.open("engine.py", LOOPS)
        await window.comes_to(engine, "DL201")
        window.replace(train, "pin_memory=True", "pin_memory=False")
        await window.comes_to(engine)
        await window.comes_to(train, "DL200")
        window.replace(train, "train(model, loader)", "train(model, other)")
        await window.comes_to(train)


@pytest.mark.parametrize("client", ["vscode-1.139", "nvim-0.7.2"])
async def test_a_module_that_is_written_on_disk_is_seen(tmp_path: Path, client: str) -> None:
    """Where the client tells of it, and where it is looked for."""
    async with editor(tmp_path, able(client)) as window:
        uri = window.open("train.py", USES + "loader = DataLoader(Rows(), shuffle=True)\n")
        (tmp_path / "rows.py").write_text(SHARED + ROWS)
        event = lsp.FileEvent(window.uri("rows.py"), lsp.FileChangeType.Created)
        if client.startswith("vscode"):
            changed = lsp.DidChangeWatchedFilesParams([event])
            window.client.workspace_did_change_watched_files(changed)
            await window.comes_to(uri, "DL007")
        else:
            await window.until(lambda: uri in window.told and bool(window.told[uri].diagnostics))
