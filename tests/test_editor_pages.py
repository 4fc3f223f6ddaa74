"""The pages on editors: what they show is what the files beside them hold, and can be read."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from .front_door import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGES = [ROOT / "editors" / "README.md", *sorted((ROOT / "editors").glob("*/README.md"))]
EDITORS = [page for page in PAGES[1:] if page.parent.name != "vscode"]  # it has no such file
# Files that a user copies; each is shown whole on the page beside it.
SHOWN = ["jupyterlab/dladvise.json", "helix/languages.toml", "kate/settings.json"]
READS: dict[str, Any] = {"json": json.loads, "toml": tomllib.loads}


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page, by their language, without what they are indented by."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", page.read_text("utf-8"), re.M | re.S)
    return [
        (language, re.sub(f"^{indent}", "", text, flags=re.M)) for indent, language, text in found
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith("https:"):
            assert (page.parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", EDITORS, ids=lambda page: page.parent.name)
def test_a_page_says_whether_it_was_tried(page: Path) -> None:
    assert len(re.findall(r"^(?:Tried|Not tried): ", page.read_text("utf-8"), re.M)) == 1
    assert f"]({page.parent.name}/README.md)" in PAGES[0].read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_configurations_can_be_read(page: Path) -> None:
    for language, text in blocks(page):
        if language in READS:
            assert READS[language](text)


@pytest.mark.parametrize("file", SHOWN)
def test_a_page_shows_the_file_beside_it(file: str) -> None:
    path = ROOT / "editors" / file
    shown = [text for _, text in blocks(path.parent / "README.md")]
    assert path.read_text("utf-8") in shown


def test_the_page_on_emacs_shows_what_its_test_loads() -> None:
    code = (ROOT / "editors" / "emacs" / "dladvise.el").read_text("utf-8")
    first = blocks(ROOT / "editors" / "emacs" / "README.md")[0]
    assert first[0] == "elisp"
    assert first[1] in code
