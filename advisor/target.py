"""The machine and the versions that the code is meant for."""

from __future__ import annotations

from dataclasses import dataclass

# Since 3.14 the default start method on Linux pickles (docs.python.org, multiprocessing).
FORKSERVER_PYTHON = (3, 14)


@dataclass(frozen=True)
class Target:
    """What is known of where the code runs; None where nothing was said.

    `cores` is what one process may use there, and `cores_from` the words for where
    that number comes from ("target.cores in pyproject.toml", "CPU affinity").
    `torch` and `python` are (major, minor).
    """

    cores: int | None = None
    cores_from: str = ""
    python: tuple[int, int] | None = None
    torch: tuple[int, int] | None = None
    platforms: frozenset[str] = frozenset({"linux"})
    start_method: str | None = None
    gpu: bool | None = None

    def torch_at_least(self, major: int, minor: int) -> bool:
        """Reports whether torch is at least that; an unstated version is a current one."""
        return self.torch is None or self.torch >= (major, minor)

    @property
    def pickling_reason(self) -> str | None:
        """Why workers receive a pickled copy there; None where they are forked."""
        if self.start_method == "fork":
            return None
        if self.start_method in ("spawn", "forkserver"):
            return f"the start method is {self.start_method}"
        if "windows" in self.platforms:
            return "Windows starts workers by spawn"
        if "macos" in self.platforms:
            return "macOS starts workers by spawn"
        if self.python is not None and self.python >= FORKSERVER_PYTHON:
            return "Python 3.14 starts workers by forkserver"
        return None
