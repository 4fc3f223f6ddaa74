"""Suppressing comments: `# dladvise: ignore[DL003]`, `# dladvise: ignore-file`, `# noqa: DL003`.

A comment suppresses the findings that cover its line, and, at the end of a
statement of several lines, those that start anywhere in that statement.
`# dladvise: measured` suppresses what a measurement knows better; it is never without use,
since on another machine there may be nothing to know better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from .findings import Finding, Fix, Rule
from .text import Edit, Source, Span

if TYPE_CHECKING:
    from .comments import Layout

UNUSED = "DL099"
# What is said of the number and the life of workers as long as nobody has measured them.
MEASURABLE = frozenset({"DL300", "DL302", "DL304", "DL305", "DL306"})

_FOREIGN = re.compile(r"noqa\s*:.*\bdl\d")
_OURS = re.compile(
    r"#\s*dladvise:\s*(?P<word>[A-Za-z][\w-]*)(?:\s*\[(?P<codes>[^\]\r\n]*)\]?)?", re.IGNORECASE
)
_NOQA = re.compile(
    r"#\s*noqa\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+\b)*)", re.IGNORECASE
)
_FIRST_LINES = re.compile(r"#!|#[^\r\n]*coding[:=]")  # what must stay above everything else
_CODE = re.compile(r"[^\s,]+")


class Scope(Enum):
    LINE = "ignore"
    FILE = "ignore-file"
    MEASURED = "measured"


_WORDS = frozenset(scope.value for scope in Scope)


@dataclass
class Directive:
    """One suppression and what it was used for; without `codes` it names every rule."""

    span: Span
    scope: Scope
    lines: tuple[int, int]
    codes: tuple[Span, ...] | None
    foreign: bool = False  # a noqa shared with another tool
    used: set[str] = field(default_factory=set)

    def silences(self, finding: Finding, source: Source) -> bool:
        """Reports whether the finding is meant, and remembers that it was."""
        if self.scope is not Scope.FILE and not self._reaches(finding, source):
            return False
        if self.scope is Scope.MEASURED:
            return finding.rule.code in MEASURABLE
        if self.codes is None:
            if finding.rule.code == UNUSED:
                return False
            self.used.add(finding.rule.code)
            return True
        names = {source.code(code).upper() for code in self.codes}
        meant = names & {finding.rule.code, finding.rule.name.upper()}
        self.used |= meant
        return bool(meant)

    def _reaches(self, finding: Finding, source: Source) -> bool:
        own = self.lines[1]  # the line of the comment, the last one that it reaches
        for span in (finding.span, finding.argument or finding.span):
            first, last = source.lines_of(span)
            if first <= own <= last or self.lines[0] <= first <= own:
                return True
        return False


def silenced(source: Source, findings: list[Finding], chosen: Iterable[Rule]) -> list[Finding]:
    """The findings that no comment suppresses, and one for each suppression without use."""
    if not _worth_a_look(source.text):
        return findings
    found = directives(source)
    if not found:
        return findings
    kept = _kept(source, findings, found)
    chosen = tuple(chosen)
    judge = next((rule for rule in chosen if rule.code == UNUSED), None)
    if judge is None:
        return kept
    unused = list(_unused(source, found, judge, chosen))
    return kept + _kept(source, unused, found)


def _worth_a_look(text: str) -> bool:
    """Reports whether there may be a suppression; most texts have none of the words."""
    lower = text.lower()  # a search that passes over case takes much longer
    if "dladvise:" in lower:
        return True
    at = lower.find("noqa")
    while at >= 0:
        end = lower.find("\n", at)
        if _FOREIGN.match(lower, at, end if end >= 0 else len(lower)):
            return True
        at = lower.find("noqa", at + 4)
    return False


def directives(source: Source) -> list[Directive]:
    """The suppressions of a source, in order of place."""
    from .comments import layout  # most texts suppress nothing

    lines = layout(source)
    return [
        directive
        for comment in lines.comments
        for directive in _directives_in(source, comment, lines)
    ]


def ignoring(source: Source, findings: Iterable[Finding]) -> tuple[Edit, ...]:
    """Edits that write a suppression for each finding, into the comment that is there already.

    A finding on whose statement no comment can stand, within a long string, is left out.
    """
    from .comments import layout  # only to write suppressions

    lines = layout(source)
    codes: dict[int, set[str]] = {}
    for finding in findings:
        line = source.line_at(finding.span.start)
        if line in lines.closed:
            line = lines.lines_around(line)[1]
        if finding.rule.code != UNUSED and line not in lines.closed:
            codes.setdefault(line, set()).add(finding.rule.code)
    there = {
        source.line_at(directive.span.start): directive
        for directive in directives(source)
        if directive.scope is Scope.LINE and directive.codes and not directive.foreign
    }
    edits = []
    for line, names in codes.items():
        directive = there.get(line)
        if directive is not None and directive.codes:
            at = directive.codes[-1].end
            edits.append(Edit(Span(at, at), "".join(f", {name}" for name in sorted(names))))
            continue
        edits.append(_comment(source, line, f"ignore[{', '.join(sorted(names))}]"))
    return tuple(sorted(edits))


def noting_measured(source: Source, at: int) -> Edit | None:
    """The edit that notes behind the code at an offset that its workers were measured.

    None where no comment can stand.
    """
    from .comments import layout  # only to write suppressions

    lines = layout(source)
    line = source.line_at(at)
    if line in lines.closed:
        line = lines.lines_around(line)[1]
    return None if line in lines.closed else _comment(source, line, Scope.MEASURED.value)


def _comment(source: Source, line: int, words: str) -> Edit:
    text = source.line(line)
    start = source.line_starts[line - 1]
    span = Span(start + len(text.rstrip()), start + len(text))
    return Edit(span, f"  # dladvise: {words}")


def ignoring_in_file(source: Source, code: str) -> Edit | None:
    """The edit that suppresses a rule in the whole file; None where that is so already."""
    for directive in directives(source):
        if directive.scope is Scope.FILE:
            if directive.codes is None:
                return None
            names = [source.code(one).upper() for one in directive.codes]
            if directive.codes and code not in names:
                at = directive.codes[-1].end
                return Edit(Span(at, at), f", {code}")
            return None
    at = source.cells[0].span.start if source.cells else 0
    while not source.cells and _FIRST_LINES.match(source.text, at):
        at = _next(r"(?<=\n)|(?<=\r)(?!\n)|\Z", source.text, at + 1)
    newline = "\r\n" if "\r\n" in source.text else "\n"
    return Edit(Span(at, at), f"# dladvise: {Scope.FILE.value}[{code}]{newline}")


def _directives_in(source: Source, comment: Span, lines: Layout) -> Iterable[Directive]:
    text = source.code(comment)
    line = source.line_at(comment.start)
    first, last = lines.lines_around(line)
    reach = (first if line == last else line, line)
    for match in _OURS.finditer(text):
        word = match["word"].lower()
        codes = _codes(match, comment.start) if match["codes"] is not None else None
        span = Span(match.start(), match.end()).moved(comment.start)
        if word in _WORDS:
            yield Directive(span, Scope(word), reach, codes)
    for match in _NOQA.finditer(text):
        ours = tuple(
            code
            for code in _codes(match, comment.start)
            if re.match(r"DL\d", source.code(code), re.IGNORECASE)
        )
        if ours:
            foreign = len(ours) < len(_codes(match, comment.start))
            span = Span(match.start(), match.end()).moved(comment.start)
            yield Directive(span, Scope.LINE, reach, ours, foreign)


def _codes(match: re.Match[str], offset: int) -> tuple[Span, ...]:
    begin = match.start("codes") + offset
    return tuple(
        Span(code.start(), code.end()).moved(begin) for code in _CODE.finditer(match["codes"])
    )


def _kept(source: Source, findings: list[Finding], found: list[Directive]) -> list[Finding]:
    kept = []
    for finding in findings:
        # every directive is asked: two that mean the same finding are both of use
        if not any([directive.silences(finding, source) for directive in found]):
            kept.append(finding)
    return kept


def _unused(
    source: Source, found: list[Directive], judge: Rule, chosen: tuple[Rule, ...]
) -> Iterable[Finding]:
    from .engine import all_rules  # engine imports this module

    known = {name.upper(): rule for rule in all_rules() for name in (rule.code, rule.name)}
    # a blanket comment can only be judged when all that it may be for was looked for
    all_looked_for = {rule for rule in all_rules() if not rule.opt_in} <= set(chosen)
    for directive in found:
        if directive.scope is Scope.MEASURED:
            continue
        if directive.codes is None:
            if all_looked_for and not directive.used:
                fix = _removal(source, directive, ())
                yield Finding(
                    judge, judge.severity, directive.span, "nothing is suppressed here", fix
                )
            continue
        reasons = []
        kept = []
        for code in directive.codes:
            name = source.code(code)
            rule = known.get(name.upper())
            if rule is None:
                from difflib import get_close_matches  # only for a misspelt code

                close = get_close_matches(name.upper(), known, 1)
                maybe = f", did you mean {known[close[0]].code}?" if close else ""
                reasons.append(f"there is no rule {name}{maybe}")
            elif name.upper() in directive.used or rule not in chosen or rule is judge:
                kept.append(code)
            else:
                reasons.append(f"{rule.code} is suppressed here but not found")
        if not directive.codes:
            reasons.append("no rule is named in the brackets")
        if reasons:
            fix = _removal(source, directive, tuple(kept))
            yield Finding(judge, judge.severity, directive.span, "; ".join(reasons), fix)


def _removal(source: Source, directive: Directive, kept: tuple[Span, ...]) -> Fix:
    """The fix that leaves only the `kept` codes, or nothing of the comment."""
    text = source.text
    if directive.codes and (kept or directive.foreign):
        first, last = directive.codes[0].start, directive.codes[-1].end
        if directive.foreign:
            listed = _NOQA.match(text, directive.span.start)
            assert listed is not None  # the directive was made from this match
            first, last = listed.span("codes")
        gone = set(directive.codes) - set(kept)
        names = [
            text[first + code.start() : first + code.end()]
            for code in _CODE.finditer(text[first:last])
            if Span(code.start(), code.end()).moved(first) not in gone
        ]
        return Fix("Remove the unused code", (Edit(Span(first, last), ", ".join(names)),))
    line_end = _next(r"[\r\n]|\Z", text, directive.span.end)
    end = min(line_end, _next(r"#|\Z", text, directive.span.end))  # a reason goes with it
    start = directive.span.start
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    if start == 0 or text[start - 1] in "\r\n":
        start = directive.span.start
        if end == line_end:  # alone on its line: the line goes
            start = source.line_starts[source.line_at(start) - 1]
            end = _next(r"(?<=\n)|(?<=\r)(?!\n)|\Z", text, end + 1) if end < len(text) else end
            for cell in source.cells:
                if start <= cell.span.end < end:  # the newline between cells is no cell's
                    end = cell.span.end
    elif end < line_end:
        start = directive.span.start  # another comment follows: it keeps the distance
    return Fix("Remove the unused suppression", (Edit(Span(start, end), ""),))


def _next(pattern: str, text: str, at: int) -> int:
    match = re.compile(pattern).search(text, at)
    return match.start() if match else len(text)
