"""A measurement as a page of HTML: one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from dladvise.probe import Consumer, Point, Recommendation
from dladvise.probe.durations import duration

from . import chart, colours
from .render_probe import COLUMNS

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
WIDTHS = (360, 450, 560, 700, 860)  # a chart for each, so that its text is as large as the page's
BOUND_BY = {
    "cpu": "the cores: making batches keeps all of them busy",
    "latency": "waiting: samples are waited for more than worked on",
    "transport": "transport: moving batches between processes costs more than it saves",
    "consumer": "your training step: the next batch is there before it is wanted",
    "memory": "memory: more workers do not fit",
    "main process": "the main process: what it does for a batch cannot be left to workers",
}


def page(found: Recommendation) -> str:
    """The page: the answer, what was measured for it, and how sure it is.

    It takes the colours and fonts of an editor that shows it, and nothing from anywhere else.
    """
    title = escape(found.target.shown)
    sections = (_answer, _charts, _time, _table, _certainty, _machine)
    body = "\n".join(line for section in sections for line in section(found))
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: measured by dladvise</title>
<style>
{colours.variables()}{STYLE}{chart.STYLE}{_one_chart()}</style>
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
    head, colon, rest = found.reason.partition(": ")
    yield f'<p class="answer"><strong>{escape(head)}</strong>{escape(colon + rest)}</p>'
    if found.changes:
        code, bracket, note = found.arguments.partition(" (")
        yield f'<p class="write"><span>Write</span> <code>{escape(code)}</code></p>'
        if bracket:
            yield f'<p class="note">{escape(note.removesuffix(")"))}</p>'
    else:
        yield '<p class="write">Nothing is to be written.</p>'


def _charts(found: Recommendation) -> Iterator[str]:
    if not found.curve:
        return
    yield "<figure>"
    yield from (chart.drawing(found, width).svg(found) for width in WIDTHS)
    yield "<figcaption>Bars and the band are 95&nbsp;% intervals.</figcaption></figure>"


def _one_chart() -> str:
    """Style that shows the widest chart for which there is room."""
    rules = [".chart { display: none; width: 100%; height: auto; }"]
    for width, wider in zip(WIDTHS, (*WIDTHS[1:], None), strict=True):
        room = [] if width == WIDTHS[0] else [f"(min-width: {width}px)"]
        room += [] if wider is None else [f"(max-width: {wider - 0.02}px)"]
        rules.append(f"@container {' and '.join(room)} {{ #chart-{width} {{ display: block; }} }}")
    return "\n".join(rules) + "\n"


def _time(found: Recommendation) -> Iterator[str]:
    yield "<section><h2>Where the time goes</h2>"
    if found.consumer is not None:
        yield from _loop(found.consumer)
    bound_by = BOUND_BY.get(found.bound_by, found.bound_by)
    yield f"<p>With the recommended setting, the limit is {escape(bound_by)}.</p></section>"


def _loop(consumer: Consumer) -> Iterator[str]:
    """A step of the training loop as a bar, in two parts."""
    yield "<p>Your training loop, as it ran with the present setting:</p>"
    waits = min(max(consumer.wait_share, 0.0), 1.0)
    parts = f"{waits:.0%} waiting for data, {1 - waits:.0%} training"
    yield (
        '<svg class="share" width="100%" height="20" role="img" aria-labelledby="share-title">'
        f'<title id="share-title">Your loop: {parts}</title>'
        f'<rect class="waits" width="{waits:.2%}" height="20"/>'
        f'<rect class="trains" x="{waits:.2%}" width="{1 - waits:.2%}" height="20"/></svg>'
    )
    step = duration(consumer.step_s)
    wait = f", {duration(consumer.step_s * waits / (1 - waits))} a batch" if waits < 1 else ""
    yield (
        '<p class="shares">'
        f'<span class="waits">waiting for data {waits:.0%}{wait}</span> '
        f'<span class="trains">training {1 - waits:.0%}, {step} a step</span></p>'
    )


def _table(found: Recommendation) -> Iterator[str]:
    if not found.curve:
        return
    columns = [one for one in COLUMNS if any(one.cell(point) for point in found.curve)]
    yield '<section><h2 id="settings">Every setting that was measured</h2>'
    yield '<div class="scroll" tabindex="0" role="region" aria-labelledby="settings"><table>'
    first, *others = (f'<th scope="col">{escape(one.title)}</th>' for one in columns)
    yield f"<thead><tr>{first}<td></td>{''.join(others)}</tr></thead><tbody>"
    for point in found.curve:
        first, *others = (escape(one.cell(point)) for one in columns)
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        chosen = ' class="chosen"' if chart.is_of(point, found.recommended) else ""
        mark = f'<td class="mark">{_mark(point, found)}</td>'
        yield f'<tr{chosen}><th scope="row">{first}</th>{mark}{cells}</tr>'
    yield "</tbody></table></div></section>"


def _mark(point: Point, found: Recommendation) -> str:
    marks = (("now", found.current), ("recommended", found.recommended))
    return ", ".join(word for word, settings in marks if chart.is_of(point, settings))


def _certainty(found: Recommendation) -> Iterator[str]:
    yield "<section><h2>How sure it is</h2>"
    n_batches = sum(point.batches for point in found.curve)
    settings = f"{len(found.curve)} setting{'' if len(found.curve) == 1 else 's'}"
    words = (
        f"Confidence is <strong>{escape(found.confidence)}</strong>: {settings} and "
        f"{n_batches:,} batches were measured in {found.elapsed_s:.0f}&nbsp;s."
    )
    chosen = [point for point in found.curve if chart.is_of(point, found.recommended)]
    for rate in (point.batches_per_s for point in chosen[:1] if point.batches_per_s.value):
        reach = (rate.high - rate.low) / 2 / rate.value
        words += f" The throughput of the recommended one is known to ±{reach:.1%}."
    yield f"<p>{words}</p>"
    if found.warnings:
        yield '<ul class="warnings">'
        yield from (f"<li>{escape(warning)}</li>" for warning in found.warnings)
        yield "</ul>"
    yield "</section>"


def _machine(found: Recommendation) -> Iterator[str]:
    machine = found.machine
    facts = {
        "usable cores": f"{machine.usable_cores} ({machine.cores_from})",
        "memory": machine.memory_mb and f"{machine.memory_mb:,} MB",
        "/dev/shm": machine.shm_mb and f"{machine.shm_mb:,} MB",
        "workers start by": machine.start_method,
        "torch": machine.torch,
        "Python": machine.python,
    }
    yield "<section><h2>The machine</h2><dl>"
    for name, fact in facts.items():
        if fact:
            yield f"<dt>{name}</dt><dd>{escape(fact)}</dd>"
    yield "</dl></section>"


STYLE = """\
body {
  margin: 0;
  padding: 0;
  background: var(--paper);
  color: var(--ink);
  font-family: var(--vscode-font-family, system-ui, -apple-system, "Segoe UI", sans-serif);
  font-size: var(--vscode-font-size, 15px);
  line-height: 1.5;
}
main { max-width: 54rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
code, h1 { font-family: var(--vscode-editor-font-family, ui-monospace, monospace); }
h1 { margin: 0 0 0.75rem; color: var(--muted); font-size: 0.95em; font-weight: 400; }
h1, code, li, dd { overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 0.5rem; font-size: 1.07em; font-weight: 600; }
p { max-width: 44rem; margin: 0.5rem 0; }
.answer { margin: 0; font-size: 1.3em; line-height: 1.45; }
.answer strong { font-weight: 650; }
.write { margin: 0.9rem 0 0; }
.write span { color: var(--muted); }
.write code {
  display: inline-block;
  padding: 0.2em 0.55em;
  border-radius: 4px;
  background: var(--panel);
}
.note, figcaption { color: var(--muted); font-size: 0.9em; }
figure { container-type: inline-size; margin: 2rem 0 0; }
figcaption { margin-top: 0.5rem; }
.share { display: block; border-radius: 3px; }
.share .waits { fill: var(--third); }
.share .trains { fill: var(--first); }
.shares { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.shares span::before {
  content: "";
  display: inline-block;
  width: 0.7em;
  height: 0.7em;
  margin-right: 0.5em;
  border-radius: 2px;
  forced-color-adjust: none;
}
.shares .waits::before { background: var(--third); }
.shares .trains::before { background: var(--first); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.95em; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0 0.3rem 1.25rem; text-align: right; white-space: nowrap; }
th:first-child { padding-left: 0.25rem; }
thead th { color: var(--muted); font-weight: 400; }
tbody th { font-weight: inherit; }
tbody tr { border-top: 1px solid var(--line); }
tr.chosen { font-weight: 600; }
td.mark { padding-left: 0.75rem; text-align: left; }
.warnings { margin: 0.75rem 0 0; padding-left: 1.2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.5rem; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; }
section, figure, tr { break-inside: avoid; }
@media print {
  main { max-width: none; padding: 0; }
  .share, .shares { print-color-adjust: exact; }
}
"""
