"""The examples have exactly the mistakes that they are there to show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dladvise.advisor import Report, Safety, Severity, Source, Target, analyze, fixed

FOLDER = Path(__file__).parent.parent / "examples"
TARGET = Target(cores=8, cores_from="target.cores in pyproject.toml")

# Each example's findings, hints left out: the code, and the line that is blamed.
FINDINGS = {
    "workers_sweep.py": [
        ("DL304", "DataLoader(dataset, batch_size=64, shuffle=True, num_workers=4),"),
        ("DL304", "DataLoader(dataset, batch_size=64, shuffle=True, num_workers=8),"),
        ("DL300", "DataLoader(dataset, batch_size=64, shuffle=True, num_workers=16),"),
        ("DL304", "DataLoader(dataset, batch_size=64, shuffle=True, num_workers=16),"),
        ("DL307", "started = time.time()"),
    ],
    "csv_dataset.py": [
        ("DL010", "def __getitem__(self):"),
        ("DL302", "loader = DataLoader("),
        ("DL201", "readings = readings.to(device)"),
        ("DL201", "label = label.to(device)"),
    ],
    "swallowed_errors.py": [
        ("DL410", "except Exception as problem:"),
        ("DL410", "continue"),
        ("DL410", "except RuntimeError as problem:"),
    ],
    "ddp_train.py": [
        ("DL105", "sampler = DistributedSampler(squares)"),
        ("DL118", "loader = DataLoader(Squares(256, 256), batch_size=16, shuffle=True)"),
    ],
    "streaming.py": [
        ("DL104", "def __iter__(self):"),
    ],
    "splits.py": [
        ("DL101", "self.rng = np.random.default_rng(0)"),
        ("DL112", "training.dataset.transform = flipped"),
        ("DL303", "first = next(iter(training_loader))[0]"),
    ],
    "conflicts.py": [
        ("DL005", "return DataLoader(numbers, sampler=SequentialSampler(numbers), shuffle=True)"),
        ("DL003", "return DataLoader(numbers, batch_size=8, persistent_workers=True)"),
        ("DL001", "return DataLoader(numbers, batch_size=8, num_worker=2)"),
        ("DL008", "return DataLoader(numbers, batch_size=8, num_workers=os.cpu_count() / 2)"),
        ("DL006", "return DataLoader(numbers, batch_sampler=batches, batch_size=8)"),
        ("DL003", "return DataLoader(numbers, batch_size=8, prefetch_factor=4)"),
    ],
    "good_train.py": [],
}

# What each example prints, or ends with; what it prints after all of its fixes.
OUTPUTS = {
    "workers_sweep.py": r"16 workers: \d",
    "csv_dataset.py": r"__getitem__\(\) takes 1 positional argument but 2 were given",
    "swallowed_errors.py": r"OSError: image 23 is truncated",
    "ddp_train.py": r"rank 0, epoch 2: loss",
    "streaming.py": r"4000 records read, 1000 in the log",
    "splits.py": r"validation set is flipped too: True",
    "conflicts.py": r"misspelt: TypeError: .*'num_worker'",
    "good_train.py": r"epoch 2: loss",
}
OUTPUTS_FIXED = {
    "csv_dataset.py": r"epoch 2: loss",
    "conflicts.py": r"misspelt: 4 batches",
}


def analyzed(source: Source) -> Report:
    return analyze(source, TARGET)


def blamed(report: Report) -> list[tuple[str, str]]:
    """Code and line of each finding, hints left out."""
    return [
        (finding.rule.code, report.source.line(report.source.line_at(finding.span.start)).strip())
        for finding in report.findings
        if finding.severity is not Severity.HINT
    ]


def example(name: str) -> Source:
    return Source(name, (FOLDER / name).read_text(encoding="utf-8"))


def test_every_example_is_in_the_tables() -> None:
    names = {path.name for path in FOLDER.glob("*.py")}
    assert names == FINDINGS.keys() == OUTPUTS.keys()
    pages = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"[{name}]({name})" in pages for name in names)


@pytest.mark.parametrize("name", FINDINGS)
def test_findings(name: str) -> None:
    report = analyzed(example(name))
    assert blamed(report) == FINDINGS[name]


def test_a_mended_dataset_shows_its_next_mistake() -> None:
    """Nothing is read at an index before `__getitem__` takes one."""
    after, _ = fixed(analyzed(example("csv_dataset.py")), analyzed, frozenset(Safety))
    assert blamed(after) == [("DL501", "self.rows = list(csv.reader(file))")]


def test_nothing_at_all_is_said_about_the_good_one() -> None:
    """Not even a hint."""
    assert not analyzed(example("good_train.py")).findings


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(name: str) -> None:
    assert re.search(OUTPUTS[name], output(FOLDER / name))


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS_FIXED)
def test_outputs_after_all_fixes(name: str, tmp_path: Path) -> None:
    after, _ = fixed(analyzed(example(name)), analyzed, frozenset(Safety))
    path = tmp_path / name
    path.write_text(after.source.text, encoding="utf-8")
    said = output(path)
    assert re.search(OUTPUTS_FIXED[name], said)
    assert "Error" not in said


def output(path: Path) -> str:
    """What a script writes, on both streams; it must end by itself."""
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    run = [sys.executable, str(path)]
    done = subprocess.run(
        run, check=False, env=env, capture_output=True, text=True, timeout=120, cwd=path.parent
    )
    return done.stdout + done.stderr
