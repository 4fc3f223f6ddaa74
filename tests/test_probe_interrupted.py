"""Measurements that are ended from outside leave nothing behind."""

from __future__ import annotations

import mmap
import os
import random
import sys
import time
from pathlib import Path

import pytest

from benchmarks.interrupted import WAYS, interrupted
from dladvise.probe import guard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left(way: str) -> None:
    outcome = interrupted("latency", way, random.uniform(4.0, 7.0))
    assert outcome.good, outcome


def test_nothing_is_left_of_a_run_that_has_just_begun() -> None:
    for way in ("Ctrl-C", "kill dladvise"):
        outcome = interrupted("latency", way, 0.7)
        assert outcome.good, outcome


def test_only_what_nobody_uses_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SHM", tmp_path)
    begun = time.time()
    for name in ("torch_7_1_2", "torch_8_1_2", "psm_1", "sem.mp-left", "sem.mp-used", "sem.aB3dE6"):
        (tmp_path / name).write_bytes(b"0" * 32)
    for name in ("sem.of-somebody", "a_file"):
        (tmp_path / name).write_bytes(b"0" * 32)
    with (tmp_path / "sem.mp-used").open("r+b") as file, mmap.mmap(file.fileno(), 32):
        guard.remove_shm({7}, set(), begun + 60)  # all of them are older than that
        assert len(os.listdir(tmp_path)) == 8
        guard.remove_shm({7}, set(), begun)
    left = {"torch_8_1_2", "psm_1", "sem.mp-used", "sem.of-somebody", "a_file"}
    assert set(os.listdir(tmp_path)) == left
