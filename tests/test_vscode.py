"""The extension in a real VS Code, as its user sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dladvise import __version__
from dladvise.advisor.setting_values import READERS
from dladvise.server import options
from tools import vscode

from .editors.sessions import FIX, SCRIPT, UNDERLINED, VALID, WRONG, needed
from .front_door import written

EXTENSION = Path(__file__).parent.parent / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
IMAGES = os.environ.get("DLADVISE_IMAGES")  # where tools/vscode.py --images wants them
MESSAGE = "needs num_workers above 0"
CLICKS = 3  # from the open file to the best number of workers in it
RIGHT_SCRIPT = SCRIPT.replace(WRONG, VALID)
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Training"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": ["from torch.utils.data import DataLoader\n", WRONG.strip()],
        },
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


# The manifest


def _settings() -> dict[str, dict[str, object]]:
    return {
        name.removeprefix("dladvise."): setting
        for section in MANIFEST["contributes"]["configuration"]
        for name, setting in section["properties"].items()
    }


def test_manifest_has_this_version() -> None:
    assert MANIFEST["version"] == __version__


def test_every_setting_of_the_server_is_in_the_manifest() -> None:
    ours = {"path", "interpreter", "trace.server"}
    known = {*READERS, *options._OURS} - {"trusted", "probe.interpreter"}
    assert {*_settings()} == known | ours


@pytest.mark.parametrize("name", [*_settings()])
def test_default_in_the_manifest_is_that_of_the_server(name: str) -> None:
    attribute = {
        "codeLens": "code_lens",
        "inlayHints": "inlay_hints",
        "hover": "hover",
        "workspaceDiagnostics": "workspace_diagnostics",
        "debounceMs": "debounce_ms",
    }.get(name)
    if attribute is not None:
        assert _settings()[name]["default"] == getattr(options.Options(), attribute)
    else:
        assert not _settings()[name]["default"] or name in ("probe.seconds", "trace.server")


def test_what_chooses_a_program_needs_trust() -> None:
    restricted = MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert {*restricted} == {
        f"dladvise.{name}" for name in ("path", "interpreter", "probe.args", "probe.env")
    }


def test_python_without_its_native_part_is_told_apart(tmp_path: Path) -> None:
    launcher = written(tmp_path, {"server.py": (EXTENSION / "bundled/server.py").read_bytes()})
    check = [sys.executable, "-I", "-S", str(launcher / "server.py"), "--check"]
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "has no part of libcst in this extension" in done.stderr


# The editor

if not vscode.missing():
    from playwright.sync_api import expect

    from tools.vsix import build, here

    from .vscode.workbench import Workbench, environment_in, workbench


@pytest.fixture(scope="module")
def vsix() -> Path:
    return build(here())


@needed
@pytest.mark.slow
@pytest.mark.skipif(bool(vscode.missing()), reason=f"not installed: {'; '.join(vscode.missing())}")
def test_vscode(vsix: Path, tmp_path: Path, subtests: pytest.Subtests) -> None:
    project = written(
        tmp_path / "project",
        {
            "pyproject.toml": "",
            "train.py": RIGHT_SCRIPT,
            "wrong.py": SCRIPT,
            "cancelled.py": RIGHT_SCRIPT,
            "quiet.py": SCRIPT,
            "notebook.ipynb": json.dumps(NOTEBOOK),
        },
    )
    environment_in(project / ".venv")
    pictures = Path(IMAGES) if IMAGES else tmp_path / "pictures"
    pictures.mkdir(exist_ok=True)
    with workbench(tmp_path, vsix) as window:
        window.pictures = pictures
        window.open_folder(project, trusted=True)
        for scenario in SCENARIOS:
            with subtests.test(scenario.__name__):
                try:
                    scenario(window, project)
                except BaseException:
                    window.page.screenshot(path=pictures / f"failed-{scenario.__name__}.png")
                    raise
                finally:
                    window.close_all()


def three_clicks_to_a_measured_loader(window: Workbench, project: Path) -> None:
    window.open_file("train.py")
    window.clicks = 0
    expect(window.lenses).to_have_text(["Probe num_workers"])
    window.click(window.lenses.first)
    asked = window.notification("dladvise runs")
    assert str(project / "train.py") in asked.inner_text()
    assert str(project / ".venv" / "bin" / "python") in asked.inner_text()
    window.click(window.button(asked, "Run"))
    under_way = window.notification(re.compile(r"\d+ workers?: \S+ batches/s"))
    expect(window.lenses).to_have_text(["measuring … cancel"])
    window.picture("progress", under_way)
    told = window.notification("Use num_workers=")
    expect(window.lenses.first).to_have_text(re.compile(r"measured \d+ workers?: [\d.]+ "))
    window.picture("measured", told)
    found = re.search(r"Use num_workers=(\d+) \(now 0\)", told.inner_text())
    assert found is not None
    window.click(window.button(told, "Write"))
    window.save()
    assert f"DataLoader(ds, num_workers={found[1]}" in _code(project / "train.py")
    assert window.clicks <= CLICKS
    expect(window.squiggles).to_have_count(0)


def finding_is_shown_explained_and_repaired(window: Workbench, project: Path) -> None:
    window.open_file("wrong.py")
    expect(window.squiggles).to_have_count(1)
    row = window.problems.filter(has_text=MESSAGE).first
    expect(row.locator("a", has_text="DL003")).to_be_visible()
    window.toggle_problems()
    window.hover(UNDERLINED.partition("=")[0])
    expect(window.page.locator(".monaco-hover:visible")).to_contain_text(MESSAGE)
    window.picture("finding")
    window.page.keyboard.press("Escape")
    fix = window.quick_fixes().filter(has_text=FIX).first
    window.picture("fixes")
    fix.click()
    expect(window.squiggles).to_have_count(0)
    window.save()
    assert _code(project / "wrong.py") == VALID


def cancel_ends_all_that_runs(window: Workbench, project: Path) -> None:
    window.open_file("cancelled.py")
    (server,) = window.servers()
    expect(window.lenses).to_have_text(["Probe num_workers"])
    window.lenses.first.click()
    under_way = window.notification(re.compile(r"\d+ workers?: \S+ batches/s"))
    running = server.children(recursive=True)
    assert len(running) >= 2, running
    window.button(under_way, "Cancel").click()
    _, alive = psutil.wait_procs(running, timeout=10)
    assert not alive
    expect(window.lenses).to_have_text(["Probe num_workers"])
    expect(window.notifications).to_have_count(0)
    assert _code(project / "cancelled.py") == VALID


def report_is_readable_in_every_theme(window: Workbench, project: Path) -> None:
    window.open_file("train.py")
    expect(window.lenses.first).to_contain_text("measured")
    window.lenses.first.click()
    report = window.report()
    expect(report.get_by_role("table").first).to_be_visible()
    expect(report.locator("h1")).to_contain_text("train.py")
    for theme, kind in THEMES.items():
        window.set(workbench__colorTheme=theme)
        expect(report.locator("body")).to_have_attribute("data-vscode-theme-kind", kind)
        window.picture(f"report-{kind}")
    window.set()


def notebook_cell_has_its_finding(window: Workbench, project: Path) -> None:
    window.open_file("notebook.ipynb")
    cells = window.page.locator(".notebookOverlay")
    expect(cells.locator(".squiggly-error")).to_have_count(1)
    window.picture("notebook")
    assert window.lenses.count() == 0


def settings_hold_at_once(window: Workbench, project: Path) -> None:
    window.open_file("quiet.py")
    expect(window.squiggles).to_have_count(1)
    before = window.servers()
    window.set(dladvise__severity={"DL003": "off"}, dladvise__codeLens=False)
    expect(window.squiggles).to_have_count(0)
    expect(window.lenses).to_have_count(0)
    window.set()
    expect(window.squiggles).to_have_count(1)
    expect(window.lenses).to_have_count(1)
    assert window.servers() == before


def server_that_crashed_is_started_again(window: Workbench, project: Path) -> None:
    window.open_file("quiet.py")
    expect(window.squiggles).to_have_count(1)
    (server,) = window.servers()
    server.kill()
    server.wait(timeout=10)
    window.page.locator(".view-line", has_text=UNDERLINED).first.click()
    window.page.keyboard.press("Control+Shift+K")  # deletes the line
    expect(window.squiggles).to_have_count(0)
    assert len(window.servers()) == 1


def nothing_is_run_where_nothing_is_trusted(window: Workbench, project: Path) -> None:
    strange = written(project.parent / "strange", {"strange.py": SCRIPT})
    environment_in(strange / ".venv")
    window.open_folder(strange, trusted=False)
    window.open_file("strange.py")
    expect(window.squiggles).to_have_count(1)
    (server,) = window.servers()
    assert str(strange) not in " ".join(server.cmdline())
    assert not window.has_command("Measure the DataLoader at the Cursor")
    expect(window.lenses).to_have_count(0)
    window.picture("restricted")
    window.trust()
    expect(window.lenses).to_have_text(["Probe num_workers"])
    assert window.servers() == [server]


SCENARIOS: tuple[Callable[[Workbench, Path], None], ...] = (
    three_clicks_to_a_measured_loader,
    finding_is_shown_explained_and_repaired,
    cancel_ends_all_that_runs,
    report_is_readable_in_every_theme,
    notebook_cell_has_its_finding,
    settings_hold_at_once,
    server_that_crashed_is_started_again,
    nothing_is_run_where_nothing_is_trusted,
)
THEMES = {
    "Default Light Modern": "vscode-light",
    "Default Dark Modern": "vscode-dark",
    "Default High Contrast": "vscode-high-contrast",
}


def _code(path: Path) -> str:
    """The line that makes the loader."""
    return next(line for line in path.read_text("utf-8").splitlines() if "DataLoader(" in line)
