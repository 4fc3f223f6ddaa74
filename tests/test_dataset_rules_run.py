"""What the rules on datasets claim is what torch does: their documents' programs are run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import dladvise.advisor.rules
from dladvise.advisor import Source, analyze, fixed
from tests.rule_documents import cases

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
FOLDER = Path(dladvise.advisor.rules.__file__).parent

# Runs programs in forked children, so that torch is imported once. What a program leaves in
# `answer` comes back as JSON, and an exception as its text.
RUNNER = """
import json, os, sys, warnings
import torch
torch.set_num_threads(1)
for line in sys.stdin:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what programs print is no answer
        names = {"__name__": "case"}
        warnings.simplefilter("ignore")
        try:
            exec(json.loads(line), names)
            answer = names.get("answer")
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        with os.fdopen(writer, "w") as out:
            json.dump(answer, out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answered:
        print(answered.read(), flush=True)
    os.waitpid(child, 0)
"""

Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs a program in a folder with the files that the documents read; gives its `answer`."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "corpus.txt").write_text("".join(f"line {number}\n" for number in range(6)))
    (folder / "rows.txt").write_text("a\nb\n")
    (folder / "records.bin").write_bytes(b"".join(bytes([n]) * 64 for n in range(250)))
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def one(program: str) -> Any:
            stdin.write(json.dumps(program) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield one
        stdin.close()


def program(rule: str, kind: str, number: int = 0) -> str:
    """A program of a rule's document; `fixed` is that of the numbered `bad`."""
    found = cases(FOLDER / f"{rule}.md")
    wanted = [case for case in found if case.kind == ("good" if kind == "good" else "bad")]
    case = wanted[number]
    if kind != "fixed":
        return case.code
    assert case.fixed is not None
    return case.fixed


READ = "answer = len([batch for batch in loader])\n"
RAISING = [
    ("map_dataset_protocol", 0, "TypeError"),
    ("map_dataset_protocol", 1, "TypeError"),
    ("iterable_dataset_protocol", 0, "TypeError"),
    ("iterable_dataset_protocol", 1, "TypeError"),
    ("iterable_dataset_protocol", 3, "TypeError"),
    ("iterable_dataset_protocol", 4, "NotImplementedError"),
]


@pytest.mark.parametrize(("rule", "number", "error"), RAISING)
def test_the_dataset_raises_as_said(run: Run, rule: str, number: int, error: str) -> None:
    answer = run(program(rule, "bad", number) + READ)
    assert isinstance(answer, str) and answer.startswith(error)


def each_loader(names: str) -> str:
    """Reads loaders one by one and answers with the exceptions."""
    return f"""
answer = []
for one in {names}:
    try:
        list(one)
    except Exception as error:
        answer.append(type(error).__name__)
"""


LOADERS = [
    ("More arguments", "[pairs, scaled]", ["TypeError", "TypeError"]),
    ("A length that", "loaders", ["TypeError", "TypeError", "TypeError"]),
]


@pytest.mark.parametrize(("heading", "names", "errors"), LOADERS)
def test_every_loader_of_a_program_raises(
    run: Run, heading: str, names: str, errors: list[str]
) -> None:
    found = cases(FOLDER / "map_dataset_protocol.md")
    (case,) = [case for case in found if heading in case.name and case.kind == "bad"]
    assert run(case.code + each_loader(names)) == errors


@pytest.mark.parametrize("rule", ["map_dataset_protocol", "iterable_dataset_protocol"])
def test_the_fixed_dataset_can_be_read(run: Run, rule: str) -> None:
    assert run(program(rule, "fixed") + READ) == 1


def test_torch_does_not_ask_where_the_document_is_silent(run: Run) -> None:
    found = cases(FOLDER / "map_dataset_protocol.md")
    (case,) = [case for case in found if "does not ask" in case.name]
    reading = each_loader("[sampled, batched]")
    assert run(case.code + reading) == []


# The noise of two epochs: what was added to each row.
NOISE = """
answer = []
for epoch in range(2):
    values = [value.item() for batch in loader for value in batch]
    answer.append([round(value - row, 6) for row, value in enumerate(values, 1)])
"""


def test_copied_generators_repeat_in_workers_and_epochs(run: Run) -> None:
    first, second = run(program("rng_copied_into_workers", "bad") + NOISE)
    assert first[:2] == first[2:]  # the second worker's batch has the first one's noise
    assert first == second


def test_generators_made_in_workers_do_not_repeat(run: Run) -> None:
    first, second = run(program("rng_copied_into_workers", "good") + NOISE)
    assert len({*first, *second}) == 8


ITEMS = "answer = [item for batch in loader for item in batch]\n"


@pytest.mark.parametrize(("kind", "times"), [("bad", 4), ("fixed", 1), ("good", 1)])
def test_undivided_streams_come_once_from_each_worker(run: Run, kind: str, times: int) -> None:
    counted: Counter[str] = Counter(run(program("iterable_not_sharded", kind) + ITEMS))
    assert counted == {f"line {number}": times for number in range(6)}


def records(opening: str) -> str:
    """Reads records with a pause between seek and read, when another worker may run."""
    return f"""
import os, time
from torch.utils.data import DataLoader, Dataset
class Records(Dataset):
    def __init__(self):
        self.opened_by = os.getpid()
        self.file = open("records.bin", "rb", buffering=0)
    def __len__(self):
        return 200
    def __getitem__(self, index):
        {opening}
        self.file.seek(index * 64)
        time.sleep(0.002)
        return self.file.read(64)
loader = DataLoader(Records(), batch_size=None, num_workers=4)
answer = sum(record != bytes([index]) * 64 for index, record in enumerate(loader))
"""


def test_forked_workers_share_the_position_of_an_open_file(run: Run) -> None:
    assert run(records("pass")) > 0


def test_a_file_opened_in_each_process_is_read_right(run: Run) -> None:
    reopen = 'self.file = open("records.bin", "rb", buffering=0)'
    assert run(records(f"if self.opened_by != os.getpid(): {reopen}")) == 0


# The seed that each worker would give to numpy, for two seeds of the user and two epochs.
SEEDS = """
import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset
class Seeded(Dataset):
    def __len__(self):
        return 2
    def __getitem__(self, index):
        return float(np.random.rand())
def {hook}
answer = []
for seed in (1, 2):
    torch.manual_seed(seed)
    np.random.seed(seed)
    loader = DataLoader(Seeded(), num_workers=2, worker_init_fn=seed_worker)
    answer += [[value.item() for value in loader] for epoch in range(2)]
"""


def test_the_old_seed_recipe_gives_the_same_numbers_for_ever(run: Run) -> None:
    recipe = "np.random.seed(np.random.get_state()[1][0] + worker_id)"
    runs = run(SEEDS.format(hook=f"seed_worker(worker_id): {recipe}"))
    assert all(one == runs[0] for one in runs)


def test_seeds_from_torch_differ_between_workers_epochs_and_runs(run: Run) -> None:
    hook = "seed_worker(worker_id): np.random.seed(torch.initial_seed() % 2**32)"
    runs = run(SEEDS.format(hook=hook))
    assert len({value for one in runs for value in one}) == 8


# Spawned workers import the program again: it is a script of its own.
SPAWNED = """
from torch.utils.data import DataLoader
if __name__ == "__main__":
    loader = DataLoader(
        range(4), num_workers=1, collate_fn=lambda rows: rows, multiprocessing_context="spawn"
    )
    print([rows for rows in loader])
"""


def as_script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(text)
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(script)], capture_output=True, text=True, timeout=120
    )


def test_a_lambda_is_not_sent_to_spawned_workers(tmp_path: Path) -> None:
    result = as_script(tmp_path, SPAWNED)
    assert result.returncode != 0
    assert "pickle" in result.stderr.lower()


@pytest.mark.slow
def test_the_fix_for_lambdas_sends_them(tmp_path: Path) -> None:
    report = analyze(Source("script.py", SPAWNED))
    assert [finding.rule.code for finding in report.findings] == ["DL402"]
    after, _ = fixed(report, analyze)
    result = as_script(tmp_path, after.source.text)
    assert (result.returncode, result.stdout) == (0, "[[0], [1], [2], [3]]\n"), result.stderr


@pytest.mark.parametrize(
    "value",
    [
        "open(__file__)",
        "lambda: 0",
        "threading.Lock()",
        "sqlite3.connect(':memory:')",
        "(row for row in ())",
        "zipfile.ZipFile('empty.zip', 'w')",
        "csv.reader(())",
        "queue.Queue()",
        "threading.local()",
    ],
)
def test_what_is_called_unpicklable_is(value: str, tmp_path: Path) -> None:
    """The rule's words for an attribute, checked against pickle itself."""
    program = f"""
import csv, pickle, queue, sqlite3, threading, zipfile
from torch.utils.data import DataLoader, Dataset
class Rows(Dataset):
    def __init__(self):
        self.kept = {value}
    def __len__(self):
        return 1
    def __getitem__(self, index):
        return index
loader = DataLoader(Rows(), num_workers=1, multiprocessing_context="spawn")
"""
    codes = {finding.rule.code for finding in analyze(Source("case.py", program)).findings}
    assert "DL403" in codes
    without_torch = program.replace("from torch.utils.data import DataLoader, Dataset", "")
    body = without_torch.replace("(Dataset)", "").partition("loader =")[0]
    script = f"import sys\n__file__ = sys.executable\n{body}pickle.dumps(Rows())"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "pickle" in result.stderr.splitlines()[-1]
