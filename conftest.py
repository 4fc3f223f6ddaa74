"""Lays the checkout out as installed, and gives random tests their seed."""

from __future__ import annotations

import runpy
import signal
from pathlib import Path

import pytest

runpy.run_path(str(Path(__file__).parent / "tools" / "link.py"), run_name="__main__")
# Whoever starts the tests behind `&` has Ctrl-C ignored, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="for the tests that choose at random")


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed of the random tests: --seed {config.getoption('--seed')}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))
