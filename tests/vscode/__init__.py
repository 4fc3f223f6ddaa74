"""A VS Code that is driven in a browser. What fails in here is told as in a test."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.workbench")
