"""Sessions in real editors: a driver is the user, and tells what it sees."""

from __future__ import annotations

import json
import re
import site
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from dladvise.probe import usable_cores

from ..front_door import environment, written
from ..probing import left_behind

DRIVERS = Path(__file__).parent
LONGEST_S = 180.0  # of a session; it takes about 25
GONE_S = 10.0  # for everything to be gone once the editor is

VALID = '    name = "😀"; loader = DataLoader(ds)'
WRONG = VALID.replace("ds)", "ds, persistent_workers=True)")
# Samples are waited for: workers pay on any machine.
SCRIPT = f"""\
import time

from torch.utils.data import DataLoader, Dataset


class Slow(Dataset):
    def __len__(self):
        return 4000

    def __getitem__(self, index):
        time.sleep(0.005)
        return index


if __name__ == "__main__":
    ds = Slow()
{WRONG}
    for batch in loader:
        pass
"""
LINE = SCRIPT.splitlines().index(WRONG) + 1
UNDERLINED = "persistent_workers=True"
FIX = "Remove persistent_workers"


needed = pytest.mark.skipif(
    find_spec("torch") is None or usable_cores().usable < 2,
    reason="torch, and a second core for a worker, are not there",
)


def session(command: list[str], folder: Path) -> dict[str, Any]:
    """What the driver saw, by step; the editor, and everything under it, is gone by then."""
    project = folder / "project"
    project.mkdir()
    written(project, {"train.py": SCRIPT, "pyproject.toml": ""})
    events, output = folder / "events", folder / "output"
    variables = _variables(folder) | {"EVENTS": str(events), "SCRIPT": "train.py"}
    with output.open("wb") as stream:
        editor = psutil.Popen(
            command,
            cwd=project,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    at_work: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + LONGEST_S
        while editor.poll() is None and time.monotonic() < deadline:
            if not at_work and "measuring" in _told(events):
                at_work = _at_work(editor)
                events.with_name("events.seen").touch()
            time.sleep(0.05)
        told = _told(events)
        if editor.poll() != 0:
            words = output.read_text(encoding="utf-8", errors="replace")[-3000:]
            why = told.get("failed", {"why": f"the editor ended with {editor.poll()}"})
            pytest.fail(f"{why.pop('why')}\n{why}\nseen before: {[*told]}\n{words}")
        assert at_work, "the editor has quit before a measurement was under way"
        assert _left(at_work) == []
        assert left_behind(project) == []
        return told
    finally:
        for process in (editor, *at_work):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        editor.wait()


def check(told: dict[str, Any], width: Callable[[str], int]) -> None:
    """What every editor's user sees; `width` is that of a text in the editor's columns."""
    problem = {"code": "DL003", "line": LINE, "text": UNDERLINED}
    problem["column"] = width(WRONG[: WRONG.index(UNDERLINED)])

    def seen(step: str) -> list[dict[str, Any]]:
        return [{key: one[key] for key in problem} for one in told[step]["problems"]]

    assert seen("opened") == [problem]
    assert "needs num_workers above 0" in told["opened"]["problems"][0]["message"]
    assert told["fixed"]["line"] == VALID
    assert told["undone"]["line"] == WRONG
    assert seen("undone") == [problem]
    assert told["typed"]["line"] == "weights = max(0.1, "
    assert seen("typed") == [{**problem, "line": LINE + 1}]
    for words in ("DataLoader", "num_workers", "torch's default"):
        assert words in told["hovered"]["text"]
    _check_measured(told["measured"])
    recommended = told["measured"]["result"]["found"]["recommended"]["num_workers"]
    write = [one for one in told["written"]["offered"] if one.startswith("Write the measured")]
    assert write[0].startswith(f"Write the measured num_workers={recommended}")
    settings = write[0].removeprefix("Write the measured ")
    line, _, note = told["written"]["line"].partition("  # ")
    assert line == VALID.replace("ds)", f"ds, {settings})")
    assert note in ("", "dladvise: measured")  # where there are fewer cores than workers
    assert told["cancelled"]["result"] == {"status": 130, "error": "cancelled"}


def _check_measured(told: dict[str, Any]) -> None:
    assert "dladvise runs" in told["asked"]
    assert "train.py" in told["asked"]
    assert told["answers"] == ["Run", "Not now"]
    tried = [one for one in told["told"] if re.search(r"\b\d+ workers?: \S+ batches/s", one)]
    assert len(tried) >= 2, told["told"]
    result = told["result"]
    assert result["status"] == 0
    assert result["found"]["recommended"]["num_workers"] > 0
    assert [(one["code"], one["text"]) for one in told["problems"]] == [("measured", "DataLoader")]
    assert told["problems"][0]["message"].endswith(result["found"]["reason"])


def _variables(folder: Path) -> dict[str, str]:
    """An environment where neither the user's settings are read nor ours are left."""
    variables = environment(
        HOME=str(folder),
        PYTHONUSERBASE=site.getuserbase(),  # else it is sought in that home
        PYTHON=sys.executable,
        **{f"XDG_{name}_HOME": str(folder / name) for name in ("STATE", "CACHE", "CONFIG", "DATA")},
    )
    return {name: value for name, value in variables.items() if name not in ("VIM", "VIMRUNTIME")}


def _told(events: Path) -> dict[str, Any]:
    """The whole lines so far."""
    try:
        text = events.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    steps = [json.loads(line) for line in text.split("\n")[:-1]]
    return {step.pop("step"): step for step in steps}


def _at_work(editor: psutil.Popen) -> list[psutil.Process]:
    """The server and all that it has started, which measures a loader now."""
    found = editor.children(recursive=True)
    servers = [one for one in found if _arguments(one) == ["-m", "dladvise", "server"]]
    assert len(servers) == 1, found
    assert len(servers[0].children(recursive=True)) >= 2, found  # the script and its workers
    return found


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()[1:]
    except psutil.Error:
        return []  # it is gone


def _left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are not gone in time."""
    deadline = time.monotonic() + GONE_S
    while (left := [one for one in processes if _lives(one)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
