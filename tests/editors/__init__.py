"""Editors that are driven by scripts. What fails in sessions.py is told as in a test."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.sessions")
