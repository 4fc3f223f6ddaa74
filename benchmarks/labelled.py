"""How often dladvise is right, and how much it misses, on places that were judged by reading.

    python benchmarks/labelled.py [--package NAME] [--cache DIR]

labelled.json and those called second to fifth name places in real packages, and for each the codes
that are true there. Every place is looked up in its file first, so that a label can never be about
another line than it was made for. A hint, which is shown on request, is no finding and can only be
right: problems that are told so are counted apart. Nothing of these packages is installed or run.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.sources import CACHE, Package, fetched

LABELS = tuple(
    Path(__file__).with_name(name)
    for name in (
        "labelled.json",
        "labelled_second.json",
        "labelled_third.json",
        "labelled_fourth.json",
        "labelled_fifth.json",
    )
)
NODES: dict[str, type[ast.AST]] = {
    "loader": ast.Call,
    "sampler": ast.Call,
    "loop": ast.For,
    "dataset": ast.ClassDef,
    "loader class": ast.ClassDef,
    "sampler class": ast.ClassDef,
    "transform": ast.ClassDef,
}
ELSEWHERE = re.compile(r"(\w+\.py), line (\d+)")
NOT_JUDGED = frozenset({"DL000", "DL099"})


@dataclass(frozen=True)
class Place:
    """A judged place: what stands on a line, and what is to be said of it."""

    package: str
    file: str
    line: int
    what: str
    scope: str  # the names of the functions and classes around it, with its own if it is a class
    true: frozenset[str]
    open: frozenset[str]  # what can be seen either way, and is counted in neither figure
    why: str

    def __str__(self) -> str:
        return f"{self.package}: {self.file}:{self.line}"


def read(path: Path) -> tuple[dict[str, str], list[Place], dict[str, Any]]:
    """The versions of the packages, the places, and the machine that they were judged for."""
    document = json.loads(path.read_text(encoding="utf-8"))
    places = [
        Place(
            **{key: entry[key] for key in ("package", "file", "line", "what", "scope", "why")},
            true=frozenset(entry["true"]),
            open=frozenset(entry.get("open", ())),
        )
        for entry in document["places"]
    ]
    return document["packages"], places, document["target"]


def last_line(place: Place, text: str) -> int:
    """Where the place ends; an error if the file does not have it."""

    def search(node: ast.AST, scope: tuple[str, ...]) -> int | None:
        for child in ast.iter_child_nodes(node):
            inside = scope
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inside = (*scope, child.name)
            if (
                isinstance(child, NODES[place.what])
                and getattr(child, "lineno", 0) == place.line
                and ".".join(inside) == place.scope
            ):
                return getattr(child, "end_lineno", None) or place.line
            end = search(child, inside)
            if end is not None:
                return end
        return None

    end = search(ast.parse(text), ())
    if end is None:
        raise SystemExit(f"{place}: no {place.what} in {place.scope or 'the module'}")
    return end


def findings_at(package: Package, places: list[Place]) -> list[tuple[list[Place], dict[str, Any]]]:
    """The findings of judged rules, each with the places that it is about; the first is judged.

    That is the loader of another file which its message names, or else the innermost place
    that it lies in. Where there is none, or it is open, those follow where it stands and that it
    points to.
    """
    ends = {
        place: last_line(place, (package.folder / place.file).read_text(encoding="utf-8"))
        for place in places
    }
    command = [sys.executable, "-m", "dladvise", "check", "--output-format", "json", "--no-cache"]
    command += ["--exit-zero", "--show-hints", *sorted({place.file for place in places})]
    run = subprocess.run(command, cwd=package.folder, check=False, capture_output=True, text=True)
    if run.returncode or run.stderr.strip():
        raise SystemExit(f"{package.name}: {run.stderr.strip() or run.returncode}")
    found = []
    for finding in json.loads(run.stdout):
        named = ELSEWHERE.findall(finding["message"])
        about = [place for place in places if (Path(place.file).name, str(place.line)) in named][:1]
        about = about or innermost(places, ends, finding)
        if not about or finding["code"] in about[0].open:
            for there in (finding, *finding["related"]):
                about += innermost(places, ends, there)
        if about and finding["code"] not in NOT_JUDGED:
            found.append((about, finding))
    return found


def is_hint(finding: dict[str, Any]) -> bool:
    """Reports whether a finding is shown only on request."""
    return bool(finding["severity"] == "hint")


def innermost(places: list[Place], ends: dict[Place, int], there: dict[str, Any]) -> list[Place]:
    """The place that a line lies in; none where it lies in none."""
    around = [
        place
        for place in places
        if place.file == there["path"] and place.line <= there["line"] <= ends[place]
    ]
    return [min(around, key=lambda place: ends[place] - place.line)] if around else []


def ratio(part: int, whole: int) -> str:
    return f"{part}/{whole} = {part / whole:.3f}" if whole else "0/0"


def main() -> int:
    parser = argparse.ArgumentParser(description="Precision and recall on judged places.")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    parser.add_argument("--package", help="only this one")
    arguments = parser.parse_args()
    together: Counter[str] = Counter()
    for path in LABELS:
        print(f"\n{path.name}\n")
        together += score(path, arguments.cache, arguments.package)
    precision = ratio(together["right"], together["said"])
    recall = ratio(together["caught"], together["there"])
    with_hints = ratio(together["caught"] + together["hinted"], together["there"])
    print(f"\nAll samples: {precision}, {recall}; {with_hints} with what is told as a hint")
    return 0


def score(path: Path, cache: Path, only: str | None) -> Counter[str]:
    """Judge dladvise by the labels of one file, and print it; the counts are returned."""
    versions, places, target = read(path)
    folder = cache / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in target.items())
    (folder / "pyproject.toml").write_text(f"[tool.dladvise.target]\n{settings}\n")

    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    hinted: Counter[str] = Counter()
    there: Counter[str] = Counter()
    wrong: list[str] = []
    missed: list[str] = []
    for name, version in versions.items():
        if only not in (None, name):
            continue
        mine = [place for place in places if place.package == name]
        found = findings_at(fetched(f"{name}=={version}", folder), mine)
        for (place, *_), finding in found:
            code = finding["code"]
            if code in place.open or is_hint(finding):
                continue
            said[code] += 1
            if code in place.true:
                right[code] += 1
            else:
                at = f"{place.package}: {place.file}:{finding['line']}"
                wrong.append(f"{at} {code} {finding['message']}\n    {place.what}: {place.why}")
        for place in mine:
            for code in sorted(place.true):
                there[code] += 1
                about = [one for at, one in found if place in at and one["code"] == code]
                if not all(map(is_hint, about)):
                    caught[code] += 1
                elif about:
                    hinted[code] += 1
                else:
                    missed.append(f"{place} {code}\n    {place.what}: {place.why}")

    print("| code | precision | recall |\n|---|---|---|")
    for code in sorted(said.keys() | there.keys()):
        print(f"| {code} | {ratio(right[code], said[code])} | {ratio(caught[code], there[code])} |")
    print(
        f"| all | {ratio(right.total(), said.total())} | {ratio(caught.total(), there.total())} |"
    )
    print(f"\nWrong: {len(wrong)}", *wrong, sep="\n  ")
    print(f"\nMissed: {len(missed)}, and {hinted.total()} are hints", *missed, sep="\n  ")
    counts = {"right": right, "said": said, "caught": caught, "hinted": hinted, "there": there}
    return Counter({name: one.total() for name, one in counts.items()})


if __name__ == "__main__":
    sys.exit(main())
