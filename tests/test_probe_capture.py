"""Which loader is measured, and that the script runs as the user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dladvise.probe import NotEnough, UserCodeFailed, WrongUse

from .probing import WAITING, measured

LOOP = """
if __name__ == "__main__":
    for batch in loader:
        pass
    print("the end")
"""


def written(folder: Path, text: str, name: str = "train.py") -> Path:
    path = folder / name
    path.write_text(WAITING + text, encoding="utf-8")
    return path


def line_of(path: Path, words: str) -> int:
    """The first line with these words, from 1."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_the_script_runs_as_the_user_runs_it(tmp_path: Path) -> None:
    for name in ("server", "probe", "request", "agent", "channel", "machine"):
        (tmp_path / f"{name}.py").write_text("WHO = 'mine'\n")
    written(
        tmp_path,
        """
import os, pathlib
import server, probe, request, agent, channel, machine

assert {m.WHO for m in (server, probe, request, agent, channel, machine)} == {"mine"}
assert __name__ == "__main__" and __package__ is None
assert __file__ == str(pathlib.Path(sys.path[0], "train.py"))
assert sys.argv[1:] == ["--data", "d"]
assert os.environ["DLADVISE_PROBE"] == "1"
assert not any("inside" in entry for entry in sys.path)
loader = DataLoader(Waiting(), batch_size=8)
"""
        + LOOP,
    )
    answer = measured("train.py", tmp_path, args=("--data", "d"), observe=False, seconds=3)
    assert answer.current.num_workers == 0
    assert answer.recommended.num_workers > 1  # each sample waits for 2 ms


def test_a_loop_that_is_reached_is_observed(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
loader = DataLoader(Waiting(), batch_size=8, num_workers=1)
if __name__ == "__main__":
    for epoch in range(100):
        for batch in loader:
            time.sleep(0.004)
""",
    )
    answer = measured(f"train.py:{line_of(path, 'loader =')}", tmp_path)
    assert answer.consumer is not None
    assert 0.004 <= answer.consumer.step_s < 0.02
    assert 0.5 < answer.consumer.wait_share < 0.95  # waits 16 ms for a step of 4
    assert answer.current.num_workers == 1
    # a batch every 4 ms, of 16 ms each: four workers, or one or two more to keep pace
    assert 3 <= answer.recommended.num_workers <= 8


def test_the_nth_loader_of_a_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
loaders = []
for size in (2, 4, 8):
    loaders.append(DataLoader(Waiting(), batch_size=size))
for batch in loaders[0]:
    break
for batch in loaders[2]:
    pass
""",
    )
    line = line_of(path, "append")
    third = measured(f"train.py:{line}#3", tmp_path, observe=False, seconds=2)
    rows = third.curve[0]
    assert rows.samples_per_s == pytest.approx(8 * rows.batches_per_s.value, rel=0.01)
    with pytest.raises(NotEnough, match=rf"reached less often; constructed were train.py:{line}"):
        measured(f"train.py:{line}#4", tmp_path, seconds=2)


def test_a_loader_that_a_function_elsewhere_makes(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        WAITING + "\ndef make(size):\n    return DataLoader(Waiting(), batch_size=size)\n"
    )
    path = written(
        tmp_path, "\nfrom data import make\n\nother = make(2)\nloader = make(8)\n" + LOOP
    )
    line = line_of(path, "loader = ")
    answer = measured(f"train.py:{line}", tmp_path, observe=False, seconds=2)
    rows = answer.curve[0]
    assert rows.samples_per_s == pytest.approx(8 * rows.batches_per_s.value, rel=0.01)


def test_at_construction(tmp_path: Path) -> None:
    written(
        tmp_path,
        "\nloader = DataLoader(Waiting(), batch_size=8)\nopen('afterwards', 'w').close()\n" + LOOP,
    )
    answer = measured("train.py", tmp_path, construct=True, seconds=2)
    assert answer.consumer is None
    assert not (tmp_path / "afterwards").exists()


def test_functions(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
def make_loader():
    return DataLoader(Waiting(), batch_size=4)

def make_dataset():
    return Waiting()

def nothing():
    return 3
""",
    )
    for words, size in (("train.py::make_loader", 4), ("train.py::make_dataset", 16)):
        rows = measured(words, tmp_path, batch_size=16, seconds=2).curve[0]
        assert rows.samples_per_s == pytest.approx(size * rows.batches_per_s.value, rel=0.01)
    where = {"module": "train", "script": None}
    module = measured("train:make_loader", tmp_path, seconds=15, max_workers=4, **where)
    assert module.recommended.num_workers > 0
    with pytest.raises(WrongUse, match=r"nothing returned int, not a Dataset or a DataLoader"):
        measured("train.py::nothing", tmp_path)
    with pytest.raises(WrongUse, match="has no missing"):
        measured("train.py::missing", tmp_path)


def test_unsaved_text_runs_under_the_real_path(tmp_path: Path) -> None:
    path = written(tmp_path, "\nraise RuntimeError('as saved')\n")
    text = path.read_text().replace(
        "raise RuntimeError('as saved')",
        "assert __file__.endswith('train.py')\nloader = DataLoader(Waiting(), batch_size=8)" + LOOP,
    )
    answer = measured("train.py", tmp_path, text=text, observe=False, seconds=2)
    assert answer.current.num_workers == 0
    broken = text.replace("loader = DataLoader", "loader = Dataloader")
    with pytest.raises(UserCodeFailed) as failure:
        measured("train.py", tmp_path, text=broken)
    assert "loader = Dataloader(Waiting()" in failure.value.traceback  # the line as it is unsaved


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_datasets_of_the_script_reach_workers_however_they_start(
    tmp_path: Path, method: str
) -> None:
    written(
        tmp_path,
        f"""
if __name__ == "__main__":
    import multiprocessing
    multiprocessing.set_start_method({method!r})
    loader = DataLoader(Waiting(), batch_size=8)
    for batch in loader:
        pass
""",
    )
    answer = measured("train.py", tmp_path, observe=False, seconds=12)
    assert answer.machine.start_method == method
    assert len(answer.curve) >= 2, answer.warnings  # a setting with workers was measured


@pytest.mark.slow
def test_an_interpreter_for_each_setting(tmp_path: Path) -> None:
    written(tmp_path, "\nloader = DataLoader(Waiting(), batch_size=8)\n" + LOOP)
    answer = measured("train.py", tmp_path, fresh=True, observe=False, seconds=25)
    assert answer.recommended.num_workers > 1
    assert len(answer.curve) >= 3


def test_scripts_without_the_loader(tmp_path: Path) -> None:
    path = written(tmp_path, "\nother = DataLoader(Waiting())\nprint('no loader here')\n")
    with pytest.raises(NotEnough, match="no DataLoader was constructed there; constructed were"):
        measured(f"train.py:{line_of(path, 'print')}", tmp_path)
    path.write_text("print('nothing')\n")
    with pytest.raises(NotEnough, match="ended without constructing a DataLoader"):
        measured("train.py:1", tmp_path)


def test_a_loader_that_is_made_early_and_read_late(tmp_path: Path) -> None:
    path = written(tmp_path, "\nloader = DataLoader(Waiting(), batch_size=8)\ntime.sleep(60)\n")
    line = line_of(path, "loader =")
    answer = measured(f"train.py:{line}", tmp_path, reach_seconds=5, seconds=15, max_workers=4)
    assert answer.recommended.num_workers > 0


def test_a_script_that_is_too_slow(tmp_path: Path) -> None:
    path = written(tmp_path, "\ntime.sleep(60)\nloader = DataLoader(Waiting())\n")
    with pytest.raises(NotEnough, match=r"did not construct .* within 4 s; --reach-seconds"):
        measured(f"train.py:{line_of(path, 'loader =')}", tmp_path, reach_seconds=4)
