"""The colours of reports and charts: light, dark, an editor's, or those that a system forces."""

from __future__ import annotations

import re
from typing import NamedTuple


class Colour(NamedTuple):
    """A colour in light and in dark, what an editor has for it, and a system's own colours."""

    light: str
    dark: str
    editor: str
    forced: str


COLOURS = {
    "ink": Colour("#1f2328", "#e6edf3", "foreground", "CanvasText"),
    "muted": Colour("#59636e", "#9ba4ae", "descriptionForeground", "CanvasText"),
    "paper": Colour("#ffffff", "#0d1117", "editor-background", "Canvas"),
    "line": Colour("#d1d9e0", "#30363d", "editorWidget-border", "GrayText"),
    "panel": Colour("#f6f8fa", "#161b22", "textCodeBlock-background", "Canvas"),
    "chosen": Colour("#1a7f37", "#3fb950", "charts-green", "Highlight"),
    "first": Colour("#0969da", "#58a6ff", "charts-blue", "CanvasText"),
    "second": Colour("#8250df", "#bc8cff", "charts-purple", "CanvasText"),
    "third": Colour("#bc4c00", "#f0883e", "charts-orange", "Highlight"),
    "fourth": Colour("#bf3989", "#f778ba", "charts-red", "CanvasText"),
}


def variables() -> str:
    """Style that declares each colour as a variable for everything in the body of a page.

    An editor's colours are taken where there are any; its classes of the body decide for the
    others, and elsewhere what the reader prefers. Paper is light.
    """
    taken = " ".join(
        f"--{name}: var(--vscode-{colour.editor}, var(--own-{name}));"
        for name, colour in COLOURS.items()
    )
    forced = " ".join(f"--{name}: {colour.forced};" for name, colour in COLOURS.items())
    light, dark = _own("light"), _own("dark")
    return f"""\
body {{ {light} {taken} }}
@media (prefers-color-scheme: dark) {{ body {{ {dark} }} }}
body.vscode-light, body.vscode-high-contrast-light {{ {light} }}
body.vscode-dark, body.vscode-high-contrast:not(.vscode-high-contrast-light) {{ {dark} }}
@media print {{ body {{ {light} }} }}
@media (forced-colors: active) {{ body {{ {forced} }} }}
"""


def _own(scheme: str) -> str:
    declared = (f"--own-{name}: {getattr(colour, scheme)};" for name, colour in COLOURS.items())
    return f"{' '.join(declared)} color-scheme: {scheme};"


def literal(style: str, scheme: str) -> str:
    """The style without variables, which not every program that shows an SVG knows."""
    return re.sub(r"var\(--(\w+)\)", lambda name: str(getattr(COLOURS[name[1]], scheme)), style)
