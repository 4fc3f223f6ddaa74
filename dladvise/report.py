"""A measurement as a page of HTML: one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from dladvise.probe import Point, Recommendation
from dladvise.probe.durations import duration

from .render_probe import COLUMNS

# Each name: in light, in dark, and what an editor calls its own.
COLOURS = {
    "ink": ("#1f2328", "#e6edf3", "foreground"),
    "muted": ("#59636e", "#9ba4ae", "descriptionForeground"),
    "paper": ("#ffffff", "#0d1117", "editor-background"),
    "panel": ("#f6f8fa", "#161b22", "textCodeBlock-background"),
    "line": ("#d1d9e0", "#3d444d", "editorWidget-border"),
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(found: Recommendation) -> str:
    """The page: the answer, what was measured for it, and how sure it is."""
    title = escape(found.target.shown)
    body = "\n".join(
        part for section in (_answer, _table, _certainty, _machine) for part in section(found)
    )
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: what dladvise measured</title>
<style>
{_style()}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def _answer(found: Recommendation) -> Iterator[str]:
    yield f'<p class="answer">{escape(found.reason)}</p>'
    if not found.changes:
        yield "<p>Leave it as it is.</p>"
        return
    code, _, note = found.arguments.partition(" (")
    yield f"<p>Write <code>{escape(code)}</code>{escape(f' ({note}') if note else ''}</p>"


def _table(found: Recommendation) -> Iterator[str]:
    columns = [one for one in COLUMNS if any(one.cell(point) for point in found.curve)]
    yield "<h2>Every setting that was measured</h2>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="The settings"><table>'
    head = "".join(f'<th scope="col">{escape(one.title)}</th>' for one in columns)
    yield f'<thead><tr>{head}<th scope="col"></th></tr></thead><tbody>'
    for point in found.curve:
        first, *others = (escape(one.cell(point)) for one in columns)
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        mark = _mark(point, found)
        yield f'<tr><th scope="row">{first}</th>{cells}<td class="mark">{mark}</td></tr>'
    yield "</tbody></table></div>"


def _mark(point: Point, found: Recommendation) -> str:
    here = (point.num_workers, point.prefetch_factor)
    return ", ".join(
        word
        for word, settings in (("now", found.current), ("recommended", found.recommended))
        if settings._replace(num_workers=here[0], prefetch_factor=here[1]).effective
        == settings.effective
    )


def _certainty(found: Recommendation) -> Iterator[str]:
    yield "<h2>How sure it is</h2>"
    yield f"<p>Confidence is {escape(found.confidence)}, after {found.elapsed_s:.0f} s.</p>"
    if found.consumer is not None:
        yield (
            f"<p>A step of your loop takes {duration(found.consumer.step_s)}, and "
            f"{found.consumer.wait_share:.0%} of its time is waiting for data.</p>"
        )
    if found.warnings:
        yield "<ul>"
        yield from (f"<li>{escape(warning)}</li>" for warning in found.warnings)
        yield "</ul>"


def _machine(found: Recommendation) -> Iterator[str]:
    machine = found.machine
    facts = {
        "usable cores": f"{machine.usable_cores} ({machine.cores_from})",
        "torch": machine.torch,
        "Python": machine.python,
    }
    yield "<h2>The machine</h2><dl>"
    for name, fact in facts.items():
        yield f"<dt>{name}</dt><dd>{escape(str(fact))}</dd>"
    yield "</dl>"


def _style() -> str:
    light = _declared({name: values[0] for name, values in COLOURS.items()}, "light")
    dark = _declared({name: values[1] for name, values in COLOURS.items()}, "dark")
    taken = " ".join(
        f"--{name}: var(--vscode-{theirs}, var(--own-{name}));"
        for name, (_, _, theirs) in COLOURS.items()
    )
    return f"""\
body {{ {light} }}
@media (prefers-color-scheme: dark) {{ body {{ {dark} }} }}
body.vscode-light {{ {light} }}
body.vscode-dark, body.vscode-high-contrast {{ {dark} }}
body.vscode-high-contrast-light {{ {light} }}
body {{ {taken} }}
{STYLE}"""


def _declared(colours: Mapping[str, str], scheme: str) -> str:
    words = " ".join(f"--own-{name}: {colour};" for name, colour in colours.items())
    return f"{words} color-scheme: {scheme};"


STYLE = """\
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 15px/1.5 var(--vscode-font-family, system-ui, sans-serif);
}
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 0.5rem; }
.answer { font-size: 1.25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.75rem; text-align: right; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
dd { margin: 0; }
"""
