"""The extension in a real VS Code, as its user sees it."""

from __future__ import annotations

import dataclasses
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
from dladvise.probe.request import DEFAULT_SECONDS
from dladvise.server.options import Options
from tools import vscode

from .editors.sessions import FIX, UNDERLINED, needed
from .front_door import ROOT, written

EXTENSION = ROOT / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
PICTURES = os.environ.get("DLADVISE_PICTURES")  # where tools/vscode.py --pictures wants them
MESSAGE = "needs num_workers above 0"
CLICKS = 3  # from the open file to the best number of workers in it
RIGHT = "    loader = DataLoader(photos, batch_size=8)"
WRONG = RIGHT.replace("8)", f"8, {UNDERLINED})")
# Samples are waited for: workers pay on any machine.
SCRIPT = f"""\
import time

from torch.utils.data import DataLoader, Dataset


class Photos(Dataset):
    def __len__(self):
        return 4000

    def __getitem__(self, index):
        time.sleep(0.001)  # a photo comes from the network
        return index


if __name__ == "__main__":
    photos = Photos()
{RIGHT}
    for batch in loader:
        pass
"""
WRONG_SCRIPT = SCRIPT.replace(RIGHT, WRONG)
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
    told_by_the_extension = {"trusted", "probe.interpreter"}
    fields = {one.name for one in dataclasses.fields(Options)} - {"table", "problems"}
    known = {_camel_case(name) for name in fields} | {*READERS}
    assert {*_settings()} == known - told_by_the_extension | {"path", "trace.server"}


def test_defaults_in_the_manifest_are_those_of_the_server() -> None:
    for field in dataclasses.fields(Options):
        if field.type in ("bool", "int") and field.name != "trusted":
            assert _settings()[_camel_case(field.name)]["default"] == field.default
    assert _settings()["probe.seconds"]["default"] == DEFAULT_SECONDS


def _camel_case(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


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

    from .vscode.workbench import Workbench, environment_in, packed, workbench


@needed
@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(bool(vscode.missing()), reason=f"not installed: {'; '.join(vscode.missing())}")
def test_vscode(tmp_path: Path, subtests: pytest.Subtests) -> None:
    project = written(
        tmp_path / "project",
        {
            "pyproject.toml": "",
            "train.py": SCRIPT,
            "wrong.py": WRONG_SCRIPT,
            "all.py": f"{WRONG_SCRIPT}{WRONG}\n",
            "cancelled.py": SCRIPT,
            "quiet.py": WRONG_SCRIPT,
            "notebook.ipynb": json.dumps(NOTEBOOK),
        },
    )
    environment_in(project / ".venv")
    pictures = Path(PICTURES) if PICTURES else tmp_path / "pictures"
    pictures.mkdir(exist_ok=True)
    with workbench(tmp_path, build(here(), tmp_path)) as window:
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
    expect(window.lenses).to_have_text(["measuring … cancel"])
    # what is tried stands there for a second, what came of it perhaps for no frame
    window.picture("progress", window.notification(re.compile(r"num_workers=\d+|batches/s")))
    told = window.notification("Use num_workers=")
    expect(window.lenses.first).to_have_text(re.compile(r"measured \d+ workers?: [\d.]+ "))
    window.picture("measured", told)
    found = re.search(r"Use num_workers=(\d+) \(now 0\)", told.inner_text())
    assert found is not None
    window.click(window.button(told, "Write"))
    window.save()
    assert f"DataLoader(photos, batch_size=8, num_workers={found[1]}" in _code(project / "train.py")
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
    window.hover("DataLoader")
    expect(window.page.locator(".monaco-hover:visible")).to_contain_text("torch's default")
    window.page.keyboard.press("Escape")
    fix = window.quick_fixes().filter(has_text=FIX).first
    window.picture("fixes")
    fix.click()
    expect(window.squiggles).to_have_count(0)
    window.save()
    assert _code(project / "wrong.py") == RIGHT


def all_safe_fixes_are_one_command(window: Workbench, project: Path) -> None:
    window.open_file("all.py")
    expect(window.squiggles).to_have_count(2)
    window.command("dladvise: Apply All Safe Fixes")
    window.save()
    assert (project / "all.py").read_text(encoding="utf-8") == f"{SCRIPT}{RIGHT}\n"


def cancel_ends_all_that_runs(window: Workbench, project: Path) -> None:
    window.open_file("cancelled.py")
    (server,) = window.servers()
    expect(window.lenses).to_have_text(["Probe num_workers"])
    window.lenses.first.click()
    under_way = window.notification("Measuring the DataLoader")
    while len(running := server.children(recursive=True)) < 2:  # the script, and a worker
        expect(under_way).to_be_visible()
    window.button(under_way, "Cancel").click()
    _, alive = psutil.wait_procs(running, timeout=10)
    assert not alive
    expect(window.lenses).to_have_text(["Probe num_workers"])
    expect(window.notifications).to_have_count(0)
    assert _code(project / "cancelled.py") == RIGHT


def report_is_readable_in_every_theme(window: Workbench, project: Path) -> None:
    window.open_file("train.py")
    expect(window.lenses.first).to_contain_text("measured")
    window.lenses.first.click()
    report = window.report()
    expect(report.get_by_role("table").first).to_be_visible()
    expect(report.locator("h1")).to_contain_text("train.py")
    window.clear_notifications()
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
    strange = written(project.parent / "strange", {"strange.py": WRONG_SCRIPT})
    environment_in(strange / ".venv")
    window.open_folder(strange, trusted=False)
    window.open_file("strange.py")
    expect(window.squiggles).to_have_count(1)
    (server,) = window.servers()
    assert str(strange) not in " ".join(server.cmdline())
    measure = "Measure the DataLoader at the Cursor"
    assert not window.has_command(measure)
    expect(window.lenses).to_have_count(0)
    window.picture("restricted")
    window.trust()
    window.open_file("strange.py")
    expect(window.lenses).to_have_text(["Probe num_workers"])
    assert window.has_command(measure)
    assert window.servers() == [server]


def each_folder_of_a_workspace_has_its_own_settings(window: Workbench, project: Path) -> None:
    place = project.parent / "several"
    files: dict[str, str | bytes] = {
        "strict/strict.py": WRONG_SCRIPT,
        "lenient/lenient.py": WRONG_SCRIPT,
        "lenient/dladvise.toml": 'ignore = ["DL003"]\n',
        "several.code-workspace": '{"folders": [{"path": "strict"}, {"path": "lenient"}]}',
    }
    window.open_folder(written(place, files) / "several.code-workspace", trusted=True)
    window.open_file("strict.py")
    expect(window.squiggles).to_have_count(1)
    window.open_file("lenient.py")
    expect(window.lenses).to_have_text(["Probe num_workers"])
    expect(window.squiggles).to_have_count(0)
    assert len(window.servers()) == 1


def status_tells_what_runs(window: Workbench, project: Path) -> None:
    window.open_file("quiet.py")
    status = window.status()
    expect(status).to_contain_text(f"dladvise {__version__}")
    expect(status).to_contain_text(str(project / ".venv" / "bin" / "python"))


def installed_dladvise_runs_where_it_is_named(window: Workbench, project: Path) -> None:
    window.open_file("quiet.py")
    expect(window.squiggles).to_have_count(1)
    program = f"{project.parent}/installed"
    Path(program).write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec "{sys.executable}" -m dladvise "$@"\n'
    )
    Path(program).chmod(0o755)
    window.set(dladvise__path=program)
    expect(window.status()).to_contain_text(program)
    expect(window.squiggles).to_have_count(1)
    assert window.servers() == []
    window.set()
    expect(window.status()).to_contain_text(".venv")
    assert len(window.servers()) == 1


def selected_interpreter_is_followed(window: Workbench, project: Path) -> None:
    selected = written(project.parent / "selected", {"train.py": SCRIPT})
    first, second = (environment_in(project.parent / name) for name in ("first", "second"))
    window.install(packed(Path(__file__).parent / "vscode" / "selection", project.parent))
    window.set(python__defaultInterpreterPath=str(first))
    window.open_folder(selected, trusted=True)
    window.open_file("train.py")
    _measures_with(window, first)
    window.set(python__defaultInterpreterPath=str(second))
    _measures_with(window, second)


def _measures_with(window: Workbench, python: Path) -> None:
    """The script would be run with that; what is selected is heard of a little later."""
    for _ in range(10):
        expect(window.lenses).to_have_text(["Probe num_workers"])
        window.lenses.first.click()
        asked = window.notification("dladvise runs")
        words = asked.inner_text()
        window.button(asked, "Not now").click()
        window.clear_notifications()
        window.page.wait_for_timeout(1_000)  # VS Code hides messages that come all at once
        if str(python) in words:
            return
    raise AssertionError(words)


SCENARIOS: tuple[Callable[[Workbench, Path], None], ...] = (
    three_clicks_to_a_measured_loader,
    finding_is_shown_explained_and_repaired,
    all_safe_fixes_are_one_command,
    cancel_ends_all_that_runs,
    report_is_readable_in_every_theme,
    notebook_cell_has_its_finding,
    settings_hold_at_once,
    server_that_crashed_is_started_again,
    status_tells_what_runs,
    installed_dladvise_runs_where_it_is_named,
    nothing_is_run_where_nothing_is_trusted,
    each_folder_of_a_workspace_has_its_own_settings,
    selected_interpreter_is_followed,
)
THEMES = {
    "Default Light Modern": "vscode-light",
    "Default Dark Modern": "vscode-dark",
    "Default High Contrast": "vscode-high-contrast",
}


def _code(path: Path) -> str:
    """The line that makes the loader."""
    return next(line for line in path.read_text("utf-8").splitlines() if "DataLoader(" in line)
