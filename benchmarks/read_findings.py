"""How many findings were wrong in packages that nobody had looked at, and what became of them.

    python benchmarks/read_findings.py [--cache DIR]

Every finding of dladvise in the packages of read_findings.json was read by somebody who knew the
documents of the rules and not the code: set by set, each before anything was mended for it. The
script says how many were wrong then, which of them are still reported, and what was not there yet.
A program may fail before what a finding says of its loader can happen ("broken"): in the first four
sets such a finding counts as wrong.
Nothing of these packages is installed or run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.sources import CACHE, fetched
from benchmarks.wild import checked

READ = Path(__file__).with_name("read_findings.json")


class Place(NamedTuple):
    """Where a finding stands; several of one code on a line are told apart by nothing."""

    package: str
    file: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.package}: {self.file}:{self.line} {self.code}"


def reported(packages: dict[str, str], cores: int, cache: Path) -> Counter[Place]:
    """What dladvise reports in them now, and how often."""
    found: Counter[Place] = Counter()
    for name, version in packages.items():
        try:
            package = fetched(f"{name}=={version}", cache)
        except subprocess.CalledProcessError:
            print(f"  {name} {version}: no wheel for this machine")
            continue
        outcome = checked(package, ["--target-cores", str(cores)])
        for one in outcome.findings:
            if one["code"] != "DL000":
                found[Place(name, one["path"], one["line"], one["code"])] += 1
    return found


def show(one: dict[str, Any], cores: int, cache: Path) -> None:
    """The figures of one set, and the findings to look at."""
    told = Counter(row["verdict"] for row in one["findings"])
    n = sum(told.values())
    print(f"\n{one['name']}: {len(one['packages'])} packages, {n} findings read")
    print(f"  then: {told['wrong']} wrong ({told['wrong'] / n:.1%}), {told['doubtful']} doubtful, ")
    print(f"        {told['fix wrong']} right with a fix that is wrong, ")
    print(f"        {told['broken']} in programs that fail before, for another reason")
    left = reported(one["packages"], cores, cache)
    now: Counter[str] = Counter()
    for row in one["findings"]:
        place = Place(row["package"], row["file"], row["line"], row["code"])
        if left[place]:
            left[place] -= 1
            now[row["verdict"]] += 1
            if row["verdict"] == "wrong":
                print(f"  still wrong: {place}\n    {row['why']}")
    new = +left
    print(f"  now: {sum(now.values())} of them, {now['wrong']} wrong; {new.total()} new, not read:")
    for place, times in sorted(new.items()):
        print(f"    {place}" + (f" ({times} times)" if times > 1 else ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    cache = parser.parse_args().cache / "read"
    read = json.loads(READ.read_text(encoding="utf-8"))
    for one in read["sets"]:
        show(one, read["target"]["cores"], cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())
