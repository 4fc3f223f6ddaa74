"""Decides which settings are worth measuring, and when enough is known.

A few windows say almost everything: without workers (what a batch costs), with one (what
moving it costs), then where the law puts the knee and around it, as long as a setting can
still be the best. Contenders are measured again in fresh processes until they differ by
more than their errors or it makes no difference which is taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from .instrument import (
    NO_PACE,
    Candidate,
    CannotRun,
    Instrument,
    Loader,
    OutOfTime,
    Pace,
    Plan,
    Window,
)
from .law import Job, Law, held_up
from .limits import Limit
from .results import NotEnough, Point, Stage
from .tried import Tried

WINDOW_S = 0.6
MARGIN = 0.03  # settings whose whole job takes so much longer are as good as the best
WORTH = 0.05  # a change that saves less is not worth making
DOUBTFUL = MARGIN + WORTH  # what a choice may lose before it is looked at again
HOPE = 1.12  # the law may be so far off
LAW_ERROR = 0.04  # from one number of workers to another, where it fits
BUSY = 0.15  # of the cores taken by other programs: measured rates are too low
EFFICIENCY = 0.95  # of the bound by the cores is what workers reach
LATE_S = 1.0  # over the budget, for what is under way
FORK_S = 0.02  # to fork one worker
MOST_TURNS = 3  # of the contenders
MOST_WINDOWS = 3  # in one process
UNSURE = 2.5  # times as long a job may be measured as it is: memory that nobody used yet is slow
ROUGH = 0.06  # standard error of a rate that is worth a second look
ENOUGH_LEFT = 0.5  # of the time in which to measure, to spend some of it on a second look
AHEAD = (4, 8)  # values of prefetch_factor beside torch's 2


_Rate = Callable[[int, int], float]  # of so many workers with so many batches each in advance


def _by(rate_of: _Rate, plan: Plan) -> float:
    return rate_of(plan.num_workers, plan.prefetch_factor or 2)


class Likely(NamedTuple):
    """Batches per second, and their standard error relative to that."""

    rate: float
    error: float


@dataclass
class Search:
    """The search for one loader; `run` fills `tried`, by plan.

    `limit_of` says how many workers the machine can hold, given the first candidate
    with workers. Times by `clock`, in seconds; the budget ends at `deadline`.
    """

    bench: Instrument
    loader: Loader
    job: Job
    cores: float
    deadline: float
    most: Limit
    limit_of: Callable[[Candidate, Window], Limit]
    tell: Callable[[Stage | Point], None]
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.tried: dict[Plan, Tried] = {}
        self.periods_s: dict[Plan, float] = {}  # of a batch, with a consumer like the user's
        self.failed: dict[Plan, str] = {}  # settings that cannot be run, and why
        self.repeats = False  # the workers of a stream deliver the same batches
        self._law: Law | None = None  # unknown until there is something to learn it from
        self.budget_s = self._left()
        self.in_time = True  # nothing was left out for want of time

    def run(self) -> None:
        """Measure what is needed; NotEnough where not even one setting could be."""
        self._try(Plan(0), "without workers, for what a batch costs")
        alone = self.tried.get(Plan(0))
        if alone is None:
            raise NotEnough(self.failed.get(Plan(0), "no batch came"))
        if self._cost(1 / alone.rate, Plan(1)) < 0.35 * self._left():
            self._try(Plan(1), "one worker, for what moving a batch costs")
        self._learn()
        # what one worker cannot do, several cannot do either
        if self.most.workers >= 1 and Plan(1) not in self.failed:
            self._try(self._knee(), "where the law puts the knee")
            self._climb()
            self._prefetch()
        if self.current not in self.tried:
            self._try(self.current, "the present setting")
        self._settle()
        self._keep_pace()

    @property
    def law(self) -> Law:
        """What bounds this loader, once it was measured without workers."""
        assert self._law is not None, "nothing was measured yet"
        return self._law

    @property
    def current(self) -> Plan:
        """The setting that the loader has now."""
        prefetch = self.loader.prefetch_factor
        return Plan(self.loader.num_workers, None if prefetch in (None, 2) else prefetch)

    def job_s(self, plan: Plan, persistent: bool = True) -> float:
        """The measured time of the whole job with this setting."""
        tried = self.tried[plan]
        main_s = self._law.main_s if self._law is not None else 0.0
        rate = self.likely(plan).rate
        if plan in self.periods_s:  # seen with a consumer of that pace
            rate = min(rate, 1 / self.periods_s[plan])
        if plan.num_workers and self._law is not None and self.job.step_cpu_s:
            rate = min(rate, self._law.beside(self.job).cpu_rate)
        start_s = tried.first_batch_s
        return self.job.seconds(plan.num_workers, rate, start_s, main_s, persistent)

    def epoch_s(self, plan: Plan) -> float | None:
        """One epoch of the job, the start of the workers spread over all; None where unknown."""
        return None if self.job.batches is None else self.job_s(plan) / self.job.epochs

    @property
    def current_job_s(self) -> float:
        """The time of the whole job as the loader is now."""
        return self.job_s(self.current, self.loader.persistent_workers)

    def likely(self, plan: Plan) -> Likely:
        """The batches per second of a measured setting, as it and all others make likely.

        They scatter around the law by their errors and by its own: the surer a setting is
        measured, and the worse the law fits, the less does the law count.
        """
        measured = self.quiet_rate(plan)
        several = [one for one in self.tried if one.num_workers]
        if self._law is None or plan not in several:
            return Likely(measured, self.tried[plan].error)
        off = {one: math.log(self.quiet_rate(one) / _by(self._law.rate, one)) for one in several}
        noise = {one: self.tried[one].error ** 2 for one in several}
        weight = {one: 1 / (LAW_ERROR**2 + noise[one]) for one in several}
        total = sum(weight.values())
        center = sum(weight[one] * off[one] for one in several) / total
        spread = sum(weight[one] * ((off[one] - center) ** 2 - noise[one]) for one in several)
        misfit = max(LAW_ERROR**2, spread / total)
        share = noise[plan] / (misfit + noise[plan])  # of the law
        return Likely(measured * math.exp((center - off[plan]) * share), math.sqrt(misfit * share))

    def quiet_rate(self, plan: Plan) -> float:
        """The batches per second of a measured setting, as they are on a quiet machine.

        Where other programs took cores, the waiting for a core is left out and the
        bound of all cores put in its place.
        """
        tried = self.tried[plan]
        queued, cpu_s = tried.mean("queued_s"), tried.mean("cpu_s")
        if not queued or not cpu_s or tried.others_busy < BUSY * self.cores:
            return tried.rate
        n = max(1, plan.num_workers)
        made = max(n / tried.rate - queued, cpu_s)
        return max(tried.rate, min(n / made, EFFICIENCY * self.cores / cpu_s))

    def best(self) -> Plan:
        """The fastest setting for the job."""
        return min(self.usable(), key=self.job_s)

    def choice(self) -> Plan:
        """The setting with the fewest workers among those as good as the best.

        Half of its error is added to what it takes: one that is there by luck is not chosen.
        """
        best = self.best()
        enough = self.job_s(best) * (1 + MARGIN)
        as_good = (
            plan
            for plan in self.usable()
            if plan == best or self.job_s(plan) * (1 + self.likely(plan).error / 2) <= enough
        )
        return min(as_good, key=lambda plan: (plan.num_workers, plan.prefetch_factor or 2))

    def usable(self) -> list[Plan]:
        """The measured settings that may be recommended."""
        most = 1 if self.repeats else self.most.workers
        found = [plan for plan in self.tried if plan.num_workers <= most]
        return found or list(self.tried)

    def _try(self, plan: Plan, why: str, again: bool = False, pace: bool = False) -> bool:
        """Measure a setting in a fresh process; reports whether that was possible.

        With `pace` it is a consumer like the user's that takes the batches.
        """
        if plan in self.failed or (plan in self.tried and not (again or pace)):
            return False
        left = self._left()
        if left <= 0 or (self.tried and self._expected(plan) > left):
            self.in_time = False
            return False
        self.tell(Stage(f"{plan.shown}: {why}"))
        candidate = None
        try:
            candidate = self.bench.start(plan, left + LATE_S)
            consumer = Pace(self.job.step_s, self.job.step_cpu_s) if pace else NO_PACE
            seconds = min(WINDOW_S, 0.3 * left)
            window = self.bench.measure(candidate, seconds, self._left() + LATE_S, consumer)
            windows = [window]
            while not (again or pace) and self._is_rough(plan, windows):
                patience = self._left() + LATE_S
                windows.append(self.bench.measure(candidate, seconds, patience, consumer))
        except OutOfTime as error:
            self.failed[plan] = f"{plan.shown}: {error}"
            self.in_time = False
            return False
        except CannotRun as error:
            self.failed[plan] = str(error)
            return False
        finally:
            if candidate is not None:
                self.bench.stop(candidate)
        if pace:
            self.periods_s[plan] = window.elapsed_s / window.n_batches
        else:
            self._note(plan, candidate, windows)
        return True

    def _is_rough(self, plan: Plan, windows: list[Window]) -> bool:
        """Reports whether looking longer is worth it: much noise, time, and a short look.

        Only at what is faster than all before it: what may be the best is seen once more anyway.
        """
        seen = Tried(plan, windows=[windows])
        quick = windows[-1].elapsed_s < 2 * WINDOW_S
        promising = all(seen.rate > tried.rate for tried in self.tried.values())
        return (
            seen.error > ROUGH
            and quick
            and promising
            and len(windows) < MOST_WINDOWS
            and self._left() > ENOUGH_LEFT * self.budget_s
        )

    def _note(self, plan: Plan, candidate: Candidate, windows: list[Window]) -> None:
        started = candidate.started
        assert started is not None
        tried = self.tried.setdefault(plan, Tried(plan))
        tried.starts.append(started)
        tried.windows.append(windows)
        window = windows[-1]
        self.repeats |= started.repeats
        if plan.num_workers:
            self.most = min(self.most, self.limit_of(candidate, window))
        if window.epoch_batches is not None and self.job.batches is None:
            workers = plan.num_workers if self.repeats else 1
            self.job = replace(self.job, batches=window.epoch_batches // max(1, workers))
        self.tell(tried.point(self.epoch_s(plan)))

    def _learn(self) -> None:
        """The law, from the settings measured so far."""
        alone = self.tried[Plan(0)]
        queued = alone.mean("queued_s") or 0.0
        service = max(1 / alone.rate - queued, alone.mean("cpu_s") or 0.0, 1e-7)
        cpu = alone.mean("cpu_s")
        main = 0.0
        one = self.tried.get(Plan(1))
        if one is not None:
            main = one.mean("main_cpu_s") or 0.0
            cpu = one.mean("cpu_s") or cpu
            busy = one.mean("queued_s") or 0.0
            service = max(service, 1 / one.rate - busy)
        trace = tuple(time_s for window in alone.every for time_s in window.batches_s)
        self._law = Law(service, cpu, main, self.cores, trace)

    def _predicted(self, plan: Plan, rate_of: _Rate | None = None) -> float:
        """The time of the job that the law gives a setting, corrected by its neighbour."""
        law = self.law
        rate_of = rate_of or law.rate
        rate = _by(rate_of, plan)
        measured = [p for p in self.tried if p.num_workers > 1]
        if measured:
            near = min(measured, key=lambda p: abs(math.log(p.num_workers / plan.num_workers)))
            rate *= self.likely(near).rate / _by(rate_of, near)
        if self.job.step_cpu_s:
            rate = min(rate, law.beside(self.job).cpu_rate)
        return self.job.seconds(plan.num_workers, rate, self._start_s(plan), law.main_s)

    def _start_s(self, plan: Plan) -> float:
        """When the first batch of a setting will come, after those that were started."""
        known = [t for p, t in self.tried.items() if p.num_workers]
        if not known:
            return 0.0
        near = min(known, key=lambda t: abs(t.plan.num_workers - plan.num_workers))
        each_s = FORK_S
        if self.loader.start_method != "fork" and self._law is not None:
            # an interpreter for every worker, which all the cores start together
            start_s = near.first_batch_s - self._law.service_s
            each_s = start_s / near.plan.num_workers / self.cores
        return max(0.0, near.first_batch_s + each_s * (plan.num_workers - near.plan.num_workers))

    def _knee(self) -> Plan:
        """The fewest workers with which the law gives the job nearly its best time."""
        plans = [Plan(n) for n in range(1, self.most.workers + 1)]
        times = {plan: self._predicted(plan) for plan in plans}
        enough = min(times.values()) * (1 + MARGIN / 2)
        return next(plan for plan in plans if times[plan] <= enough)

    def _settle(self) -> None:
        """See the choice twice, and its rivals where that leaves a doubt; climb on from there.

        What was measured first, without workers, is seen twice too, unless it is far behind.
        """
        while True:
            n_tried = len(self.tried)
            choice = self.choice()
            for plan in dict.fromkeys((choice, Plan(0))):
                near = self.job_s(plan) < UNSURE * self.job_s(choice)
                if near and len(self.tried[plan].windows) < 2:
                    self._try(plan, "once more in a fresh process, to be sure", again=True)
            self._race()
            if self.most.workers >= 1 and Plan(1) not in self.failed:
                self._climb()
            if len(self.tried) == n_tried:
                return

    def _climb(self) -> None:
        """Measure around the best with workers, as long as a setting can still beat the best."""
        while True:
            best = self.best()
            busy = [plan for plan in self.usable() if plan.num_workers]
            n = min(busy, key=self.job_s).num_workers if busy else 1
            near = [n // 2, n - max(1, n // 4), n + max(1, n // 2), 2 * n]
            plans = [
                Plan(m)
                for m in near
                if 1 <= m <= self.most.workers
                and Plan(m) not in self.tried
                and Plan(m) not in self.failed
            ]
            plans = [plan for plan in plans if self._hopeful(plan, best)]
            if not plans:
                return
            chosen = min(plans, key=self._predicted)
            why = "fewer may do" if chosen.num_workers < best.num_workers else "more may pay"
            if not self._try(chosen, why) and chosen not in self.failed:
                return

    def _hopeful(self, plan: Plan, best: Plan) -> bool:
        """Reports whether measuring a setting can change the answer."""
        goal = self.job_s(best)
        if plan.num_workers < best.num_workers:
            # as good as the best with fewer workers, or better
            return self._predicted(plan, self.law.most) <= goal * (1 + MARGIN + self._doubt())
        law = self.law
        ceiling = HOPE * _by(law.most, plan)
        most = min(ceiling, self._cores_ceiling(best), self._seen_ceiling(plan))
        promise = self.job.seconds(plan.num_workers, most, self._start_s(plan), law.main_s)
        return promise < goal * (1 - MARGIN)  # else the fewer workers are taken anyway

    def _cores_ceiling(self, plan: Plan) -> float:
        """The batches a second that all cores can make at what they cost with this setting.

        They are those that it kept busy, and those that had nothing to do meanwhile; all of
        them where other programs took some, which may be gone later.
        """
        tried = self.tried[plan]
        cpu_s, idle = tried.mean("cpu_s"), tried.mean("idle")
        if not cpu_s or not plan.num_workers:
            return math.inf
        if idle is None or tried.others_busy >= BUSY * self.cores:
            return self.cores / cpu_s
        return min(self.cores, cpu_s * tried.rate + idle) / cpu_s

    def _seen_ceiling(self, plan: Plan) -> float:
        """What the best measured with fewer workers leaves to hope for.

        More workers scale at most as the last ones did when workers were added.
        """
        fewer: dict[int, Tried] = {}  # the fastest with each number of workers
        for tried in sorted(self.tried.values(), key=lambda one: one.rate):
            if 0 < tried.plan.num_workers < plan.num_workers:
                fewer[tried.plan.num_workers] = tried
        if not fewer:
            return math.inf
        *others, most = sorted(fewer)
        last = fewer[most]
        grown = plan.num_workers / last.plan.num_workers
        if others:
            before = fewer[others[-1]]
            gain = math.log(last.rate * (1 + last.error) / before.rate)
            added = math.log(last.plan.num_workers / before.plan.num_workers)
            grown **= min(1.0, max(0.0, gain / added) + 0.1)
        return last.rate * grown * (1 + last.error)

    def _prefetch(self) -> None:
        """Batches that vary a lot may need more of them in advance."""
        best = self.best()
        law = self.law
        if best.num_workers < 2 or best.prefetch_factor is not None:
            return
        n = best.num_workers
        gains = {prefetch: law.rate(n, prefetch) / law.rate(n) for prefetch in AHEAD}
        least = min(p for p, gain in gains.items() if gain >= max(gains.values()) - MARGIN / 2)
        if gains[least] > 1 + WORTH:
            slowed = held_up(law.trace, n, 2) - 1
            self._try(Plan(n, least), f"slow batches hold up the others by {slowed:.0%}")

    def _race(self) -> None:
        """Measure the contenders again, in turn, while the choice may be a bad one."""
        for turn in range(MOST_TURNS):
            choice, best = self.choice(), self.best()
            rivals = [
                plan
                for plan in self.usable()
                if plan != choice and self.regret(choice, plan) > DOUBTFUL
            ]
            if not rivals:
                return
            rivals.sort(key=self.job_s)
            contenders = list(dict.fromkeys([choice, best, *rivals[:2]]))
            least = min(len(self.tried[plan].windows) for plan in contenders)
            contenders = [p for p in contenders if len(self.tried[p].windows) <= least + 1]
            for plan in contenders if turn % 2 else reversed(contenders):
                if not self._try(plan, "once more in fresh processes, to be sure", again=True):
                    return

    def _keep_pace(self) -> None:
        """See whether the choice keeps up with a consumer like the one observed; raise it if not.

        What is enough on average is not where single batches are late.
        """
        job, law = self.job, self.law
        while job.step_s:
            choice = self.choice()
            wanted_s = job.step_s + law.main_s
            if not choice.num_workers or choice in self.periods_s:
                return
            if self.quiet_rate(choice) < 0.9 / wanted_s:
                return  # it is behind the consumer anyway, and the best there is
            self._try(choice, "with the pace of the training loop", pace=True)
            if self.periods_s.get(choice, 0.0) <= wanted_s * (1 + MARGIN):
                return
            more = Plan(choice.num_workers + max(1, choice.num_workers // 4))
            if more.num_workers > self.most.workers:
                return
            self._try(more, "the last one did not keep pace")

    def regret(self, choice: Plan, rival: Plan) -> float:
        """How much longer the choice may take than the rival, as far as the errors allow.

        Where the choice keeps the cores busy, not by more than they have left.
        """
        ours, theirs = self.tried[choice], self.tried[rival]
        doubt = 1.5 * math.hypot(ours.error, theirs.error)
        possible = self.job_s(choice) / self.job_s(rival) * (1 + doubt) - 1
        left = self._cores_ceiling(choice) / self.quiet_rate(choice) - 1
        return possible if rival.num_workers < choice.num_workers else min(possible, max(left, 0.0))

    def _doubt(self) -> float:
        return max((tried.error for tried in self.tried.values()), default=0.1)

    def _expected(self, plan: Plan) -> float:
        """The seconds that a setting will cost."""
        if plan in self.tried:
            return self._cost(1 / self.tried[plan].rate, plan)
        alone = self.tried.get(Plan(0))
        return 0.0 if alone is None else self._cost(1 / alone.rate, plan)

    def _cost(self, batch_s: float, plan: Plan) -> float:
        """Start, backlog and at least two cycles, when a batch takes so long on a worker."""
        n = plan.num_workers
        if not n:
            return 3 * batch_s + 0.1
        rate = (
            1 / batch_s if plan in self.tried else self._law.rate(n) if self._law else n / batch_s
        )
        window = max(WINDOW_S, 2 * n / rate)
        return self._start_s(plan) + 3 * n / rate + window + 0.1 + FORK_S * n

    def _left(self) -> float:
        return self.deadline - self.clock()
