"""What is printed about a check: findings in a format, changes, and how it all came out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import TextIO

from dladvise.advisor import Severity, Source

from . import render_text
from .render_text import Paint, Style
from .result import Applied, Result, statistics
from .scan import Rewrite

TEXT = ("text", "concise")


def _from(module: str, function: str) -> Callable[[Result], str]:
    """That function of a sister module, which is imported when it is called."""

    def rendered(result: Result) -> str:
        render: Callable[[Result], str] = getattr(
            import_module(f"{__package__}.{module}"), function
        )
        return render(result)

    return rendered


MACHINE = {
    "json": _from("render_machine", "as_json"),
    "jsonl": _from("render_machine", "as_jsonl"),
    "sarif": _from("render_sarif", "as_sarif"),
    "github": _from("render_machine", "as_github"),
    "gitlab": _from("render_machine", "as_gitlab"),
    "junit": _from("render_machine", "as_junit"),
}
FORMATS = (*TEXT, *MACHINE)


def paint_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Paint:
    """Colour on a terminal, unless the user says otherwise (no-color.org, force-color.org)."""
    if environ.get("NO_COLOR"):
        return Paint.NONE
    if environ.get("FORCE_COLOR"):
        return Paint.COLOUR if environ["FORCE_COLOR"] != "0" else Paint.NONE
    is_terminal = stream.isatty() and environ.get("TERM") != "dumb"
    return Paint.COLOUR if is_terminal else Paint.NONE


def findings(result: Result, name: str, paint: Paint) -> Iterator[str]:
    """The lines of the findings in one of the text formats."""
    render = render_text.full if name == "text" else render_text.concise
    return render(result.records, paint)


def statistics_lines(result: Result, paint: Paint) -> Iterator[str]:
    """A table of the rules, the most frequent first."""
    counts = statistics(result.records)
    widest = max((len(str(count.count)) for count in counts), default=1)
    for count in counts:
        mark = "[*]" if count.fixable > 0 else "   "
        number = str(count.count).rjust(widest)
        yield f"{number}  {paint(count.code, Style.STRONG)}  {mark}  {count.name}"


def fix_lines(applied: Iterable[Applied], paint: Paint) -> Iterator[str]:
    """The fixes that were made, by file."""
    by_file: dict[str, Counter[tuple[str, str]]] = {}
    for fix in applied:
        by_file.setdefault(fix.path, Counter())[fix.code, fix.name] += 1
    for path, counts in by_file.items():
        yield paint(render_text.printable(path), Style.STRONG)
        for (code, name), count in sorted(counts.items()):
            yield f"  {count} x {paint(code, Style.HELP)} {name}"


def summary(result: Result) -> Iterator[str]:
    """How it came out, in a line or three."""
    left = result.records
    n_fixed = len(result.applied)
    if not left and not n_fixed:
        yield f"nothing found in {plural(result.n_files, 'file')}"
    else:
        total = plural(len(left) + n_fixed, "finding")
        fixed = f"{n_fixed} fixed, {len(left)} left" if n_fixed else ""
        kinds = ", ".join(_kinds(result))
        details = ": ".join(part for part in (fixed, kinds) if part)
        n_files = len({record.path for record in left} | {fix.path for fix in result.applied})
        where = f"{n_files} of {plural(result.n_files, 'file')}"
        yield f"{total} in {where} ({details})"
    n_safe = sum(record.fix is not None and record.fix.safe for record in left)
    n_unsafe = sum(record.fix is not None and not record.fix.safe for record in left)
    offers = [f"{n_safe} fixable with --fix"] if n_safe else []
    if n_unsafe:
        more = " more" if n_safe else ""
        offers.append(f"{n_unsafe}{more} with --fix --unsafe-fixes")
    if offers:
        yield ", ".join(offers)
    if result.n_in_baseline:
        yield f"{plural(result.n_in_baseline, 'finding')} of the baseline not shown"
    if result.n_hints_hidden:
        yield f"{plural(result.n_hints_hidden, 'hint')} not shown (--show-hints)"
    if result.problems:
        yield f"{plural(len(result.problems), 'problem')}, told on standard error"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def diff(rewrite: Rewrite, paint: Paint) -> Iterator[str]:
    """The change as a unified diff that `patch` reads; a notebook's by cell."""
    before, after = rewrite.before, rewrite.after
    if not before.cells:
        yield from _diff_lines(rewrite.path, before.text, after.text, paint)
    for old, new in zip(_cells(before), _cells(after), strict=True):
        if old != new:
            yield from _diff_lines(f"{rewrite.path}:cell {old[0]}", old[1], new[1], paint)


def _cells(source: Source) -> Iterator[tuple[int, str]]:
    for cell in source.cells:
        yield cell.number, source.text[cell.span.start : cell.span.end]


def _diff_lines(name: str, before: str, after: str, paint: Paint) -> Iterator[str]:
    styles = {"+": Style.HELP, "-": Style.ERROR, "@": Style.INFO}
    shown = name.replace("\\", "/")
    import difflib  # only for --diff

    lines = difflib.unified_diff(_split(before), _split(after), shown, shown)
    for number, line in enumerate(lines):
        style = Style.STRONG if number < 2 else styles.get(line[0], Style.PLAIN)
        text = line.removesuffix("\n")
        yield paint(text, style)
        if text == line:
            yield "\\ No newline at end of file"


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _kinds(result: Result) -> Iterator[str]:
    counts = Counter(record.severity for record in result.records)
    for severity in sorted(Severity, reverse=True):
        if counts[severity]:
            noun = str(severity)
            # "info" has no plural
            yield f"{counts[severity]} info" if noun == "info" else plural(counts[severity], noun)
