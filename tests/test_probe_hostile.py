"""Loaders that misbehave: one clear line, the right status, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from dladvise.probe import NotEnough, ProbeError, UserCodeFailed, WrongUse
from dladvise.probe.results import NOT_ENOUGH, USER_CODE_FAILED

from .probing import measured

SCRIPT = """\
import ctypes
import os
import signal
import subprocess
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Samples(Dataset):
    length = 1000

    def __init__(self):
        self.kept = []

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        in_worker = get_worker_info() is not None
        {body}
        time.sleep(0.001)
        return torch.tensor([index])


class Stream(IterableDataset):
    def __iter__(self):
        {stream}


if __name__ == "__main__":
    loader = {loader}
    for batch in loader:
        pass
"""
MAP = "DataLoader(Samples(), batch_size=8, shuffle=True)"
STREAM = "DataLoader(Stream(), batch_size=4)"


def script(folder: Path, body: str = "pass", stream: str = "yield 1", loader: str = MAP) -> None:
    body = body.replace("\n", "\n        ")
    stream = stream.replace("\n", "\n        ")
    text = SCRIPT.format(body=body, stream=stream, loader=loader)
    (folder / "train.py").write_text(text, encoding="utf-8")


def failed(folder: Path, **fields: object) -> ProbeError:
    """The error that the measurement ends with; what is left behind is looked for."""
    with pytest.raises(ProbeError) as caught:
        measured("train.py", folder, observe=False, **fields)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_sample_that_raises_is_named(tmp_path: Path) -> None:
    script(tmp_path, "if index % 100 == 77: raise ValueError('bad sample')")
    error = failed(tmp_path)
    assert isinstance(error, UserCodeFailed)
    assert error.status == USER_CODE_FAILED
    assert str(error).startswith("ValueError: bad sample (sample ")
    assert int(str(error).split("(sample ")[1].split(",")[0]) % 100 == 77
    assert error.traceback.endswith("ValueError: bad sample")
    assert "train.py" in error.traceback
    assert "dladvise" not in error.traceback.replace(str(tmp_path), "")


def test_in_a_worker_too(tmp_path: Path) -> None:
    script(tmp_path, "if in_worker and index % 10 == 7: raise KeyError('only there')")
    words = str(failed(tmp_path))
    assert words.startswith("KeyError: 'only there' (sample ")
    assert "worker 0, with num_workers=1" in words


def test_spawned_workers_name_the_batch(tmp_path: Path) -> None:
    spawned = "DataLoader(Samples(), batch_size=4, num_workers=1, multiprocessing_context='spawn')"
    script(tmp_path, "if in_worker and index == 5: raise KeyError(index)", loader=spawned)
    words = str(failed(tmp_path, seconds=40))  # to start them may take long
    assert words.startswith("KeyError: 5 (in the batch of samples 4, 5, 6, 7, worker ")


def test_an_exception_that_cannot_be_sent(tmp_path: Path) -> None:
    body = "class Odd(Exception):\n    pass\nif in_worker: raise Odd(open(os.devnull))"
    script(tmp_path, body)
    words = str(failed(tmp_path))
    assert "Odd" in words and "worker 0" in words


def test_a_dataset_that_hangs(tmp_path: Path) -> None:
    script(tmp_path, "time.sleep(1000)")
    error = failed(tmp_path, seconds=2)
    assert error.status == NOT_ENOUGH
    assert str(error).startswith("num_workers=0: no answer in ")
    assert "train.py:23 in __getitem__" in str(error)


def test_workers_that_hang(tmp_path: Path) -> None:
    script(tmp_path, "if in_worker: time.sleep(1000)")
    answer = measured("train.py", tmp_path, observe=False, seconds=8)
    assert answer.recommended.num_workers == 0
    assert any(words.startswith("num_workers=1: no answer in") for words in answer.warnings)
    assert answer.confidence != "high"


def test_a_crash(tmp_path: Path) -> None:
    script(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    error = failed(tmp_path)
    assert error.status == USER_CODE_FAILED
    assert str(error) == "with num_workers=0 the process was killed by SIGSEGV"
    assert "in __getitem__" in getattr(error, "traceback", "")  # what faulthandler saw


def test_workers_that_crash(tmp_path: Path) -> None:
    # once the loader waits for them: torch has other words for a crash before that
    script(tmp_path, "if in_worker: time.sleep(1); ctypes.string_at(0)")
    answer = measured("train.py", tmp_path, observe=False, seconds=15)
    assert answer.recommended.num_workers == 0
    assert any("exited unexpectedly" in words for words in answer.warnings)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(5)", "SystemExit: 5 (sample "),
        ("os._exit(3)", "with num_workers=0 the process ended by itself with status 3"),
        ("os.closerange(0, 1024)", "does the dataset close file descriptors"),
    ],
)
def test_datasets_that_end_the_process(tmp_path: Path, body: str, words: str) -> None:
    script(tmp_path, body)
    error = failed(tmp_path)
    assert words in str(error)
    assert error.status == USER_CODE_FAILED


DAEMON = """\
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
    os._exit(0)"""


@pytest.mark.parametrize(
    "body", [DAEMON, "subprocess.Popen(['sleep', '600'], start_new_session=True)"]
)
def test_processes_that_a_dataset_starts_are_ended(tmp_path: Path, body: str) -> None:
    script(tmp_path, "if index % 20 == 0:\n    " + body.replace("\n", "\n    "))
    answer = measured("train.py", tmp_path, observe=False, seconds=4)
    assert answer.curve


def test_memory(tmp_path: Path) -> None:
    script(tmp_path, "self.kept.append(bytearray(50_000_000))")
    error = failed(tmp_path, max_memory_mb=1500, seconds=20)
    assert error.status == NOT_ENOUGH
    assert str(error) == "stopped: more than the allowed 1,500 MB of memory were taken"


def test_output_by_the_megabyte(tmp_path: Path) -> None:
    script(tmp_path, "print('x' * 1_000_000)")
    assert measured("train.py", tmp_path, observe=False, seconds=3).curve


def test_a_stream_without_end(tmp_path: Path) -> None:
    script(tmp_path, stream="while True:\n    time.sleep(0.002)\n    yield 1", loader=STREAM)
    answer = measured("train.py", tmp_path, observe=False)
    assert answer.curve[0].epoch_s is None
    assert answer.curve[0].samples_per_s == pytest.approx(450, rel=0.5)


def test_a_stream_that_every_worker_repeats(tmp_path: Path) -> None:
    endless = "for k in range(10**9):\n    time.sleep(0.002)\n    yield float(k)"
    script(tmp_path, stream=endless, loader=STREAM)
    answer = measured("train.py", tmp_path, observe=False)
    assert answer.recommended.num_workers <= 1
    assert any("every worker delivers the same batches" in words for words in answer.warnings)


def test_three_samples(tmp_path: Path) -> None:
    script(tmp_path, stream="yield from (1.0, 2.0, 3.0)", loader=STREAM)
    assert measured("train.py", tmp_path, observe=False).recommended.num_workers == 0


def test_less_than_a_batch(tmp_path: Path) -> None:
    short = "DataLoader(Samples(), batch_size=2000, drop_last=True)"
    script(tmp_path, loader=short)
    error = failed(tmp_path)
    assert error.status == NOT_ENOUGH
    assert "1000 samples do not fill one and drop_last leaves it out" in str(error)
    script(tmp_path, loader=short.replace(", drop_last=True", ""))
    assert measured("train.py", tmp_path, observe=False).curve


def test_no_samples(tmp_path: Path) -> None:
    script(tmp_path, stream="return iter(())", loader=STREAM)
    error = failed(tmp_path)
    assert isinstance(error, NotEnough)
    assert str(error) == "the loader yields no batch: Stream is empty"


def test_a_script_that_fails_by_itself(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import torch\n{}['no']\n")
    error = failed(tmp_path)
    assert isinstance(error, UserCodeFailed)
    assert str(error) == "KeyError: 'no'"
    assert error.traceback.splitlines()[1].endswith('train.py", line 2, in <module>')
    (tmp_path / "train.py").write_text("import sys\nsys.exit('please give --data')\n")
    assert str(failed(tmp_path)) == "SystemExit: please give --data"
    (tmp_path / "train.py").write_text("import os\nos._exit(4)\n")
    assert "ended by itself" in str(failed(tmp_path))


def test_a_sample_that_raises_in_the_observed_loop(tmp_path: Path) -> None:
    script(tmp_path, "if self.kept.append(index) or len(self.kept) > 90: raise ValueError('bad')")
    with pytest.raises(UserCodeFailed, match=r"^ValueError: bad \(sample \d+\)$"):
        measured("train.py", tmp_path)


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="there is no module nowhere in "):
        measured("nowhere:make", tmp_path, module="nowhere", script=None)
    (tmp_path / "here.py").write_text("import elsewhere\n")
    with pytest.raises(UserCodeFailed, match="No module named 'elsewhere'"):
        measured("here:make", tmp_path, module="here", script=None)
