"""A notebook in JupyterLab with the server, as its user sees it in a browser."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tools.vscode import CHROMIUM

from .editors.configurations import CONFIGURATIONS, path_with_dladvise
from .front_door import environment, written
from .probing import left_behind

START_S = 60.0
WAIT_MS = 60_000
CELLS = (
    "from torch.utils.data import DataLoader\nds = [1, 2, 3]",
    "DataLoader(ds, persistent_workers=True)",
)
WRONG = "persistent_workers=True"


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(find_spec("jupyterlab_lsp") is None, reason="needs jupyterlab-lsp")
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
def test_jupyterlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    monkeypatch.setenv("PATH", path_with_dladvise(tmp_path))
    notebook = tmp_path / "notebooks"
    written(notebook, {"train.ipynb": json.dumps(_notebook(CELLS))})
    with _jupyterlab(tmp_path, notebook) as address, sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(f"{address}/lab/tree/train.ipynb", wait_until="domcontentloaded")
        try:
            _check_notebook(page)
        except BaseException:
            page.screenshot(path=str(tmp_path / "failed.png"))
            raise
        finally:
            browser.close()
    assert left_behind(notebook) == []


def _check_notebook(page: Any) -> None:
    squiggle = page.locator(".cm-lintRange-error")
    squiggle.wait_for(timeout=WAIT_MS)
    assert squiggle.inner_text() == WRONG
    squiggle.hover()
    message = page.locator(".cm-tooltip-lint")
    message.wait_for(timeout=WAIT_MS)
    assert "needs num_workers above 0" in message.inner_text()
    page.mouse.move(0, 0)
    squiggle.click()
    page.keyboard.press("End")
    for _ in range(len(", persistent_workers=True)")):
        page.keyboard.press("Backspace")
    page.keyboard.type(", num_workers=2)")
    squiggle.wait_for(state="detached", timeout=WAIT_MS)


@contextmanager
def _jupyterlab(folder: Path, notebooks: Path) -> Iterator[str]:
    """Its address; it is configured by the file that users copy."""
    configuration = CONFIGURATIONS / "jupyterlab" / "dladvise.json"
    written(
        folder / "config",
        {
            "jupyter_server_config.d/dladvise.json": configuration.read_bytes(),
            # the browser that is driven has no token, and nothing else runs on this port
            "jupyter_server_config.json": json.dumps(
                {"IdentityProvider": {"token": ""}, "ServerApp": {"allow_root": True}}
            ),
            # a question about news would stand before the notebook
            "lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings": (
                '{"fetchNews": "false", "checkForUpdates": false}'
            ),
        },
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = environment(
        HOME=str(folder),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        JUPYTER_DATA_DIR=str(folder / "data"),
        JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
        JUPYTERLAB_SETTINGS_DIR=str(folder / "config" / "lab" / "user-settings"),
    )
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=notebooks, env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while not _answers(f"{address}/api"):
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5):
            return True
    except (URLError, OSError):
        return False


def _notebook(cells: tuple[str, ...]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {
                "name": "python",
                "mimetype": "text/x-python",
                "file_extension": ".py",
            },
        },
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": source,
            }
            for index, source in enumerate(cells)
        ],
    }
