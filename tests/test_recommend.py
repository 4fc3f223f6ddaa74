"""From invented measurements to the words of the answer."""

from __future__ import annotations

import json
import re

import pytest

from dladvise.probe import Consumer, Recommendation, Request, target
from dladvise.probe.durations import duration
from dladvise.probe.inside.machine import machine as machine_facts
from dladvise.probe.instrument import Loader, Window
from dladvise.probe.law import Job
from dladvise.probe.recommend import consumer_of, recommend

from .test_search import JOB, LOADER, Machine, searched

CONTRACT = {
    "target": {"path", "line"},
    "current": {"num_workers", "prefetch_factor", "persistent_workers", "pin_memory"},
    "recommended": {"num_workers", "prefetch_factor", "persistent_workers"},
    "speedup": {"value", "low", "high"},
    "consumer": {"step_s", "wait_share"},
    "machine": {
        "usable_cores",
        "cores_from",
        "memory_mb",
        "shm_mb",
        "start_method",
        "torch",
        "python",
    },
}
POINT = {
    "num_workers",
    "prefetch_factor",
    "batches_per_s",
    "low",
    "high",
    "samples_per_s",
    "first_batch_s",
    "epoch_s",
    "memory_mb",
    "batches",
}
REST = {"curve", "bound_by", "confidence", "reason", "warnings", "elapsed_s"}


def answer(
    machine: Machine,
    job: Job = JOB,
    consumer: Consumer | None = None,
    loader: Loader = LOADER,
    seconds: float = 15.0,
) -> Recommendation:
    search, _ = searched(machine, job, loader=loader, seconds=seconds)
    request = Request(target=target("train.py:42"), interpreter="python", epochs=job.epochs)
    return recommend(request, search, consumer, machine_facts(), True, machine.now)


def with_workers(n: int, persistent: bool = True) -> Loader:
    return LOADER._replace(num_workers=n, prefetch_factor=2, persistent_workers=persistent)


def test_the_object_is_as_promised() -> None:
    found = answer(Machine(0.03, 0.002), Job(10, 500, 0.02), Consumer(0.02, 0.6)).json()
    assert json.loads(json.dumps(found)) == found
    assert found.keys() == CONTRACT.keys() | REST
    for name, keys in CONTRACT.items():
        assert found[name].keys() == keys
    assert all(point.keys() == POINT for point in found["curve"])
    assert [point["num_workers"] for point in found["curve"]] == sorted(
        point["num_workers"] for point in found["curve"]
    )
    assert answer(Machine(0.03, 0.03)).json()["consumer"] is None


@pytest.mark.parametrize(
    ("machine", "job", "bound", "words"),
    [
        (Machine(0.0002, 0.0002, 0.001, 0.0008), JOB, "transport", "through a worker it takes 1."),
        (Machine(0.03, 0.03), JOB, "cpu", "more are no faster, because the 2 cores are busy"),
        (Machine(0.03, 0.03, cores=1), JOB, "cpu", "workers save less than 5%"),
        (Machine(0.08, 0.001), JOB, "latency", "the data is waited for more than worked on"),
        (
            Machine(0.02, 0.002, 0.001, 0.01),
            JOB,
            "main process",
            "the main process needs 10 ms for a batch",
        ),
        (
            Machine(0.03, 0.002),
            Job(10, 500, 0.02),
            "consumer",
            "more workers buy nothing, because the step takes 20 ms",
        ),
        (
            Machine(0.02, 0.02, start_s=1.5),
            Job(1, 60),
            "cpu",
            "to start them takes longer than they save in one epoch of 60 batches",
        ),
    ],
)
def test_what_bounds_it_and_why(machine: Machine, job: Job, bound: str, words: str) -> None:
    consumer = Consumer(job.step_s, 0.64) if job.step_s else None
    found = answer(machine, job, consumer)
    assert found.bound_by == bound
    assert words in found.reason
    assert found.confidence == "high"
    assert not found.warnings


def test_a_person_would_say_it() -> None:
    machine, job = Machine(0.03, 0.002, noise=0.001), Job(10, 500, 0.02)
    found = answer(machine, job, Consumer(0.02, 0.64))
    speedup = r"2\.\d times the speed of the training loop \(2\.\d to 2\.\d\)"
    assert re.fullmatch(
        rf"Use num_workers=2 \(now 0\): {speedup}, 10 s instead of 25 s an epoch; the loop waits "
        r"64% of its time for data; more workers buy nothing, because the step takes 20 ms\.",
        found.reason,
    )
    assert found.speedup is not None
    true = machine.job_s(0, job) / machine.job_s(2, job)
    assert found.speedup.low < true < found.speedup.high


def test_what_is_good_enough_stays() -> None:
    found = answer(Machine(0.03, 0.03, cores=4), loader=with_workers(4))
    assert found.recommended == found.current
    assert found.reason.startswith("Keep num_workers=4: ")
    assert found.speedup is not None and found.speedup.value == 1
    more = answer(Machine(0.03, 0.03, cores=4), loader=with_workers(8))
    assert more.reason == "Keep num_workers=8: 4 would do as well, but nothing is faster."


def test_workers_that_are_started_in_every_epoch() -> None:
    now = with_workers(4, persistent=False)
    short_epochs = Job(20, 40)
    found = answer(Machine(0.03, 0.03, cores=4, start_s=0.2), short_epochs, loader=now)
    assert found.recommended.num_workers <= 4
    assert found.recommended.persistent_workers
    assert found.speedup is not None and found.speedup.value > 1.5
    long_epochs = answer(Machine(0.03, 0.03, cores=4), Job(2, 50_000))
    assert not long_epochs.recommended.persistent_workers  # nothing is gained by keeping them


def test_no_options_that_torch_refuses() -> None:
    found = answer(Machine(0.0002, 0.0002, 0.001, 0.0008), loader=with_workers(4))
    assert found.recommended.num_workers == 0
    assert found.recommended.prefetch_factor is None
    assert not found.recommended.persistent_workers


def test_what_cannot_be_run_is_said() -> None:
    found = answer(Machine(0.08, 0.001, fails_from=5))
    assert found.recommended.num_workers == 4
    assert "settings with more workers could not be measured here" in found.reason
    assert any("does not fit" in words for words in found.warnings)


def test_too_little_time_is_said() -> None:
    found = answer(Machine(0.08, 0.001, stuck_from=4), seconds=8)
    assert found.confidence != "high"
    assert any("--seconds" in words for words in found.warnings)


class Busy(Machine):
    """Other programs take half of every core, as they do on a shared machine."""

    def measure(self, *args: object, **options: object) -> Window:
        window = super().measure(*args, **options)  # type: ignore[arg-type]
        assert window.cpu_s is not None
        n = max(1, window.cycle)
        # what is worked on takes twice as long, the waiting for data does not
        slower = max(2 * window.cpu_s / self.cores, (self.service_s + window.cpu_s) / n)
        stretch = max(1.0, slower * window.rate)
        return window._replace(
            elapsed_s=window.elapsed_s * stretch,
            cycles_s=tuple(cycle * stretch for cycle in window.cycles_s),
            queued_s=n * (stretch - 1) / window.rate,
            others_busy=0.5 * self.cores,
        )


def test_other_programs_are_reckoned_out_and_named() -> None:
    quiet, busy = answer(Machine(0.03, 0.03, cores=4)), answer(Busy(0.03, 0.03, cores=4))
    assert busy.recommended.num_workers == quiet.recommended.num_workers == 4
    assert busy.confidence != "high"
    assert any("other programs kept 2.0 of 4 cores busy" in words for words in busy.warnings)


class Stolen(Machine):
    """The host gives half of every core to others."""

    def measure(self, *args: object, **options: object) -> Window:
        window = super().measure(*args, **options)  # type: ignore[arg-type]
        return window._replace(stolen=0.5 * self.cores)


def test_cores_that_the_host_keeps_are_named() -> None:
    found = answer(Stolen(0.03, 0.03, cores=4))
    assert found.confidence != "high"
    assert any("kept up to 2.0 of 4 cores" in words for words in found.warnings)


@pytest.mark.parametrize(("cores", "told"), [(1, True), (8, False)])
def test_memory_that_may_come_anew_for_every_batch_is_told(cores: int, told: bool) -> None:
    """Only without workers is it chance: what they send is in fresh memory anyway."""
    found = answer(Machine(0.002, 0.002, cores=cores, fresh_memory_s=0.005))
    assert (found.recommended.num_workers == 0) is told
    words = "an epoch may take up to 3.5 times as long where malloc does not keep the 25 MB"
    assert any(one.startswith(words) for one in found.warnings) is told
    assert (found.confidence == "medium") is told


class OnDisk(Machine):
    """Reads 1 MB a batch, from the disk while nobody has read it before."""

    def measure(self, *args: object, **options: object) -> Window:
        window = super().measure(*args, **options)  # type: ignore[arg-type]
        cold = len(self.asked) <= 2
        return window._replace(asked_bytes=1e6, disk_bytes=1e6 if cold else 0.0)


def test_a_page_cache_that_fills_is_told() -> None:
    found = answer(OnDisk(0.03, 0.03))
    words = next(words for words in found.warnings if "page cache" in words)
    assert words.startswith(
        "num_workers=0, 1 read from the disk and the others from the page cache"
    )


def test_the_loop_as_it_was_observed() -> None:
    seen = {"steps_s": [0.03] * 20, "waits_s": [0.01] * 20, "steps_cpu_s": [0.02] * 20}
    found = consumer_of(LOADER._replace(observed={**seen, "settled": True}))
    assert found is not None
    assert found.step_s == pytest.approx(0.03)
    assert found.wait_share == pytest.approx(0.25)
    assert consumer_of(LOADER) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.00016, "160 µs"),
        (0.0012, "1.2 ms"),
        (0.031, "31 ms"),
        (0.42, "0.42 s"),
        (8.4, "8.4 s"),
        (53.4, "53 s"),
        (166, "2 min 46 s"),
        (11100, "3 h 5 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_loop_that_was_seen_for_a_moment_only() -> None:
    seen = {"steps_s": [0.02] * 4, "waits_s": [0.01] * 4, "steps_cpu_s": [0.0] * 4}
    loader = LOADER._replace(observed={**seen, "settled": False})
    found = answer(Machine(0.03, 0.002), Job(10, 500, 0.02), Consumer(0.02, 0.3), loader)
    assert any("only 4 steps of the training loop were seen" in words for words in found.warnings)
    assert found.confidence == "medium"


def test_a_loader_that_was_never_read() -> None:
    found = answer(Machine(0.03, 0.03), loader=LOADER._replace(how="end"))
    assert any("ended without reading this loader" in words for words in found.warnings)
