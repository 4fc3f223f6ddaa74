"""A window of VS Code, as its user sees and uses it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sysconfig
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
from playwright.sync_api import (
    Browser,
    FrameLocator,
    Locator,
    Page,
    Route,
    TimeoutError,
    expect,
    sync_playwright,
)

from tools.vscode import CHROMIUM, CODE_SERVER, NODE

from ..front_door import environment

UP_S = 60.0  # for the editor to answer
LONGEST_MS = 60_000  # for anything that is waited for
OPENINGS, FOLDERS_MS = 4, 15_000  # of a window, and for its folders to be shown
SIZE = (1000, 620)  # small enough for pictures
SCALE = 1.25  # of pictures, for sharp screens
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.reduceMotion": "on",
    "workbench.editor.useModal": "off",
    "workbench.welcomePage.walkthroughs.openOnInstall": False,
    "workbench.enableExperiments": False,
    "workbench.activityBar.location": "hidden",
    "workbench.layoutControl.enabled": False,
    "window.commandCenter": False,
    "window.menuBarVisibility": "hidden",
    "breadcrumbs.enabled": False,
    "telemetry.telemetryLevel": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "update.mode": "none",
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "files.autoSave": "off",
    "security.workspace.trust.startupPrompt": "always",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.colorTheme": "Default Light Modern",
}
expect.set_options(timeout=LONGEST_MS)
BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


class Workbench:
    """One browser with one window; `home` is what the editor takes for the user's."""

    def __init__(self, page: Page, address: str, home: Path, process: psutil.Popen) -> None:
        self.page = page
        self.home = home
        self.clicks = 0
        self.pictures = home
        self._address = address
        self._process = process
        self._set: dict[str, object] = {}

    # Getting about

    def open_folder(self, folder: Path, trusted: bool) -> None:
        """Open a folder, or a workspace, for the first time.

        Whether its authors are trusted is asked.
        """
        kind = "workspace" if folder.suffix == ".code-workspace" else "folder"
        answer = "Yes, I trust" if trusted else "No, I don't trust"
        dialog = self.page.locator(".monaco-dialog-box")
        for _ in range(OPENINGS):
            self.page.goto(f"{self._address}/?{kind}={quote(str(folder))}")
            expect(dialog).to_be_visible()
            if self._shows_folders():
                break
        dialog.locator(".monaco-button", has_text=answer).click()
        expect(dialog).to_have_count(0)
        self.command("View: Close Primary Side Bar")

    def _shows_folders(self) -> bool:
        """Reports whether the explorer shows something.

        Now and then the editor reads a workspace's file before it can, and then has no folder
        until the window is opened again.
        """
        try:
            self.page.locator(".explorer-folders-view .monaco-list-row").first.wait_for(
                timeout=FOLDERS_MS
            )
        except TimeoutError:
            return False
        return True

    def open_file(self, name: str) -> None:
        self._pick("Control+P", name, name)
        self.page.locator(f'.tab.active[data-resource-name="{name}"]').wait_for(timeout=LONGEST_MS)

    def command(self, title: str) -> None:
        """Run a command of the palette."""
        self._pick("F1", title, title)

    def has_command(self, title: str) -> bool:
        """Reports whether the palette has a command of ours."""
        self._type_into_pick("F1", "dladvise:")
        rows = self.page.locator(".quick-input-list .monaco-list-row")
        expect(rows.filter(has_text="dladvise: Restart Server")).to_have_count(1)
        found = rows.filter(has_text=title).count()
        self.page.keyboard.press("Escape")
        return found > 0

    def _pick(self, key: str, words: str, row: str) -> None:
        self._type_into_pick(key, words)
        # rows come and go while they are found: not before it is chosen is it the right one
        chosen = self.page.locator(".quick-input-list .monaco-list-row.focused")
        expect(chosen).to_contain_text(row)
        self.page.keyboard.press("Enter")

    def _type_into_pick(self, key: str, words: str) -> None:
        self.page.keyboard.press(key)
        self.page.locator(".quick-input-widget input").first.wait_for(state="visible")
        self.page.keyboard.type(words)

    def click(self, what: Locator) -> None:
        """What a user clicks on, counted."""
        self.clicks += 1
        what.click()

    def install(self, extension: Path) -> None:
        """Install another extension; a folder that is opened from now on has it."""
        _install(extension, _code_server(self.home), _variables(self.home))

    def close_all(self) -> None:
        """Close every file, as it is on disk, and every notification."""
        self.page.keyboard.press("Escape")
        if self.page.locator(".tab.active.dirty").count() > 0:
            self.command("File: Revert File")
        self.command("View: Close All Editors")
        self.clear_notifications()
        expect(self.page.locator(".tabs-container .tab")).to_have_count(0)

    def clear_notifications(self) -> None:
        self.command("Notifications: Clear All Notifications")
        expect(self.notifications).to_have_count(0)

    def save(self) -> None:
        """Save the file, which an edit has reached."""
        expect(self.page.locator(".tab.active.dirty")).to_have_count(1)
        self.page.keyboard.press("Control+S")
        expect(self.page.locator(".tab.active.dirty")).to_have_count(0)

    def set(self, **settings: object) -> None:
        """The user's settings beside the usual ones; `__` stands for a dot."""
        self._set = {name.replace("__", "."): value for name, value in settings.items()}
        write_settings(self.home, self._set)

    # What is seen

    @property
    def squiggles(self) -> Locator:
        return self.page.locator(".squiggly-error, .squiggly-warning, .squiggly-info")

    @property
    def lenses(self) -> Locator:
        return self.page.locator(".codelens-decoration a")

    @property
    def notifications(self) -> Locator:
        return self.page.locator(".notifications-toasts .notification-list-item")

    @property
    def problems(self) -> Locator:
        """The rows of their panel, which is opened."""
        panel = self.page.locator(".markers-panel")
        if not panel.is_visible():
            self.toggle_problems()
            panel.wait_for(timeout=LONGEST_MS)
        return panel.locator(".monaco-list-row")

    def toggle_problems(self) -> None:
        self.page.keyboard.press("Control+Shift+M")

    def hover(self, word: str) -> None:
        """Rest the mouse on a word of the file."""
        self.page.locator(".view-line span > span", has_text=word).last.hover()

    def status(self) -> Locator:
        """What the editor shows of the language's servers, once the mouse rests there."""
        self.page.locator('[id="status.languageStatus"]').hover()
        return self.page.locator(".hover-language-status")

    def report(self) -> FrameLocator:
        """What the report's panel shows."""
        outer = self.page.frame_locator("iframe.webview.ready")
        return outer.frame_locator("iframe#active-frame")

    def trust(self) -> None:
        """Trust the folder after all."""
        self.command("Workspaces: Manage Workspace Trust")
        button = self.page.locator(".workspace-trust-editor .monaco-button", has_text="Trust")
        button.first.click()
        expect(self.page.locator(".workspace-trust-editor")).to_contain_text("You trust this")

    def picture(self, name: str, *shown: Locator) -> None:
        """Keep what is on the screen: what matters must have appeared in full."""
        for one in shown:
            expect(one).to_be_in_viewport(ratio=1)
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def notification(self, words: str | re.Pattern[str]) -> Locator:
        """The one with those words, which comes."""
        found = self.notifications.filter(has_text=words).first
        found.wait_for(timeout=LONGEST_MS)
        return found

    def button(self, within: Locator, title: str) -> Locator:
        return within.locator(".monaco-button", has_text=re.compile(f"^{re.escape(title)}$"))

    def quick_fixes(self) -> Locator:
        """Those at the next problem in the file, in the menu, which is opened."""
        self.page.locator(".monaco-editor .view-lines").first.click()
        self.page.keyboard.press("Control+Home")
        self.page.keyboard.press("F8")
        self.page.locator(".marker-widget").wait_for()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+.")
        menu = self.page.locator(".action-widget .monaco-list-row")
        menu.first.wait_for()
        return menu

    def servers(self, command: str = "bundled/server.py") -> list[psutil.Process]:
        """The processes of the language server, by what is run for it."""
        found = []
        for one in self._process.children(recursive=True):
            try:
                if any(word.endswith(command) for word in one.cmdline()):
                    found.append(one)
            except psutil.Error:
                continue
        return found


@contextmanager
def workbench(folder: Path, extension: Path) -> Iterator[Workbench]:
    """A fresh profile with the extension installed; everything is gone at the end."""
    home = folder / "home"
    home.mkdir(parents=True)
    write_settings(home, {})
    variables = _variables(home)
    command = _code_server(home)
    _install(extension, command, variables)
    port = _free_port()
    command += [f"--bind-addr=127.0.0.1:{port}", "--auth=none", "--disable-telemetry"]
    command += ["--disable-update-check", "--disable-getting-started-override"]
    with (folder / "code-server.log").open("wb") as log:
        process = psutil.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_for(port, process)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=[*BROWSER], timeout=LONGEST_MS
            )
            try:
                yield Workbench(_page(browser), f"http://127.0.0.1:{port}", home, process)
            finally:
                browser.close()
    finally:
        _end(process)


def write_settings(home: Path, more: dict[str, object]) -> None:
    """A window in a browser is remote: settings of the machine have a file of their own."""
    text = json.dumps({**SETTINGS, **more}, indent=1)
    for name in ("User", "Machine"):
        file = home / "data" / name / "settings.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def environment_in(folder: Path) -> Path:
    """A virtual environment that borrows the packages of this one; its Python is returned."""
    venv.create(folder, symlinks=os.name != "nt")
    site = sysconfig.get_path("purelib", vars={"base": str(folder)})
    (Path(site) / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


def packed(extension: Path, place: Path) -> Path:
    """An extension that needs no building, as a file to install."""
    path = place / f"{extension.name}.vsix"
    with zipfile.ZipFile(path, "w") as archive:
        for file in extension.iterdir():
            archive.write(file, f"extension/{file.name}")
    return path


def _code_server(home: Path) -> list[str]:
    folders = [f"--user-data-dir={home / 'data'}", f"--extensions-dir={home / 'extensions'}"]
    return [str(NODE), str(CODE_SERVER), *folders]


def _install(extension: Path, command: list[str], variables: dict[str, str]) -> None:
    done = subprocess.run(
        [*command, "--install-extension", str(extension)],
        check=False,
        env=variables,
        timeout=UP_S,
        capture_output=True,
        text=True,
    )
    assert "was successfully installed" in done.stdout, done.stdout + done.stderr


def _variables(home: Path) -> dict[str, str]:
    """An environment where nothing of the user's is read, and nothing outside is asked for."""
    variables = environment(
        HOME=str(home),
        EXTENSIONS_GALLERY="{}",
        **{f"XDG_{name}_HOME": str(home / name) for name in ("STATE", "CACHE", "CONFIG", "DATA")},
    )
    unwanted = ("PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in variables.items() if name not in unwanted}


def _page(browser: Browser) -> Page:
    width, height = SIZE
    context = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=SCALE
    )
    context.set_default_timeout(LONGEST_MS)
    context.route("**/*", _only_here)
    return context.new_page()


def _only_here(route: Route) -> None:
    host = urlsplit(route.request.url).hostname or ""
    if host in ("127.0.0.1", "localhost") or host.endswith(".localhost"):
        route.continue_()
    else:
        route.abort()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait_for(port: int, process: psutil.Popen) -> None:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("code-server does not answer")


def _end(process: psutil.Popen) -> None:
    everything = [process, *process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(everything, timeout=10)
    for one in left:
        one.kill()
