"""What a measurement answers, and how it is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .inside.machine import Machine
from .request import Target

MEASURED, USER_CODE_FAILED, WRONG_USE, NOT_ENOUGH, INTERRUPTED = 0, 1, 2, 3, 130


class ProbeError(Exception):
    """A measurement that came to nothing; `status` is what the command exits with."""

    status = NOT_ENOUGH


class WrongUse(ProbeError):
    """The request names something that is not there."""

    status = WRONG_USE


class NotEnough(ProbeError):
    """Not enough could be measured in the time."""


class Cancelled(ProbeError):
    """The caller wanted no more of it."""

    status = INTERRUPTED


class UserCodeFailed(ProbeError):
    """The user's code failed: one line, and its own traceback (empty where there is none).

    `place` says which sample, batch and worker it was, as far as that is known.
    """

    status = USER_CODE_FAILED

    def __init__(self, summary: str, traceback: str = "", place: str = "") -> None:
        super().__init__(f"{summary} ({place})" if place else summary)
        self.traceback = traceback


class Settings(NamedTuple):
    """The arguments of a loader that are measured or recommended."""

    num_workers: int
    prefetch_factor: int | None = None
    persistent_workers: bool = False
    pin_memory: bool = False

    @property
    def effective(self) -> tuple[int, int, bool]:
        """What of the settings has an effect: without workers, nothing about them."""
        n = self.num_workers
        return n, (self.prefetch_factor or 2) if n else 2, self.persistent_workers and n > 0


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class Point(NamedTuple):
    """One measured setting. `epoch_s` is None where the length of an epoch is unknown.

    `first_batch_s` is from iter() to the first batch; `memory_mb` what all its processes
    have for themselves.
    """

    num_workers: int
    prefetch_factor: int | None
    batches_per_s: Estimate
    samples_per_s: float | None
    first_batch_s: float
    epoch_s: float | None
    memory_mb: float | None
    batches: int

    def json(self) -> Mapping[str, Any]:
        """As it stands in the curve that `dladvise probe --json` prints."""
        return _rounded(
            {
                "num_workers": self.num_workers,
                "prefetch_factor": self.prefetch_factor,
                "batches_per_s": self.batches_per_s.value,
                "low": self.batches_per_s.low,
                "high": self.batches_per_s.high,
                "samples_per_s": self.samples_per_s,
                "first_batch_s": self.first_batch_s,
                "epoch_s": self.epoch_s,
                "memory_mb": self.memory_mb,
                "batches": self.batches,
            }
        )


class Stage(NamedTuple):
    """What is being done now and why, in a few words: told while a measurement runs.

    A Point is told as well whenever a setting has been measured, again when it is
    measured better.
    """

    words: str


class Consumer(NamedTuple):
    """The user's loop as it was observed: one training step, and the share of waiting."""

    step_s: float
    wait_share: float


@dataclass(frozen=True)
class Recommendation:
    """The answer. `reason` is one sentence; `curve` is ordered by workers."""

    target: Target
    current: Settings
    recommended: Settings
    speedup: Estimate | None
    curve: tuple[Point, ...]
    consumer: Consumer | None
    bound_by: str
    confidence: str
    reason: str
    warnings: tuple[str, ...]
    machine: Machine
    elapsed_s: float

    @property
    def changes(self) -> bool:
        """Whether another setting than the present one is recommended."""
        return self.current.effective != self.recommended.effective

    @property
    def arguments(self) -> str:
        """What to write into the construction: `num_workers=4, persistent_workers=True`."""
        new, now = self.recommended, self.current
        words = f"num_workers={new.num_workers}"
        if not new.num_workers:
            beside = " (torch refuses prefetch_factor and persistent_workers beside it)"
            return words + beside if now.num_workers else words
        prefetch_factor = new.prefetch_factor or 2
        if prefetch_factor != 2 or now.prefetch_factor not in (None, 2):
            words += f", prefetch_factor={prefetch_factor}"
        if new.persistent_workers or now.persistent_workers:
            words += f", persistent_workers={new.persistent_workers}"
        return words

    def json(self) -> Mapping[str, Any]:
        """The object that `dladvise probe --json` prints."""
        machine = self.machine._asdict()
        del machine["gpu"]
        return {
            "target": target_json(self.target),
            "current": self.current._asdict(),
            "recommended": {
                "num_workers": self.recommended.num_workers,
                "prefetch_factor": self.recommended.prefetch_factor,
                "persistent_workers": self.recommended.persistent_workers,
            },
            "speedup": None if self.speedup is None else _rounded(self.speedup._asdict()),
            "curve": [point.json() for point in self.curve],
            "consumer": None if self.consumer is None else _rounded(self.consumer._asdict()),
            "bound_by": self.bound_by,
            "confidence": self.confidence,
            "reason": self.reason,
            "warnings": list(self.warnings),
            "machine": machine,
            "elapsed_s": round(self.elapsed_s, 1),
        }


def from_json(found: Mapping[str, Any]) -> Recommendation:
    """The recommendation that `json` wrote; whether there was a GPU is not kept."""
    place = found["target"]
    target = Target(Path(place["path"]), place.get("line"), name=place.get("name"))
    return Recommendation(
        target=target,
        current=Settings(**found["current"]),
        recommended=Settings(**found["recommended"]),
        speedup=None if found["speedup"] is None else Estimate(**found["speedup"]),
        curve=tuple(_point(row) for row in found["curve"]),
        consumer=None if found["consumer"] is None else Consumer(**found["consumer"]),
        bound_by=found["bound_by"],
        confidence=found["confidence"],
        reason=found["reason"],
        warnings=tuple(found["warnings"]),
        machine=Machine(**found["machine"], gpu=False),
        elapsed_s=found["elapsed_s"],
    )


def _point(row: Mapping[str, Any]) -> Point:
    fields = {name: row[name] for name in Point._fields if name != "batches_per_s"}
    return Point(**fields, batches_per_s=Estimate(row["batches_per_s"], row["low"], row["high"]))


def target_json(target: Target) -> Mapping[str, Any]:
    """A target as `dladvise probe --json` prints it."""
    fields = {"path": str(target.path or target.module), "line": target.line}
    return fields if target.name is None else {**fields, "name": target.name}


def _rounded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with floats of four significant digits."""
    return {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in fields.items()
    }
