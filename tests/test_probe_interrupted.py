"""Measurements that are ended from outside leave nothing behind."""

from __future__ import annotations

import random
import sys

import pytest

from benchmarks.interrupted import WAYS, interrupted

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
