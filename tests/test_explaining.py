"""All that is known of one construction, as `dladvise explain FILE:LINE` tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .front_door import dladvise, written

SCRIPT = """\
import argparse

from torch.utils.data import DataLoader, Dataset


class Photos(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    loader = DataLoader(
        Photos(),
        num_workers=args.workers,
    )
    quiet = DataLoader(Photos(), persistent_workers=True)  # dladvise: ignore[DL003]
    for epoch in range(3):
        for batch in loader:
            batch.backward()
"""


def test_what_is_known(tmp_path: Path) -> None:
    folder = written(tmp_path, {"train.py": SCRIPT})
    done = dladvise("explain", "train.py:20", cwd=folder)
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert text.startswith("train.py:18  loader = DataLoader(...) in main\n")
    assert "num_workers              2, the default of --workers" in text
    assert "prefetch_factor          None, torch's default" in text
    assert "Photos on line 6, map-style" in text
    assert "line 24: a loop over it, repeated by the loop on line 23, which trains" in text
    assert "DL302 info, line 18: the workers" in text
    silent = text.partition("rules that were asked and are silent")[2]
    assert "DL003" in silent and "DL302" not in silent
    assert "  num_workers (2, the default of --workers): DL" in silent
    assert "  its dataset: DL007" in silent


def test_under_a_condition_that_asks_for_it_an_argument_is_not_its_default(tmp_path: Path) -> None:
    script = (
        "from torch.utils.data import DataLoader\n\n\n"
        "def main(photos, sampler=None, workers=None):\n"
        "    if sampler is not None:\n"
        "        return DataLoader(photos, sampler=sampler, num_workers=workers)\n"
    )
    done = dladvise("explain", "train.py:6", cwd=written(tmp_path, {"train.py": script}))
    text = done.stdout.decode()
    assert "sampler                  an unknown value" in text
    assert "num_workers              None, the default of parameter 'workers'" in text


def test_conditions_are_told_as_they_are_written(tmp_path: Path) -> None:
    script = (
        "from torch.utils.data import DataLoader\n\ntry:\n    workers = 2\n"
        "    if long:\n        workers = 4\nexcept NameError:\n    workers = 8\n"
        "loader = DataLoader(photos, num_workers=workers)\n"
    )
    done = dladvise("explain", "train.py:9", cwd=written(tmp_path, {"train.py": script}))
    told = done.stdout.decode().partition("num_workers")[2].partition("prefetch_factor")[0]
    assert " ".join(told.split()) == "8 or 4 where long or 2"


def test_what_is_found_beside_a_loader_is_told_of_it(tmp_path: Path) -> None:
    script = (
        "from torch.utils.data import DataLoader, DistributedSampler\n\n\n"
        "def main(rows, other):\n"
        "    sampler = DistributedSampler(rows)\n"
        "    loader = DataLoader(rows, sampler=sampler)\n"
        "    plain = DataLoader(other)\n"
        "    for epoch in range(9):\n"
        "        for batch in loader:\n            batch.backward()\n"
    )
    folder = written(tmp_path, {"train.py": script})
    told = {}
    for line in (6, 7):
        done = dladvise("explain", f"train.py:{line}", "--output-format", "json", cwd=folder)
        told[line] = {one["code"]: one for one in json.loads(done.stdout)["rules"]}
    assert told[6]["DL105"]["messages"] and not told[7]["DL105"]["messages"]
    assert told[7]["DL201"]["looked_last_at"] is None
    assert told[6]["DL006"]["looked_last_at"] == "batch_sampler"


def test_what_a_comment_hides_and_what_is_off(tmp_path: Path) -> None:
    folder = written(tmp_path, {"train.py": SCRIPT, "dladvise.toml": 'ignore = ["DL305"]\n'})
    done = dladvise("explain", "train.py:22", "--output-format", "json", cwd=folder)
    found = json.loads(done.stdout)
    rules = {one["code"]: one for one in found["rules"]}
    assert rules["DL003"]["suppressed"] and rules["DL003"]["messages"]
    assert not rules["DL305"]["chosen"] and rules["DL302"]["chosen"]
    assert found["arguments"]["persistent_workers"] == ["True"]
    assert found["read_at"] == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("train.py:1", "nothing is called there; the nearest loaders are"),
        ("train.py", "say which of its loaders"),
        ("none.py:1", "none.py"),
        ("package.module:make", "name a file and a line"),
        ("train.ipynb:3", "a notebook"),
    ],
)
def test_what_cannot_be_explained(tmp_path: Path, target: str, words: str) -> None:
    done = dladvise("explain", target, cwd=written(tmp_path, {"train.py": SCRIPT}))
    assert done.returncode == 2
    assert words in done.stderr.decode() and "Traceback" not in done.stderr.decode()
    assert done.stdout == b""
