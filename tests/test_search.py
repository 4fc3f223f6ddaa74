"""The search for the best setting, on invented machines whose best setting is known."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from dladvise.probe.instrument import (
    NO_PACE,
    Candidate,
    CannotRun,
    Loader,
    OutOfTime,
    Pace,
    Plan,
    Started,
    Window,
)
from dladvise.probe.law import Job, Law, held_up, makespan
from dladvise.probe.limits import Limit
from dladvise.probe.results import NotEnough, Point, Stage
from dladvise.probe.search import Search

LOADER = Loader(
    how="iteration",
    dataset="Costly",
    num_workers=0,
    prefetch_factor=None,
    persistent_workers=False,
    pin_memory=False,
    batch_size=16,
    batches=500,
    samples=8000,
    drop_last=False,
    start_method="fork",
    cuda=False,
    forks=True,
    torch="2.13.0",
    python="3.11.7",
    descriptors=1024,
    observed=None,
)


@dataclass
class Machine:
    """A loader on a machine, in seconds a batch; the clock is its own."""

    service_s: float
    cpu_s: float
    moving_s: float = 0.0005  # CPU of a worker and of the main process to hand a batch over
    main_s: float = 0.0003
    cores: float = 2.0
    start_s: float = 0.03
    noise: float = 0.01
    fails_from: int = 99
    stuck_from: int = 99
    slow_first: float = 1.0  # times as slow is the first process, in memory that nobody used yet
    fresh_memory_s: float = 0.0  # for a batch
    lateness: float = 0.0  # of the batches of workers that have no time to spare
    now: float = 0.0
    asked: list[Plan] = field(default_factory=list)
    paced: list[Plan] = field(default_factory=list)
    alive: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def rate(self, n_workers: int) -> float:
        """Batches per second, the law itself."""
        if not n_workers:
            return 1 / self.service_s
        cpu_s = self.cpu_s + self.moving_s + self.main_s
        return min(
            n_workers / (self.service_s + self.moving_s), self.cores / cpu_s, 1 / self.main_s
        )

    def job_s(self, n_workers: int, job: Job) -> float:
        return job.seconds(n_workers, self.rate(n_workers), self.start_s * n_workers, self.main_s)

    def start(self, plan: Plan, seconds: float) -> Candidate:
        self.asked.append(plan)
        if plan.num_workers >= self.fails_from:
            raise CannotRun(f"{plan.shown}: does not fit")
        if plan.num_workers >= self.stuck_from:
            self.now += seconds
            raise OutOfTime("no answer")
        self.alive += 1
        self.now += self.start_s * plan.num_workers + self.service_s
        candidate = Candidate(plan, [])
        candidate.started = Started(
            first_batch_s=self.start_s * plan.num_workers + self.service_s,
            batch_bytes=25_000_000,
            batch_tensors=2,
            fresh_memory_s=self.fresh_memory_s,
            repeats=False,
        )
        return candidate

    def measure(
        self, candidate: Candidate, seconds: float, patience: float, pace: Pace = NO_PACE
    ) -> Window:
        n = candidate.plan.num_workers
        rate = self.rate(n) * self.random.gauss(1, self.noise)
        if len(self.asked) == 1:
            rate /= self.slow_first
        if pace.step_s:
            self.paced.append(candidate.plan)
            period_s = pace.step_s + self.main_s
            late = rate * period_s < 1.2  # what is enough on average has no room for the late
            rate = min(rate, 1 / (period_s * (1 + self.lateness * late)))
        cycle = max(1, n)
        n_cycles = max(2, round(seconds * rate / cycle))
        cycles = [cycle / rate * self.random.gauss(1, self.noise) for _ in range(n_cycles)]
        self.now += 3 * n / rate + sum(cycles)
        return Window(
            n_batches=cycle * n_cycles,
            elapsed_s=sum(cycles),
            cycle=cycle,
            cycles_s=tuple(cycles),
            batches_s=tuple(cycles) if not n else (),
            main_cpu_s=self.main_s if n else self.cpu_s,
            cpu_s=self.cpu_s + (self.moving_s + self.main_s if n else 0),
            queued_s=0.0,
            asked_bytes=0.0,
            disk_bytes=0.0,
            others_busy=0.0,
            idle=max(0.0, self.cores - rate * (self.cpu_s + self.moving_s + self.main_s)),
            stolen=0.0,
            samples_per_batch=16.0,
            memory_mb=50.0 * (n + 1),
            worker_mb=50.0 if n else 0.0,
            settled=True,
            epoch_batches=None,
        )

    def stop(self, candidate: Candidate) -> None:
        self.alive -= 1


def searched(
    machine: Machine, job: Job, seconds: float = 15.0, most: int = 16, loader: Loader = LOADER
) -> tuple[Search, list[Stage | Point]]:
    told: list[Stage | Point] = []
    search = Search(
        bench=machine,
        loader=loader,
        job=job,
        cores=machine.cores,
        deadline=seconds,
        most=Limit(most, "cores"),
        limit_of=lambda candidate, window: Limit(most, "cores"),
        tell=told.append,
        clock=lambda: machine.now,
    )
    search.run()
    return search, told


JOB = Job(epochs=10, batches=500)
MACHINES = {
    "in memory": (Machine(0.0002, 0.0002, moving_s=0.001, main_s=0.0008), JOB),
    "two cores": (Machine(0.03, 0.03), JOB),
    "eight cores": (Machine(0.03, 0.03, cores=8), JOB),
    "latency": (Machine(0.08, 0.001), JOB),
    "half waiting": (Machine(0.06, 0.015), JOB),
    "many cores, some waiting": (Machine(0.05, 0.02, cores=6), JOB),
    "main process": (Machine(0.02, 0.002, main_s=0.01, moving_s=0.001), JOB),
    "large batches": (Machine(0.004, 0.004, moving_s=0.02, main_s=0.004), JOB),
    "slow start": (Machine(0.02, 0.02, start_s=1.5), Job(1, 60)),
    "two batches": (Machine(0.02, 0.02, start_s=0.2), Job(1, 2)),
    "slow consumer": (Machine(0.03, 0.002), Job(10, 500, step_s=0.02)),
    "one core": (Machine(0.03, 0.03, cores=1), JOB),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_choice_is_nearly_the_best_there_is(name: str) -> None:
    machine, job = MACHINES[name]
    search, _ = searched(machine, job)
    chosen = machine.job_s(search.choice().num_workers, job)
    best = min(machine.job_s(n, job) for n in range(17))
    assert chosen <= 1.05 * best, (search.choice(), sorted(search.tried))
    assert machine.now <= 16.0
    assert machine.alive == 0


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("n_workers", [1, 2, 4, 8])
def test_more_batches_in_advance_than_usual_are_there_already(name: str, n_workers: int) -> None:
    machine, job = MACHINES[name]
    machine = replace(machine, now=0.0, asked=[], random=random.Random(2))
    loader = LOADER._replace(num_workers=n_workers, prefetch_factor=4)
    search, _ = searched(machine, job, loader=loader)
    chosen = machine.job_s(search.choice().num_workers, job)
    assert chosen <= 1.06 * min(machine.job_s(n, job) for n in range(17))
    assert Plan(n_workers, 4) in search.tried


def test_what_was_measured_first_is_seen_twice_where_the_choice_is_near() -> None:
    machine = Machine(0.004, 0.004, moving_s=0.02, main_s=0.004, slow_first=6.0)
    search, _ = searched(machine, JOB)
    assert search.choice() == Plan(0)
    far = Machine(0.08, 0.001)
    searched(far, JOB)
    assert far.asked.count(Plan(0)) == 1


def test_a_plateau_is_entered_where_it_begins() -> None:
    machine = Machine(
        0.06, 0.015
    )  # four workers keep the cores busy half the time, eight all of it
    search, _ = searched(machine, JOB)
    assert 7 <= search.choice().num_workers <= 9


def test_no_worker_more_than_the_consumer_needs() -> None:
    machine = Machine(0.08, 0.001)
    search, _ = searched(machine, Job(10, 500, step_s=0.04))
    assert search.choice().num_workers in (2, 3)  # a batch every 40 ms, 80 ms each


def test_what_does_not_keep_pace_gets_a_worker_more() -> None:
    machine = Machine(0.08, 0.001, noise=0.001, lateness=0.1)
    search, _ = searched(machine, Job(10, 500, step_s=0.04))
    assert machine.paced == [Plan(2), Plan(3)]  # the first was late with a consumer of that pace
    assert search.choice() == Plan(3)


@pytest.mark.parametrize("step_s", [0.5, 2.0])
def test_a_consumer_that_is_slow_anyway_needs_one_worker(step_s: float) -> None:
    search, _ = searched(Machine(0.08, 0.08), Job(10, 500, step_s=step_s))
    assert search.choice().num_workers == 1


def test_a_consumer_takes_its_cores_from_the_workers() -> None:
    machine, job = Machine(0.03, 0.03, cores=4), Job(10, 500, step_s=0.01, step_cpu_s=0.02)
    search, _ = searched(machine, job)
    # a batch and its step need 51 ms of processor, so that four cores make 79 a second
    assert search.choice().num_workers == 3


def test_without_a_bound_the_limit_is_tried() -> None:
    search, _ = searched(Machine(0.5, 0.001), JOB, most=12)
    assert search.choice() == Plan(12)


def test_settings_that_cannot_be_run_are_left_out() -> None:
    search, _ = searched(Machine(0.08, 0.001, fails_from=5), JOB)
    assert 1 <= search.choice().num_workers <= 4
    assert any("does not fit" in words for words in search.failed.values())


def test_what_is_stuck_ends_the_search_in_time() -> None:
    machine = Machine(0.08, 0.001, stuck_from=4)
    search, _ = searched(machine, JOB, seconds=10)
    assert search.choice().num_workers in (0, 1)
    assert not search.in_time
    assert machine.now <= 12


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(NotEnough, match="no answer"):
        searched(Machine(0.08, 0.001, stuck_from=0), JOB)


def test_batches_of_seconds_are_measured_in_the_time() -> None:
    machine = Machine(1.5, 1.4, cores=4)
    search, _ = searched(machine, JOB)
    assert search.choice().num_workers >= 2
    assert machine.now <= 17


def test_every_setting_is_told_before_and_after() -> None:
    machine = Machine(0.03, 0.03)
    _, told = searched(machine, JOB)
    assert isinstance(told[0], Stage)
    assert "num_workers=0" in told[0].words
    points = [one for one in told if isinstance(one, Point)]
    assert [one.num_workers for one in points] == [plan.num_workers for plan in machine.asked]


def test_a_quiet_machine_needs_little() -> None:
    machine = Machine(0.03, 0.03, noise=0.003)
    searched(machine, JOB)
    assert machine.now < 8
    assert len(machine.asked) <= 6


def test_order_costs_what_uneven_batches_take() -> None:
    even, uneven = (0.01,) * 100, (0.002,) * 90 + (0.082,) * 10
    assert held_up(even, 4, 2) == pytest.approx(1.0, abs=0.02)
    assert held_up(uneven, 4, 2) > 1.2
    assert held_up(uneven, 4, 8) < held_up(uneven, 4, 2)  # batches further ahead help


def test_makespan_by_hand() -> None:
    # two workers, one batch ahead each: 3 waits for 1, which 0 holds up
    assert makespan([4.0, 1.0, 1.0, 1.0], 2, 1) == 5.0
    assert makespan([1.0] * 6, 3, 2) == 2.0
    assert makespan([2.0] * 4, 1, 2) == 8.0


def test_the_law_is_at_most_the_least_of_three() -> None:
    law = Law(service_s=0.1, cpu_s=0.02, main_s=0.005, cores=2)
    assert law.most(1) == law.rate(1) == pytest.approx(10)
    assert law.most(8) == pytest.approx(80)
    assert law.most(20) == pytest.approx(100)  # two cores
    assert Law(0.1, None, 0.02, 2).rate(20) == pytest.approx(50)  # the main process


def test_near_the_knee_workers_get_into_each_others_way() -> None:
    law = Law(service_s=0.1, cpu_s=0.02, main_s=0.0, cores=2)
    shares = [law.rate(n) / law.most(n) for n in range(1, 31)]
    assert shares[0] == pytest.approx(1)
    assert min(shares) == shares[9]  # ten workers could just keep two cores busy
    assert 0.8 < shares[9] < 0.9
    assert shares[29] > 0.999
    assert Law(0.1, 0.1, 0.0, 2).rate(2) == pytest.approx(20)  # who never waits has no luck


def test_workers_beside_each_other_by_chance() -> None:
    """What the law reckons is what workers do that wait and compute for random times."""
    n_workers, wait_s, work_s, cores = 5, 0.07, 0.03, 2
    dice = random.Random(3)
    wanting, done, now = 0, 0, 0.0
    while done < 40_000:
        finishing = min(wanting, cores) / work_s
        coming = (n_workers - wanting) / wait_s
        now += dice.expovariate(finishing + coming)
        if dice.random() * (finishing + coming) < finishing:
            wanting, done = wanting - 1, done + 1
        else:
            wanting += 1
    law = Law(service_s=wait_s + work_s, cpu_s=work_s, main_s=0.0, cores=cores)
    assert law.rate(n_workers) == pytest.approx(done / now, rel=0.02)
