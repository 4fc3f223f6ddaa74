"""What was measured of one setting, and how sure that is."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from .instrument import Plan, Started, Window
from .results import Estimate, Point

SINGLE_ERROR = 0.02  # instances of one setting differ by more than one of them shows
LEAST_ERROR = 0.004
N_GROUPS = 10


@dataclass
class Tried:
    """All instances of a setting that were started, with their windows."""

    plan: Plan
    starts: list[Started] = field(default_factory=list)
    windows: list[list[Window]] = field(default_factory=list)  # by instance

    @property
    def every(self) -> list[Window]:
        return [window for instance in self.windows for window in instance]

    @property
    def rate(self) -> float:
        """Batches per second over everything that was measured.

        From three instances on the median of theirs: one that was lucky, or was disturbed,
        counts no more than the others.
        """
        if len(self.windows) > 2:
            return statistics.median(self._rates)
        return _rate(self.every)

    @property
    def _rates(self) -> list[float]:
        return [_rate(windows) for windows in self.windows]

    @property
    def error(self) -> float:
        """The standard error of the rate, relative to it: the larger of two.

        From the means of groups of cycles, and from the differences between instances.
        """
        between = SINGLE_ERROR
        rates = self._rates
        if len(rates) > 1:
            between = statistics.stdev(rates) / statistics.mean(rates) / math.sqrt(len(rates))
        return max(self._within(), between, LEAST_ERROR)

    def _within(self) -> float:
        cycles = [cycle for window in self.every for cycle in window.cycles_s]
        size = max(1, len(cycles) // N_GROUPS)
        # neighbouring cycles are alike, groups of them less so
        groups = [
            statistics.fmean(cycles[at : at + size])
            for at in range(0, len(cycles) - size + 1, size)
        ]
        if len(groups) < 3:
            return 0.1
        return statistics.stdev(groups) / statistics.fmean(groups) / math.sqrt(len(groups))

    @property
    def interval(self) -> Estimate:
        """The rate with its 95 % interval."""
        reach = min(0.9, 2 * self.error)
        return Estimate(self.rate, self.rate * (1 - reach), self.rate * (1 + reach))

    @property
    def first_batch_s(self) -> float:
        return statistics.median(start.first_batch_s for start in self.starts)

    @property
    def slower_if_fresh(self) -> float:
        """How many times longer a batch takes if all of its memory comes from the system anew.

        Without workers that is chance: malloc keeps large blocks or gives them back as they
        happen to lie (M_TRIM_THRESHOLD, mallopt(3)). Workers send in fresh memory anyway.
        """
        if self.plan.num_workers:
            return 1.0
        return 1 + self.rate * statistics.median(start.fresh_memory_s for start in self.starts)

    def mean(self, name: str) -> float | None:
        """A quantity per batch over all windows; None where a window lacks it."""
        total = n = 0.0
        for window in self.every:
            value = getattr(window, name)
            if value is None:
                return None
            total += value * window.n_batches
            n += window.n_batches
        return total / n if n else None

    @property
    def others_busy(self) -> float:
        """The cores that other programs kept busy at most."""
        return max((w.others_busy or 0.0 for w in self.every), default=0.0)

    @property
    def stolen(self) -> float:
        """The cores that the host of a virtual machine kept for others, on average."""
        return self.mean("stolen") or 0.0

    def point(self, epoch_s: float | None) -> Point:
        """What the curve shows."""
        samples = self.mean("samples_per_batch")
        memory = max(window.memory_mb for window in self.every)
        return Point(
            num_workers=self.plan.num_workers,
            prefetch_factor=(self.plan.prefetch_factor or 2) if self.plan.num_workers else None,
            batches_per_s=self.interval,
            samples_per_s=None if samples is None else samples * self.rate,
            first_batch_s=self.first_batch_s,
            epoch_s=epoch_s,
            memory_mb=memory or None,
            batches=sum(window.n_batches for window in self.every),
        )


def _rate(windows: list[Window]) -> float:
    return sum(w.n_batches for w in windows) / sum(w.elapsed_s for w in windows)
