"""`dladvise probe` as a user runs it: what is printed, what is written, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .front_door import dladvise, environment, written

# Each sample is waited for, not worked on: workers pay on any machine.
SLOW = """\
import time

import torch
from torch.utils.data import DataLoader, Dataset


class Waits(Dataset):
    def __len__(self):
        return 4000

    def __getitem__(self, index):
        time.sleep(0.003)
        return torch.zeros(4)


def make_loader():
    return DataLoader(Waits(), batch_size=8)


if __name__ == "__main__":
    print("training")
    loader = DataLoader(
        Waits(),
        batch_size=8,
    )
    for epoch in range(3):
        for batch in loader:
            pass
"""
LINE = SLOW.splitlines().index("    loader = DataLoader(") + 1
TWO = """\
from torch.utils.data import DataLoader

train_loader = DataLoader(ds, shuffle=True)


def val(ds):
    if ds:
        return DataLoader(ds)
    return make(ds)
"""
# Tells how it was run, and ends before torch is imported.
TELLS = """\
import json, os, sys

json.dump(
    {"argv": sys.argv, "name": __name__, "file": __file__, "python": sys.executable,
     "env": {key: os.environ.get(key) for key in ("WANTED", "DLADVISE_PROBE")},
     "text": "@"},
    open("told.json", "w"),
)
raise ValueError("told")

from torch.utils.data import DataLoader

loader = DataLoader([1])
"""
# Says that it runs, and goes on for ever.
HANGS = """\
import os, time

with open("pid.unfinished", "w") as file:
    file.write(str(os.getpid()))
os.rename("pid.unfinished", "pid")
time.sleep(600)

from torch.utils.data import DataLoader

loader = DataLoader([1])
"""


def said(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The lines on standard error."""
    return done.stderr.decode().splitlines()


def probe(*arguments: str, cwd: Path, stdin: str = "", **environ: str) -> Any:
    """Run the command with the interpreter of the tests."""
    python = ("--interpreter", sys.executable)
    return dladvise("probe", *python, *arguments, cwd=cwd, stdin=stdin.encode(), **environ)


# What the target means

TARGETS = [
    ("two.py", ["dladvise: two.py: say which of its loaders",
                "  two.py:3  train_loader = DataLoader(...)",
                "  two.py:8  DataLoader(...) in val"]),
    ("two.py:1", ["dladvise: two.py:1: nothing is called there; the nearest loaders are",
                  "  two.py:3  train_loader = DataLoader(...)",
                  "  two.py:8  DataLoader(...) in val"]),
    ("two.py:40", ["dladvise: two.py:40: the file has 9 lines; the nearest loaders are",
                   "  two.py:3  train_loader = DataLoader(...)",
                   "  two.py:8  DataLoader(...) in val"]),
    ("none.py", ["dladvise: none.py: constructs no DataLoader that can be recognised; name the "
                 "line that makes it, as none.py:LINE"]),
    ("none.py:1", ["dladvise: none.py:1: nothing is called there"]),
    ("missing.py:1", ["dladvise: missing.py: no such file or directory"]),
    ("book.ipynb:1", ["dladvise: book.ipynb: a notebook is not run; name a function that makes "
                      "the loader, as package.module:make_loader, or export the notebook as a "
                      "script"]),
    ("two.py:x", ["dladvise: two.py:x: what follows the colon must be a line number such as :42 "
                  "or :42#2 (or ::name for a function)"]),
    ("latin.py:1", ["dladvise: latin.py: is not UTF-8 (line 1)"]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), TARGETS, ids=[row[0] for row in TARGETS])
def test_what_is_no_loader_is_told(target: str, expected: list[str], tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "two.py": TWO,
        "none.py": "x = 1\n",
        "book.ipynb": "{}",
        "latin.py": b"# \xe9\n",
    }
    done = probe(target, cwd=written(tmp_path, files))
    assert (done.returncode, done.stdout, said(done)) == (2, b"", expected)


CONTRADICTIONS = [
    (("-",), "standard input needs --stdin-filename"),
    (("two.py:3", "--stdin-filename", "two.py:3"), "--stdin-filename goes with standard input"),
    (("-", "--stdin-filename", "two.py:3", "--apply"), "--apply writes into a file"),
    (("-", "--stdin-filename", "two.py:3", "-m", "two"), "standard input holds the script"),
    (("two.py:3", "--script", "two.py", "-m", "two"), "a script or a module to run, not both"),
    (("two.py:3", "--json", "--diff"), "choose one"),
    (("two.py:3", "--apply", "--diff"), "choose one"),
    (("two.py::val", "--script", "two.py"), "a function is called by itself, without a script"),
    (("two:val", "-m", "two"), "a function is called by itself, without a script"),
    (("two.py:3", "--script", "nope.py"), "nope.py: no such file"),
    (("two.py:3", "--interpreter", "nope"), "--interpreter nope: there is no such interpreter"),
    (("two.py:3", "--seconds", "0"), "0.0 is not in the range x>0"),
]


@pytest.mark.parametrize(("arguments", "reason"), CONTRADICTIONS)
def test_wrong_use_is_told(arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    done = dladvise("probe", *arguments, cwd=written(tmp_path, {"two.py": TWO}), stdin=b"x")
    assert done.returncode == 2
    assert not done.stdout
    assert reason in said(done)[-1]


def test_help_has_its_options_in_groups(tmp_path: Path) -> None:
    text = dladvise("probe", "--help", cwd=tmp_path).stdout.decode()
    headings = re.findall(r"^(\w.*):$", text, re.M)
    assert headings == ["The run", "The measurement", "The answer", "Other"]
    assert "TARGET [-- SCRIPT ARGS]" in text
    assert "130" in text


# How the script is run


def told(folder: Path) -> Any:
    return json.loads((folder / "told.json").read_text())


def test_the_script_runs_as_the_user_would_run_it(tmp_path: Path) -> None:
    folder = written(tmp_path, {"sub/tells.py": TELLS})
    done = probe("sub/tells.py", "--", "--lr", "3", cwd=folder, WANTED="yes")
    assert done.returncode == 1
    assert said(done)[-1] == "dladvise: ValueError: told"
    assert told(folder) == {
        "argv": ["sub/tells.py", "--lr", "3"],
        "name": "__main__",
        "file": "sub/tells.py",
        "python": sys.executable,
        "env": {"WANTED": "yes", "DLADVISE_PROBE": "1"},
        "text": "@",
    }


def test_arguments_interpreter_and_environment_are_configured(tmp_path: Path) -> None:
    config = (
        "[tool.dladvise.probe]\nargs = ['--configured']\nenv = { WANTED = 'configured' }\n"
        f"interpreter = '{sys.executable}'\n"
    )
    folder = written(tmp_path, {"tells.py": TELLS, "pyproject.toml": config})
    dladvise("probe", "tells.py", cwd=folder, WANTED="no", VIRTUAL_ENV="/nowhere")
    assert told(folder)["argv"] == ["tells.py", "--configured"]
    assert told(folder)["env"]["WANTED"] == "configured"
    assert told(folder)["python"] == sys.executable
    dladvise("probe", "tells.py", "--", "--typed", cwd=folder)
    assert told(folder)["argv"] == ["tells.py", "--typed"]


def test_a_broken_configuration_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path, {"two.py": TWO, "dladvise.toml": "[probe]\nseconds = 0\n"})
    done = dladvise("probe", "two.py:3", cwd=folder)
    assert done.returncode == 2
    assert said(done) == ["dladvise: dladvise.toml:2: probe.seconds must be more than 0, not 0"]


def test_another_script_or_module_may_be_run(tmp_path: Path) -> None:
    folder = written(tmp_path, {"pkg/__init__.py": "", "pkg/tells.py": TELLS, "two.py": TWO})
    probe("two.py:3", "--script", "pkg/tells.py", cwd=folder)
    assert told(folder)["argv"] == ["pkg/tells.py"]
    probe("two.py:3", "-m", "pkg.tells", "--", "x", cwd=folder)
    assert Path(told(folder)["argv"][0]).name in ("pkg.tells", "tells.py")
    assert told(folder)["argv"][1:] == ["x"]
    assert told(folder)["name"] == "__main__"


def test_unsaved_text_runs_under_the_name_of_its_file(tmp_path: Path) -> None:
    folder = written(tmp_path, {"tells.py": "saved = 1\n"})
    unsaved = TELLS.replace("@", "unsaved")
    done = probe("-", "--stdin-filename", "tells.py", cwd=folder, stdin=unsaved)
    assert done.returncode == 1
    assert (told(folder)["file"], told(folder)["text"]) == ("tells.py", "unsaved")
    assert 'File "tells.py", line 9, in <module>' in said(done)[-4]
    assert said(done)[-3].strip() == 'raise ValueError("told")'


def test_an_interpreter_without_torch_is_told_in_one_line(tmp_path: Path) -> None:
    venv.create(tmp_path / ".venv", with_pip=False)
    folder = written(tmp_path, {"slow.py": SLOW})
    done = dladvise("probe", f"slow.py:{LINE}", cwd=folder, VIRTUAL_ENV="")
    python = tmp_path / ".venv" / "bin" / "python"
    assert said(done) == [
        f"dladvise: {python} (.venv in {tmp_path}) has no torch: name the project's interpreter "
        "with --interpreter"
    ]
    assert done.returncode == 2


# How it ends


@contextmanager
def started(folder: Path, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command while a script of it runs, and the script's process."""
    temporary = folder / "tmp"
    temporary.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "dladvise", "probe", "--interpreter", sys.executable, "hangs.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(TMPDIR=str(temporary), **environ),
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "pid").exists():
            assert time.monotonic() < deadline, "the script did not start"
            time.sleep(0.02)
        yield run, int((folder / "pid").read_text())
    finally:
        run.kill()
        run.communicate()


@pytest.mark.parametrize(
    ("signum", "status", "words"),
    [
        (signal.SIGINT, 130, b"dladvise: interrupted\n"),
        (signal.SIGTERM, 143, b""),
        (signal.SIGHUP, 129, b""),
    ],
)
def test_a_signal_ends_everything(signum: int, status: int, words: bytes, tmp_path: Path) -> None:
    with started(written(tmp_path, {"hangs.py": HANGS})) as (run, script):
        run.send_signal(signum)
        stdout, stderr = run.communicate(timeout=20)
        assert (run.returncode, stdout, stderr) == (status, b"", words)
        assert not is_running(script)
        assert not list((tmp_path / "tmp").iterdir()), "its temporary files are gone"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_too_little_time_is_no_success(tmp_path: Path) -> None:
    folder = written(tmp_path, {"hangs.py": HANGS})
    done = probe("hangs.py", "--reach-seconds", "0.7", cwd=folder)
    assert done.returncode == 3
    [line] = said(done)
    assert "within 0.7 s" in line
    assert "--reach-seconds" in line
    assert not done.stdout


def test_too_little_time_in_json_is_an_object_without_an_answer(tmp_path: Path) -> None:
    folder = written(tmp_path, {"hangs.py": HANGS})
    done = probe("hangs.py", "--reach-seconds", "0.7", "--json", cwd=folder)
    assert done.returncode == 3
    found = json.loads(done.stdout)
    assert found == {
        "target": {"path": "hangs.py", "line": 10},
        "curve": [],
        "reason": said(done)[0].removeprefix("dladvise: "),
    }


@pytest.mark.slow
def test_a_failing_dataset_shows_its_own_traceback(tmp_path: Path) -> None:
    broken = SLOW.replace("        time.sleep(0.003)\n", "        return {}[index]\n")
    done = probe(f"slow.py:{LINE}", "--json", cwd=written(tmp_path, {"slow.py": broken}))
    lines = said(done)
    assert done.returncode == 1
    assert not done.stdout
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2] == "KeyError: 0"
    assert lines[-1].startswith("dladvise: KeyError: 0")
    assert 'File "slow.py", line 12, in __getitem__' in done.stderr.decode()
    assert not re.search(r'File "[^"]*(inside|dladvise)/', done.stderr.decode())


# What is found


@pytest.mark.slow
def test_a_measurement_is_printed_and_written(tmp_path: Path) -> None:
    folder = written(tmp_path, {"slow.py": SLOW.replace("\n", "\r\n")})
    before = (folder / "slow.py").read_bytes()
    shown = probe(
        f"slow.py:{LINE + 1}", "--seconds", "15", "--max-workers", "4", "--diff", cwd=folder
    )
    assert shown.returncode == 0
    assert (folder / "slow.py").read_bytes() == before, "--diff writes nothing"
    done = probe(f"slow.py:{LINE}", "--seconds", "15", "--max-workers", "4", "--apply", cwd=folder)
    assert done.returncode == 0
    assert not done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"slow.py:{LINE}"
    # Between the two stands "prefetch" where more than one was worth a measurement.
    heading = lines[2].split()
    assert heading[0] == "workers" and "batches/s" in heading
    assert re.search(r"^ +0 .* now$", done.stdout.decode(), re.M)
    assert re.search(r"^ +\d+ .* recommended$", done.stdout.decode(), re.M)
    assert not re.search(rb"[\r\033]", done.stdout), "a pipe gets plain text"
    [count] = re.findall(r"^write +num_workers=(\d+)", done.stdout.decode(), re.M)
    assert int(count) > 1
    after = (folder / "slow.py").read_bytes()
    assert f"\r\n        batch_size=8,\r\n        num_workers={count},\r\n".encode() in after
    assert f"wrote slow.py:{LINE + 3}: num_workers={count}," in lines
    kept = [line for line in after.splitlines(True) if b"workers" not in line]
    # Where the machine has fewer cores than were recommended, the file says why they stand there.
    assert b"".join(kept).replace(b"  # dladvise: measured", b"") == before


@pytest.mark.slow
def test_json_is_one_object_and_a_function_may_be_the_target(tmp_path: Path) -> None:
    folder = written(tmp_path, {"slow.py": SLOW})
    for target in ("slow.py::make_loader", "slow:make_loader"):
        done = probe(target, "--json", "--seconds", "15", "--max-workers", "3", cwd=folder)
        assert done.returncode == 0, done.stderr.decode()
        found = json.loads(done.stdout)
        assert found["target"]["name"] == "make_loader"
        assert found["current"]["num_workers"] == 0
        assert found["recommended"]["num_workers"] == 3
        assert found["curve"][0]["num_workers"] == 0
        assert all(point["low"] <= point["batches_per_s"] for point in found["curve"])
        assert found["consumer"] is None
        assert b"training" not in done.stdout + done.stderr, "the script's own output stays away"


# What the script is like, its arguments, and why nothing is written into it.
NOT_WRITTEN = {
    "computed": (
        SLOW.replace("batch_size=8,\n", "batch_size=8, num_workers=int('0'),\n"),
        (),
        "num_workers is computed when the program runs (int('0') on line 24)",
    ),
    "given as an argument": (
        SLOW.replace("batch_size=8,\n", "batch_size=8, num_workers=args.workers,\n").replace(
            '    print("training")\n',
            "    import argparse\n"
            "    parser = argparse.ArgumentParser()\n"
            "    parser.add_argument('--workers', type=int, default=2)\n"
            "    args = parser.parse_args()\n"
            '    print("training")\n',
        ),
        ("--", "--workers", "0"),
        "num_workers is 2 in the text, but 0 when the program ran: the command line or other "
        "code gives it",
    ),
    "changed meanwhile": (
        SLOW.replace("import torch\n", "import torch; open(__file__, 'a').write('# more\\n')\n", 1),
        (),
        "slow.py was changed while it was measured",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_what_cannot_be_written_is_said_and_still_measured(case: str, tmp_path: Path) -> None:
    text, arguments, reason = NOT_WRITTEN[case]
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "loader = D" in one)
    folder = written(tmp_path, {"slow.py": text})
    options = ("--seconds", "15", "--max-workers", "2", "--apply", "--show-output")
    done = probe(f"slow.py:{line}", *options, *arguments, cwd=folder)
    assert done.returncode == 0
    assert "workers=2" not in (folder / "slow.py").read_text()
    lines = said(done)
    assert "training" in lines
    assert lines[-2] == f"dladvise: not written: {reason}"
    assert lines[-1].startswith("dladvise: write by hand: num_workers=2")


@pytest.mark.slow
def test_under_torchrun_one_rank_answers_for_all(tmp_path: Path) -> None:
    folder = written(tmp_path, {"slow.py": SLOW})
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "dladvise", "probe", f"slow.py:{LINE}", "--seconds", "15", "--json"]
    command += ["--max-workers", "2"]
    done = subprocess.run(
        [*run, *command], check=False, cwd=folder, capture_output=True, env=environment()
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["recommended"]["num_workers"] > 0


IN_STEP = """\
import os
import time

import torch
import torch.distributed as distributed
from torch.utils.data import DataLoader, TensorDataset

distributed.init_process_group("gloo")
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
loader = DataLoader(TensorDataset(torch.zeros(800, 4)))
if os.environ["RANK"] == "0":
    time.sleep(2)  # the other rank has begun its loop
for (batch,) in loader:
    time.sleep(0.05)
    model(batch).mean().backward()
"""


@pytest.mark.slow
def test_ranks_that_wait_for_each_other_are_left_at_the_same_step(tmp_path: Path) -> None:
    folder = written(tmp_path, {"train.py": IN_STEP})
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "dladvise", "probe", "train.py", "--seconds", "4", "--json"]
    command += ["--reach-seconds", "20"]
    done = subprocess.run(
        [*run, *command], check=False, cwd=folder, capture_output=True, env=environment()
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["consumer"]["step_s"] > 0.05


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo terminal")
def test_a_terminal_shows_what_is_tried(tmp_path: Path) -> None:
    import pty  # POSIX only

    folder = written(tmp_path, {"slow.py": SLOW})
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "dladvise", "probe", "--interpreter", sys.executable,
         f"slow.py:{LINE}", "--seconds", "3", "--json"],
        cwd=folder, stdout=subprocess.PIPE, stderr=theirs,
        env=environment(TERM="xterm", COLUMNS="100"),
    )  # fmt: skip
    os.close(theirs)
    drawn = b""
    while True:
        try:
            drawn += os.read(ours, 1 << 16)
        except OSError:  # Linux: nobody has the other end any more
            break
    os.close(ours)
    stdout, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    found = json.loads(stdout)
    text = drawn.decode()
    assert f"running slow.py up to line {LINE}" in text
    rows = [re.sub(r".*\r\033\[K", "", line).split() for line in text.split("\r\n")]
    assert rows[0][0] == "workers"
    assert {point["num_workers"] for point in found["curve"]} == {
        int(row[0]) for row in rows[1:] if row
    }
    assert text.endswith("\r\033[K"), "the status line is gone at the end"
    assert not re.search(r"\033\[\?", text)
