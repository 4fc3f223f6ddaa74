"""Loaders in hydra's YAML: what is found there and where, and what is passed over."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from dladvise.advisor import Source, all_rules, analyze
from tests.front_door import dladvise, findings, written

WRONG = """\
# @package _global_
data:
  train:
    _target_: torch.utils.data.DataLoader
    dataset: ${dataset}
    num_workers: 0
    persistent_workers: true
"""
BLOCK = "_target_: torch.utils.data.DataLoader\n"
BESIDE = "num_workers: 0\npersistent_workers: true\n"


def places(text: str, path: str = "a.yaml") -> list[tuple[str, int, int]]:
    """The code, line and column of each finding, whatever is on by default."""
    source = Source(path, text)
    report = analyze(source, chosen=all_rules())
    return [
        (
            found.rule.code,
            source.line_at(found.span.start),
            found.span.start - source.line_starts[source.line_at(found.span.start) - 1] + 1,
        )
        for found in report.findings
        if not found.rule.opt_in
    ]


FOUND = {
    "worker option": (WRONG, [("DL003", 7, 5)]),
    "another home of the class": (
        f"_target_: torch.utils.data.dataloader.DataLoader\n{BESIDE}",
        [("DL003", 3, 1)],
    ),
    "stateful": (
        f"_target_: torchdata.stateful_dataloader.StatefulDataLoader\n{BESIDE}",
        [("DL003", 3, 1)],
    ),
    "pyg": (f"_target_: torch_geometric.loader.DataLoader\n{BESIDE}", [("DL003", 3, 1)]),
    "monai": (f"_target_: monai.data.DataLoader\n{BESIDE}", [("DL003", 3, 1)]),
    "partial": (f"{BLOCK}_partial_: true\n{BESIDE}", [("DL003", 4, 1)]),
    "target last": (f"{BESIDE}{BLOCK}", [("DL003", 2, 1)]),
    "quoted target": (f"_target_: 'torch.utils.data.DataLoader'\n{BESIDE}", [("DL003", 3, 1)]),
    "flow": (
        "a: {_target_: torch.utils.data.DataLoader, shuffle: true, "
        "sampler: {_target_: torch.utils.data.RandomSampler, data_source: 1}}\n",
        [("DL005", 1, 44)],
    ),
    "in a list": (f"- {BLOCK}  num_workers: 0\n  persistent_workers: yes\n", [("DL003", 3, 3)]),
    "misspelt": (f"{BLOCK}num_worker: 4\n", [("DL001", 2, 1)]),
    "value": (f"{BLOCK}batch_size: 0\n", [("DL008", 2, 1)]),
    "carriage returns": (WRONG.replace("\n", "\r\n"), [("DL003", 7, 5)]),
    "wide characters": (f"# 😀 é\n{BLOCK}{BESIDE}", [("DL003", 4, 1)]),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    text, expected = FOUND[name]
    assert places(text) == expected


SILENT = {
    "interpolated": f"{BLOCK}num_workers: ${{n}}\npersistent_workers: true\n",
    "missing": f"{BLOCK}num_workers: ???\npersistent_workers: true\n",
    "not written": f"{BLOCK}persistent_workers: true\n",
    "null to fill": f"{BLOCK}dataset: null\nbatch_size: null\nnum_workers: null\n",
    "negative to fill": f"{BLOCK}batch_size: -1\nnum_workers: -1\n",
    "text to look up": f"{BLOCK}collate_fn: project.collate\nbatch_size: auto\n",
    "another class": f"_target_: project.DataLoader\n{BESIDE}",
    "only mentioned": f"# {BLOCK}note: DataLoader\n{BESIDE}",
    "defaults list": f"defaults:\n  - override /loader: DataLoader\n# _target_\n{BESIDE}",
    "keyword of the project's own": f"{BLOCK}balanced: true\n",
    "template": f"{BLOCK}{{% if a %}}\n{BESIDE}{{% endif %}}\n",
    "braces": f"{BLOCK}num_workers: {{{{ n }}}}\npersistent_workers: true\n",
    "tab": f"a:\n\t{BLOCK}{BESIDE}",
    "duplicate": f"{BLOCK}{BESIDE}num_workers: 2\n",
    "several documents": f"{BLOCK}{BESIDE}---\n{BLOCK}{BESIDE}",
    "merged": f"a: &a {{num_workers: 4}}\nb:\n  <<: *a\n  {BLOCK}  persistent_workers: true\n",
    "base to merge": "a: &a\n  _target_: torch.utils.data.DataLoader\n"
    "  num_workers: 0\n  persistent_workers: true\nb:\n  <<: *a\n  num_workers: 2\n",
    "alias": f"n: &n 0\nb:\n  {BLOCK}  num_workers: *n\n  persistent_workers: true\n",
    "recursive alias": f"a: &a\n  b: *a\n  {BLOCK}",
    "tags": f"{BLOCK}num_workers: !!python/name:a.b ''\npersistent_workers: true\n",
    "octal": f"{BLOCK}num_workers: 00\npersistent_workers: true\n",
    "positional": f"{BLOCK}_args_: [1]\n{BESIDE}",
    "sampler made later": f"{BLOCK}shuffle: true\nsampler: {{_target_: project.make}}\n",
    "default of old torch": f"{BLOCK}num_workers: 0\nprefetch_factor: 2\n",
    "deep": f"{BLOCK}{BESIDE}a: {'[' * 5000}\n",
    "huge": f"{BLOCK}{BESIDE}{'# more ' * 150_000}\n",
}


@pytest.mark.parametrize("name", SILENT)
def test_silent(name: str) -> None:
    assert places(SILENT[name]) == []


def test_python_text_is_not_read_as_a_configuration() -> None:
    assert places(WRONG, "a.yml") == [("DL003", 7, 5)]
    assert all(code == "DL000" for code, _, _ in places(WRONG, "a.py"))


def test_suppressed_and_unused() -> None:
    text = WRONG.replace("persistent_workers: true", "persistent_workers: true  # noqa: DL003")
    assert places(text) == []
    text = WRONG.replace("${dataset}", "${dataset}  # dladvise: ignore[DL003]")
    assert [code for code, _, _ in places(text)] == ["DL099", "DL003"]


def test_a_tree_through_the_front_door(tmp_path: Path) -> None:
    """Places, the cache, and files that are nobody's problem; none of them is changed."""
    folder = written(
        tmp_path,
        {
            "conf/loader.yaml": WRONG,
            "conf/bom.yml": b"\xef\xbb\xbf" + WRONG.encode(),
            "conf/latin.yaml": f"# {WRONG}é".encode("latin-1"),
            "conf/wide.yaml": WRONG.encode("utf-16"),
            "conf/broken.yaml": f"{WRONG}  : [\n",
            ".pre-commit-config.yaml": "# dladvise: ignore-file\nrepos: []\n",
        },
    )
    expected = [("conf/bom.yml", 7, 5), ("conf/loader.yaml", 7, 5)]
    for _ in range(2):  # the second answer comes from the cache
        done = dladvise("check", "--output-format", "json", ".", cwd=folder)
        assert done.returncode == 1 and not done.stderr, done.stderr
        shown = json.loads(done.stdout)
        found = shown["findings"] if isinstance(shown, dict) else shown
        assert [Path(one["path"]).as_posix() for one in found] == [path for path, *_ in expected]
    before = (folder / "conf/loader.yaml").read_bytes()
    dladvise("check", "--fix", "--unsafe-fixes", ".", cwd=folder)
    assert (folder / "conf/loader.yaml").read_bytes() == before
    sarif = json.loads(dladvise("check", "--output-format", "sarif", ".", cwd=folder).stdout)
    regions = [
        result["locations"][0]["physicalLocation"]["region"]
        for result in sarif["runs"][0]["results"]
    ]
    assert [(one["startLine"], one["startColumn"]) for one in regions] == [(7, 5), (7, 5)]
    (found,) = findings("-", "--stdin-filename", "x.yaml", cwd=folder, stdin=WRONG.encode())
    assert found["code"] == "DL003"


def test_a_check_of_yaml_imports_no_libcst(tmp_path: Path) -> None:
    program = (
        "import sys; from dladvise.advisor import Source, analyze;"
        "analyze(Source('a.yaml', 'a: 1\\n')); assert 'yaml' not in sys.modules;"
        f"assert analyze(Source('a.yaml', {WRONG!r})).findings; assert 'yaml' in sys.modules;"
        "assert 'libcst' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_torch_raises_for_what_is_found() -> None:
    options = import_module("yaml").safe_load(WRONG)["data"]["train"]
    del options["_target_"]
    options["dataset"] = torch.utils.data.TensorDataset(torch.zeros(4))
    with pytest.raises(ValueError, match="num_workers"):
        DataLoader(**options)


@pytest.mark.parametrize("command", ["explain", "probe"])
def test_a_configuration_is_neither_explained_nor_measured(tmp_path: Path, command: str) -> None:
    folder = written(tmp_path, {"loader.yaml": WRONG})
    done = dladvise(command, "loader.yaml:4", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "dladvise: loader.yaml: a configuration is checked, and not run; "
        "name the line of the script that makes the loader\n"
    )
