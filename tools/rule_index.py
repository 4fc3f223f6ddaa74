"""README's rule table and example, and docs/rules.md, made from the rules themselves.

`python -m tools.rule_index` says which of the two is out of date, `--write`
rewrites them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dladvise.advisor.rules
from dladvise.advisor import Rule, Severity, Source, all_rules, analyze, document
from tests.rule_documents import cases

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(dladvise.advisor.rules.__file__).parent
START = "<!-- {}: written by tools/check.py --write -->"
END = "<!-- end of {} -->"
EXAMPLE = "check examples/csv_dataset.py --target-cores 8 --output-format concise"

# What the hundreds of a code mean.
KINDS = {
    "DL0": "Raises at run time, or is certainly not what was meant",
    "DL1": "Wrong or irreproducible data, silently",
    "DL2": "A slow way to the device",
    "DL3": "Worker count, and how long the pool of workers lives",
    "DL4": "Crashes, hangs, portability",
    "DL5": "Memory",
    "DL9": "Opinions, off until selected",
}


@dataclass(frozen=True)
class Row:
    """A rule as the tables show it."""

    code: str
    name: str
    severity: str
    fix: str
    summary: str  # the document's first sentence

    @property
    def path(self) -> str:
        return f"advisor/rules/{self.name.replace('-', '_')}.md"


def rows() -> list[Row]:
    """Every rule's row, by code."""
    return [
        Row(rule.code, rule.name, _severity(rule), _fix(rule), first_sentence(document(rule)))
        for rule in all_rules()
    ]


def outdated() -> dict[Path, str]:
    """The files that differ from what the documents say, each with the text it should have."""
    found = rows()
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    wanted = {readme: _readme(before, found), ROOT / "docs" / "rules.md": _page(found)}
    return {
        path: text
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def first_sentence(text: str) -> str:
    """What the first paragraph of a document says first, without a remark in parentheses."""
    paragraph = next(
        part for part in text.split("\n\n")[1:] if part.strip() and not part.startswith("```")
    )
    words = " ".join(paragraph.split())
    hidden = re.sub(r"`[^`]*`", lambda code: "`" * len(code[0]), words)  # no sentence ends in code
    end = re.search(r"(?<!\be\.g)(?<!\bi\.e)[.:](?=\s|$)", hidden)
    sentence = words[: end.start()] if end else words
    return re.sub(r" \([^()]*\)$", "", sentence)


def _severity(rule: Rule) -> str:
    return f"{rule.severity}, off" if rule.opt_in else str(rule.severity)


def _fix(rule: Rule) -> str:
    """The safeties of the fixes that the document shows, as its programs really get them."""
    safeties = {
        str(finding.fix.safety)
        for case in cases(FOLDER / f"{rule.name.replace('-', '_')}.md")
        for finding in analyze(Source("case.py", case.code), case.target, all_rules()).findings
        if finding.rule is rule and finding.fix is not None
    }
    return " or ".join(sorted(safeties))


def _table(found: list[Row], up: str) -> str:
    lines = ["| code | name | severity | fix | what happens |", "|---|---|---|---|---|"]
    for row in found:
        summary = row.summary.replace("|", "\\|")
        link = f"[{row.name}]({up}{row.path})"
        lines.append(f"| {row.code} | {link} | {row.severity} | {row.fix} | {summary} |")
    return "\n".join(lines) + "\n"


def _readme(text: str, found: list[Row]) -> str:
    text = _between(text, "example", f"```console\n$ dladvise {EXAMPLE}\n{_example()}```\n")
    return _between(text, "rules", _table(found, ""))


def _between(text: str, name: str, new: str) -> str:
    """`text` with `new` between the lines that start and end the part `name`."""
    before, start, rest = text.partition(START.format(name))
    _, end, after = rest.partition(END.format(name))
    if not (start and end):
        raise SystemExit(f"README.md lacks the lines {START.format(name)!r}, {END.format(name)!r}")
    return f"{before}{start}\n{new}{end}{after}"


def _example() -> str:
    """What the command of README's example prints."""
    run = [sys.executable, "-m", "dladvise", *EXAMPLE.split(), "--no-cache"]
    return subprocess.run(run, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True).stdout


def _page(found: list[Row]) -> str:
    count = sum(not row.severity.endswith("off") for row in found)
    parts = [
        "<!-- Written by tools/check.py --write from advisor/rules/*.md. -->\n",
        "# Rules\n",
        f"{len(found)} rules, {count} of them on by default. A name leads to the rule's document,\n"
        "whose programs are run as tests. `dladvise rule CODE` shows it in the terminal.\n",
        "Severities: " + _severities() + "\n",
        "A *safe* fix never changes what the program computes and is applied by `--fix`; an\n"
        "*unsafe* one may, is offered by editors, and is applied with `--unsafe-fixes` only.\n",
    ]
    for prefix, title in KINDS.items():
        chosen = [row for row in found if row.code.startswith(prefix)]
        if chosen:
            parts += [f"## {prefix}xx: {title}\n", _table(chosen, "../")]
    return "\n".join(parts)


def _severities() -> str:
    meaning = {
        Severity.ERROR: "raises, or is certainly not what was meant",
        Severity.WARNING: "wrong in the stated setting",
        Severity.INFO: "costs time or memory, as far as can be told without measuring",
        Severity.HINT: "portability or taste, shown on request",
    }
    return "; ".join(f"*{severity}*: {words}" for severity, words in meaning.items()) + "."


def main(arguments: list[str]) -> int:
    try:
        stale = outdated()
    except FileNotFoundError as missing:
        print(f"{missing.filename} is missing")
        return 1
    if arguments == ["--write"]:
        for path, text in stale.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: python3 tools/check.py --write")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
