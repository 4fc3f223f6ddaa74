"""From measurements to an answer, with the reason for it and how sure it is."""

from __future__ import annotations

import math

from .durations import duration
from .inside.machine import Machine
from .instrument import Loader, Plan
from .law import Job
from .request import Request
from .results import Consumer, Estimate, Point, Recommendation, Settings
from .search import BUSY, MARGIN, WORTH, Search

FULL = 0.85  # of what a bound allows: it is the bound
FROM_DISK = 0.3  # of what is read
FRESH = 1.15  # times as long: then it is told
LEAST_READ = 64_000  # bytes a batch


def consumer_of(loader: Loader) -> Consumer | None:
    """What was observed of the user's loop; None where it was not."""
    seen = loader.observed
    if not seen or not seen["steps_s"]:
        return None
    step_s = sum(seen["steps_s"]) / len(seen["steps_s"])
    wait_s = sum(seen["waits_s"]) / len(seen["waits_s"])
    return Consumer(step_s=step_s, wait_share=wait_s / (wait_s + step_s))


def job_of(request: Request, loader: Loader, consumer: Consumer | None) -> Job:
    """What the measured loader will have to do."""
    if consumer is None or loader.observed is None:
        return Job(request.epochs, loader.batches)
    cpu = loader.observed["steps_cpu_s"]
    return Job(request.epochs, loader.batches, consumer.step_s, sum(cpu) / len(cpu))


def recommend(
    request: Request,
    search: Search,
    consumer: Consumer | None,
    machine: Machine,
    pins: bool,
    elapsed_s: float,
) -> Recommendation:
    """The answer to everything that a search has measured."""
    return _Answer(request, search, consumer, machine, pins).recommendation(elapsed_s)


class _Answer:
    def __init__(
        self,
        request: Request,
        search: Search,
        consumer: Consumer | None,
        machine: Machine,
        pins: bool,
    ) -> None:
        self.request = request
        self.search = search
        self.job = search.job
        self.loader = search.loader
        self.consumer = consumer
        self.machine = machine
        self.pins = pins
        self.current = search.current
        self.choice = search.choice()
        self.keeps = self._keeps()
        if self.keeps:
            self.choice = self.current
        self.bound_by = self._bound_by()

    def recommendation(self, elapsed_s: float) -> Recommendation:
        doubts = self._doubts()
        return Recommendation(
            target=self.request.target,
            current=Settings(
                self.loader.num_workers,
                self.loader.prefetch_factor,
                self.loader.persistent_workers,
                self.loader.pin_memory,
            ),
            recommended=self._settings(),
            speedup=self._speedup(),
            curve=self._curve(),
            consumer=self.consumer,
            bound_by=self.bound_by,
            confidence=("high", "medium", "low")[min(2, len(doubts))],
            reason=self._reason(),
            warnings=tuple([*self._warnings(), *doubts]),
            machine=self.machine,
            elapsed_s=elapsed_s,
        )

    def _keeps(self) -> bool:
        """Reports whether the present setting is good enough to stay."""
        search = self.search
        if self.current not in search.usable():
            return False
        return search.current_job_s <= search.job_s(self.choice) * (1 + WORTH)

    def _settings(self) -> Settings:
        n = self.choice.num_workers
        if self.keeps:
            return Settings(
                n,
                self.loader.prefetch_factor,
                self.loader.persistent_workers,
                self.loader.pin_memory,
            )
        return Settings(
            num_workers=n,
            prefetch_factor=(self.choice.prefetch_factor or 2) if n else None,
            persistent_workers=n > 0 and (self._start_matters() or self.loader.persistent_workers),
            pin_memory=self.loader.pin_memory,
        )

    def _start_matters(self) -> bool:
        """Reports whether starting the workers in every epoch would cost 1 % of it."""
        if self.job.epochs < 2 or self.job.batches is None:
            return False
        tried = self.search.tried[self.choice]
        epoch_s = self.job.batches * max(1 / tried.rate, self.job.step_s)
        return tried.first_batch_s > 0.01 * epoch_s

    def _speedup(self) -> Estimate | None:
        """How many times faster the job is than with the present setting."""
        if self.current not in self.search.tried:
            return None
        if self.keeps:
            return Estimate(1.0, 1.0, 1.0)
        now, then = self.search.tried[self.current], self.search.tried[self.choice]
        value = self.search.current_job_s / self.search.job_s(self.choice)
        reach = min(0.9, 2 * math.hypot(now.error, then.error))
        return Estimate(value, value * (1 - reach), value * (1 + reach))

    def _curve(self) -> tuple[Point, ...]:
        ordered = sorted(
            self.search.tried.values(),
            key=lambda tried: (tried.plan.num_workers, tried.plan.prefetch_factor or 2),
        )
        return tuple(tried.point(self.search.epoch_s(tried.plan)) for tried in ordered)

    def _bound_by(self) -> str:
        search, law = self.search, self.search.law
        tried = search.tried[self.choice]
        n, rate = self.choice.num_workers, tried.rate
        alone = search.tried.get(Plan(0))
        if n and self.job.step_s and rate > 1.1 / (self.job.step_s + law.main_s):
            return "consumer"
        if n and n >= search.most.workers and search.most.by not in ("cores", "the command line"):
            return "memory"
        if not n:
            one = search.tried.get(Plan(1))
            made_s = 1 / tried.rate
            if one is not None and 1 / one.rate > 1.25 * made_s:
                return "transport"
            cpu = tried.mean("cpu_s")
            return "latency" if cpu is not None and cpu < 0.6 * made_s else "cpu"
        cpu_s, main_s = tried.mean("cpu_s"), tried.mean("main_cpu_s") or 0.0
        if rate * main_s >= FULL:
            return "main process"
        if cpu_s is not None and rate * (cpu_s + self.job.step_cpu_s) >= FULL * search.cores:
            if alone is not None and cpu_s > 2 * (alone.mean("cpu_s") or cpu_s):
                return "transport"
            return "cpu"
        return "latency"

    def _reason(self) -> str:
        parts = []
        speedup = self._speedup()
        if speedup is not None and not self.keeps:
            what = "speed of the training loop" if self.consumer else "throughput"
            parts.append(
                f"{speedup.value:.2g} times the {what} ({speedup.low:.2g} to {speedup.high:.2g})"
            )
            new_s = self.search.epoch_s(self.choice)
            if new_s is not None:
                old_s = self.search.current_job_s / self.job.epochs
                parts.append(f"{duration(new_s)} instead of {duration(old_s)} an epoch")
        sentence = self._head() + (": " + ", ".join(parts) if parts else "")
        joint = "; " if parts else ": "
        if self.consumer is not None and self.consumer.wait_share >= 0.05:
            sentence += f"{joint}the loop waits {self.consumer.wait_share:.0%} of its time for data"
            joint = "; "
        return f"{sentence}{joint}{self._because(self.choice.num_workers)}."

    def _head(self) -> str:
        """What to do."""
        if self.keeps:
            return f"Keep {self.current.shown}"
        if self.choice == self.current:
            return f"Keep {self.current.shown}, with persistent_workers=True"
        return f"Use {self.choice.shown} (now {self.current.shown.removeprefix('num_workers=')})"

    def _because(self, n: int) -> str:
        """What stops more workers, or fewer, from being better."""
        search = self.search
        alone, one = search.tried.get(Plan(0)), search.tried.get(Plan(1))
        cores = f"{search.cores:g} cores are" if search.cores != 1 else "one core is"
        fewer = search.choice().num_workers
        if self.keeps and 0 < fewer < n:
            return f"{fewer} would do as well, but nothing is faster"
        if any(plan.num_workers > n for plan in search.failed):
            return "settings with more workers could not be measured here"
        if self.bound_by == "transport" and not n and alone and one:
            return (
                f"a batch is made in {duration(1 / alone.rate)}, and through a worker it takes "
                f"{duration(1 / one.rate)}"
            )
        if not n:
            if self.consumer is not None and self.consumer.wait_share < 0.05:
                return f"the loop waits only {self.consumer.wait_share:.1%} of its time for data"
            return self._because_workers_do_not_pay()
        if self.bound_by == "consumer":
            return f"more workers buy nothing, because the step takes {duration(self.job.step_s)}"
        if self.bound_by == "memory":
            return f"more workers do not fit ({search.most.by})"
        if self.bound_by == "main process":
            main = search.tried[self.choice].mean("main_cpu_s") or 0.0
            return (
                f"more are no faster, because the main process needs {duration(main)} for a batch"
            )
        if self.bound_by == "transport":
            return "more are no faster, because moving batches between processes takes the cores"
        if self.bound_by == "cpu":
            return f"more are no faster, because the {cores} busy"
        if n >= search.most.workers:
            return (
                "the data is waited for more than worked on, and more workers were not tried"
                " (--max-workers)"
            )
        return "the data is waited for more than worked on, and more workers gain little"

    def _because_workers_do_not_pay(self) -> str:
        tried = [one for plan, one in self.search.tried.items() if plan.num_workers]
        if not tried:
            return "no setting with workers could be measured"
        fastest = max(one.rate for one in tried)
        alone = self.search.tried[Plan(0)].rate
        if self.job.batches is not None and fastest > alone * (1 + WORTH):
            epochs = "one epoch" if self.job.epochs == 1 else f"{self.job.epochs} epochs"
            return (
                f"workers make up to {fastest / alone:.2g} times as many batches, but to start "
                f"them takes longer than they save in {epochs} of {self.job.batches} batches"
            )
        return f"workers save less than {WORTH:.0%}"

    def _warnings(self) -> list[str]:
        search, loader = self.search, self.loader
        found = []
        if search.repeats:
            found.append(
                "every worker delivers the same batches: this IterableDataset does not divide its "
                "data by get_worker_info(), so that more workers only repeat it"
            )
        if loader.how == "end":
            found.append("the script ended without reading this loader; it was measured as it was")
        found += list(search.failed.values())
        if loader.pin_memory and not self.pins:
            found.append(
                "pinning was left out: the processes that measure are forked from one that uses "
                "CUDA (--fresh measures it)"
            )
        if search.most.by not in ("cores", "the command line"):
            found.append(f"{search.most.by} allows at most {search.most.workers} workers")
        found += self._cache()
        return found

    def _cache(self) -> list[str]:
        """Whether the data came from the disk or from memory."""
        shares = {}
        for plan, tried in self.search.tried.items():
            asked, disk = tried.mean("asked_bytes"), tried.mean("disk_bytes")
            if asked and disk is not None and asked >= LEAST_READ:
                shares[plan.num_workers] = min(1.0, disk / asked)
        if not shares or max(shares.values()) < FROM_DISK:
            return []
        if min(shares.values()) >= FROM_DISK:
            return ["the data came from the disk: an epoch from the page cache is faster"]
        cold = ", ".join(str(n) for n, share in sorted(shares.items()) if share >= FROM_DISK)
        return [
            f"num_workers={cold} read from the disk and the others from the page cache: run the "
            "measurement again, now that the data is in memory, or with data larger than it"
        ]

    def _doubts(self) -> list[str]:
        """What keeps the confidence from being high; two are enough to make it low."""
        search = self.search
        found = []
        busy = max(tried.others_busy for tried in search.tried.values())
        if busy > BUSY * search.cores:
            found.append(
                f"other programs kept {busy:.1f} of {search.cores:g} cores busy, which was "
                "reckoned out as far as possible: measure again on a quiet machine"
            )
        stolen = max(tried.stolen for tried in search.tried.values())
        if stolen > BUSY * search.cores:
            found.append(
                f"the host of this virtual machine kept up to {stolen:.1f} of {search.cores:g} "
                "cores for others: at another time it may be different"
            )
        chosen = search.tried[self.choice]
        if chosen.slower_if_fresh > FRESH:
            batch_mb = max(start.batch_bytes for start in chosen.starts) / 1e6
            found.append(
                f"an epoch may take up to {chosen.slower_if_fresh:.2g} times as long where malloc "
                f"does not keep the {batch_mb:.0f} MB of a batch for the next, which differs from "
                "run to run: larger MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ have it kept"
            )
        seen = self.loader.observed
        if seen is not None and not seen["settled"]:
            found.append(
                f"only {len(seen['steps_s'])} steps of the training loop were seen, the first "
                "among them: more --seconds let it run for longer"
            )
        if not search.in_time:
            found.append("the time was too short to measure all that may be better: --seconds")
        rivals = [plan for plan in search.usable() if plan != self.choice]
        regret = max((search.regret(self.choice, plan) for plan in rivals), default=0.0)
        if regret > MARGIN + WORTH:
            found.append(
                f"another setting may be up to {regret:.0%} faster, which could not be told in "
                "the time: --seconds"
            )
        if any(not w.settled for tried in search.tried.values() for w in tried.every):
            found.append("an epoch, or the time, was too short to see the steady state")
        return found
