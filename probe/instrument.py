"""What is said between a search and what measures for it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from .inside.channel import Message
from .session import Peer


class Loader(NamedTuple):
    """The captured loader in plain values, as its own process describes it."""

    how: str
    dataset: str
    num_workers: int
    prefetch_factor: int | None
    persistent_workers: bool
    pin_memory: bool
    batch_size: int | None
    batches: int | None
    samples: int | None
    drop_last: bool
    start_method: str
    cuda: bool
    forks: bool
    torch: str
    python: str
    descriptors: int | None
    observed: dict[str, Any] | None


class Plan(NamedTuple):
    """A setting to measure."""

    num_workers: int
    prefetch_factor: int | None = None

    @property
    def shown(self) -> str:
        if self.prefetch_factor in (None, 2):
            return f"num_workers={self.num_workers}"
        return f"num_workers={self.num_workers}, prefetch_factor={self.prefetch_factor}"


class Pace(NamedTuple):
    """A consumer that takes so long for a batch, and so much of a processor."""

    step_s: float = 0.0
    cpu_s: float = 0.0


NO_PACE = Pace()


class Started(NamedTuple):
    """The first batch of a candidate, of the slowest rank.

    `fresh_memory_s` is how long its memory takes to come from the system.
    """

    first_batch_s: float
    batch_bytes: int
    batch_tensors: int
    fresh_memory_s: float
    repeats: bool


class Window(NamedTuple):
    """A stretch of steady state. Times in seconds, per batch where not said otherwise.

    `cycles_s` are the lengths of whole cycles of `cycle` batches. `cpu_s` is that of all
    processes, `main_cpu_s` that of the main one, `queued_s` the wait for a core of all
    threads; None where the system does not tell. `others_busy`, `idle` and `stolen` (by the
    host of a virtual machine) are cores.
    """

    n_batches: int
    elapsed_s: float  # in all
    cycle: int
    cycles_s: tuple[float, ...]
    batches_s: tuple[float, ...]
    main_cpu_s: float
    cpu_s: float | None
    queued_s: float | None
    asked_bytes: float | None
    disk_bytes: float | None
    others_busy: float | None
    idle: float | None
    stolen: float | None
    samples_per_batch: float | None
    memory_mb: float
    worker_mb: float
    settled: bool
    epoch_batches: int | None

    @property
    def rate(self) -> float:
        """Batches per second."""
        return self.n_batches / self.elapsed_s


class CannotRun(Exception):
    """This setting cannot be measured here, others can; the words say why."""


class OutOfTime(Exception):
    """A candidate did not answer in the time it had."""


class Candidate:
    """A loader that runs, or is paused, with one setting."""

    def __init__(self, plan: Plan, peers: list[Peer], launch: int = 0) -> None:
        self.plan = plan
        self.peers = peers
        self.launch = launch
        self.started: Started | None = None


class Instrument(Protocol):
    """What measures; the bench, or a simulation of one."""

    def start(self, plan: Plan, seconds: float) -> Candidate: ...

    def measure(
        self, candidate: Candidate, seconds: float, patience: float, pace: Pace = NO_PACE
    ) -> Window: ...

    def stop(self, candidate: Candidate) -> None: ...


def together(windows: list[Window]) -> Window:
    """The window of all ranks: the pace of the slowest, the mean of what they used."""
    slowest = min(windows, key=lambda window: window.rate)

    def mean(name: str) -> float | None:
        values = [getattr(window, name) for window in windows]
        return None if None in values else sum(values) / len(values)

    others, cpu_s, idle = mean("others_busy"), mean("cpu_s"), mean("idle")
    if others is not None and cpu_s is not None:  # the other ranks are not others
        others = max(0.0, others - (len(windows) - 1) * cpu_s * slowest.rate)
    return slowest._replace(
        cpu_s=mean("cpu_s"),
        queued_s=mean("queued_s"),
        asked_bytes=mean("asked_bytes"),
        disk_bytes=mean("disk_bytes"),
        others_busy=others,
        idle=None if idle is None else idle / len(windows),
        memory_mb=max(window.memory_mb for window in windows),
        worker_mb=max(window.worker_mb for window in windows),
        settled=all(window.settled for window in windows),
    )


def window_of(message: Message) -> Window:
    """A window by batch, from the totals that were counted."""
    n = message["n_batches"]
    used: dict[str, float] = message["used"] or {}

    def per_batch(name: str) -> float | None:
        return used[name] / n if used else None

    memory = message["private_mb"]
    return Window(
        n_batches=n,
        elapsed_s=message["elapsed_s"],
        cycle=message["cycle"],
        cycles_s=tuple(message["cycles_s"]),
        batches_s=tuple(message["batches_s"]),
        main_cpu_s=message["main_cpu_s"] / n,
        cpu_s=per_batch("cpu_s"),
        queued_s=per_batch("queued_s"),
        asked_bytes=per_batch("asked_bytes"),
        disk_bytes=per_batch("disk_bytes"),
        others_busy=message["others_busy"],
        idle=message["idle"],
        stolen=message["stolen"],
        samples_per_batch=message["samples_per_batch"],
        memory_mb=sum(memory),
        worker_mb=max(memory[1:], default=0.0),
        settled=message["settled"],
        epoch_batches=message["epoch_batches"],
    )
