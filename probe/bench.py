"""The instrument: starts loaders with given settings and reads windows of their steady state.

One process measures one candidate; with several ranks, one in each, and the slowest counts.
"""

from __future__ import annotations

import queue
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from .inside.candidate import CLOSED
from .inside.channel import Message
from .inside.machine import group_memory_left, memory_bytes
from .instrument import (
    NO_PACE,
    Candidate,
    CannotRun,
    Loader,
    OutOfTime,
    Pace,
    Plan,
    Started,
    Window,
    together,
    window_of,
)
from .ranks import launched
from .request import Request
from .results import Cancelled, NotEnough, UserCodeFailed, WrongUse
from .session import Peer, Session

LOOK_S = 0.1  # between two looks at the memory and at whether to go on
LEAST_FREE = 0.10  # of the memory: below it a measurement is ended
STOPPING_S = 0.5  # for a candidate to end its workers by itself
LEAST_CYCLES = 2
OBSERVE_BATCHES = 30
OBSERVE_SHARE = 0.25  # of the time to measure in, before the loop is left


CONSTRUCTED = "constructed the loader, but did not iterate over it"
ITERATES = "iterates over the loader, but its steps take too long to be observed"


class Late(NotEnough):
    """The script did not get to its loader in the time."""

    constructed = False  # it was made, but not read


class Bench:
    """Captures the loader and measures settings of it.

    Every call may raise a ProbeError; the session is ended by its owner.
    """

    def __init__(
        self,
        session: Session,
        request: Request,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.session = session
        self.request = request
        us = launched(request.env)
        self.ranks = request.ranks if us is None else us.ranks
        self._cancelled = cancelled
        self.reached = time.monotonic()  # when the loop over the loader was reached
        self._loader: Loader | None = None
        self._launch = 0  # the last one
        self._agents: list[Peer] = []  # that have the loader and wait for what to do
        self._n_candidates = 0
        self._waiting: dict[Peer, deque[Message]] = {}
        self._gone: set[Peer] = set()
        self._statuses: dict[tuple[int, int], int] = {}  # of candidates, by rank and id
        self._looked_at_memory = 0.0
        self._free_at_first, self._total = free_bytes(), total_bytes()

    @property
    def loader(self) -> Loader:
        assert self._loader is not None, "nothing was captured yet"
        return self._loader

    @property
    def forks(self) -> bool:
        """Whether candidates are forked from the captured process."""
        return self.loader.forks and not self.request.fresh

    @property
    def pins(self) -> bool:
        """Whether candidates pin; a fork cannot use the CUDA of the process it comes from."""
        return self.loader.pin_memory and not (self.forks and self.loader.cuda)

    def capture(self, tell: Callable[[str], None]) -> Loader:
        """Run the script up to the loader and describe it.

        Where the loader is made early but read late, the script is run once more and
        the loader taken as soon as it is made.
        """
        try:
            return self._run(tell, observe=self.request.observe)
        except Late as late:
            if not late.constructed or self.request.construct:
                raise
        tell("late")
        self.session.end(self._launch)
        self.request = replace(self.request, construct=True)
        return self._run(tell, observe=False)

    def _run(self, tell: Callable[[str], None], observe: bool) -> Loader:
        launch = self._launch = self.session.launch()
        deadline = time.monotonic() + self.request.reach_seconds
        agents: list[Peer] = []
        while len(agents) < self.ranks:
            self._listen()
            agents = [one for one in self._waiting if one.role == "agent" and one.id == launch]
            if self.session.ended and len(agents) < self.ranks:
                raise UserCodeFailed(
                    f"{self.request.interpreter} ended before it ran anything",
                    self.session.output(),
                )
            self._in_time(deadline, "the interpreter did not start")
        for agent in agents:
            self._waiting[agent].clear()
            self.session.send(agent, "job", **self._job(observe))
        found = [
            self._captured(agent, deadline, tell if agent is agents[0] else lambda _: None)
            for agent in agents
        ]
        self._agents = agents
        self._loader = found[0]
        return found[0]

    def start(self, plan: Plan, seconds: float) -> Candidate:
        """Start a loader with this setting and take its first batch.

        CannotRun where the setting itself fails, OutOfTime where no batch came.
        """
        if not self._agents:
            self._run(lambda _: None, observe=False)
        self._n_candidates += 1
        name = self._n_candidates
        peers = [Peer("candidate", agent.rank, name) for agent in self._agents]
        candidate = Candidate(plan, peers, self._launch)
        hops = 0.618 * name  # each reads another part of the data
        skip = int((hops - int(hops)) * (self.loader.batches or 0))
        for agent in self._agents:
            self.session.send(
                agent,
                "fork" if self.forks else "become",
                id=name,
                plan={**plan._asdict(), "skip": skip},
                pin=self.pins,
            )
        if not self.forks:
            self._agents = []
        try:
            started = self._answers(candidate, "started", seconds)
        except (CannotRun, OutOfTime):
            self.stop(candidate)
            raise
        candidate.started = Started(
            first_batch_s=max(one["first_batch_s"] for one in started),
            batch_bytes=max(one["batch_bytes"] for one in started),
            batch_tensors=max(one["batch_tensors"] for one in started),
            fresh_memory_s=max(one["fresh_memory_s"] for one in started),
            repeats=any(one["repeats"] for one in started),
        )
        return candidate

    def measure(
        self, candidate: Candidate, seconds: float, patience: float, pace: Pace = NO_PACE
    ) -> Window:
        """Read a window of about `seconds`; OutOfTime where it takes more than `patience`."""
        for peer in candidate.peers:
            self.session.send(
                peer,
                "measure",
                seconds=seconds,
                least_cycles=LEAST_CYCLES,
                pace_s=pace.step_s,
                pace_cpu_s=min(pace.cpu_s, pace.step_s),
            )
        windows = [window_of(one) for one in self._answers(candidate, "window", patience)]
        return together(windows)

    def stop(self, candidate: Candidate) -> None:
        """End a candidate: in good order if it can, at once if not."""
        for peer in candidate.peers:
            self.session.send(peer, "stop")
        deadline = time.monotonic() + STOPPING_S
        while not self._gone.issuperset(candidate.peers) and time.monotonic() < deadline:
            self._listen()
        self.kill(candidate)

    def _job(self, observe: bool) -> dict[str, Any]:
        request = self.request
        job: dict[str, Any] = {
            "script": None if request.script is None else str(request.script),
            "argv0": request.argv0,
            "module": request.module,
            "text": request.text,
            "args": list(request.args),
            "construct": request.construct,
            "batch_size": request.batch_size,
            "observe": None,
        }
        if request.target.name is not None:
            job["name"] = request.target.name
        elif request.lines is not None:
            path, (first, last) = str(request.target.path), request.lines
            job["target"] = {"path": path, "first": first, "last": last, "nth": request.target.nth}
        if observe and not request.construct:
            # ranks that wait for each other in every step must stop at the same one
            seconds = OBSERVE_SHARE * request.seconds if self.ranks == 1 else None
            job["observe"] = {"batches": OBSERVE_BATCHES, "seconds": seconds}
        return job

    def _captured(self, agent: Peer, deadline: float, tell: Callable[[str], None]) -> Loader:
        """Wait until the script of this rank has reached the loader."""
        last = "did not construct a DataLoader"
        while True:
            while not self._waiting[agent]:
                if agent in self._gone:
                    raise UserCodeFailed(
                        f"the script ended by itself before its loader was iterated; it {last}",
                        self.session.output(),
                    )
                self._listen()
                try:
                    self._in_time(deadline, f"the script {last}")
                except Late as late:
                    late.constructed = last == CONSTRUCTED
                    raise
            message = self._waiting[agent].popleft()
            event = message.pop("event")
            if event == "captured":
                if last != ITERATES:
                    self.reached = time.monotonic()
                return Loader(**message)
            if event == "constructed":
                last = CONSTRUCTED
                tell("constructed")
            elif event == "iterating":
                last = ITERATES
                self.reached = time.monotonic()
                tell("iterating")
                deadline = max(deadline, time.monotonic() + self.request.seconds)
            elif event == "failed":
                raise _failure(message, None)
            elif event == "wrong":
                raise WrongUse(message["message"])
            elif event == "nothing":
                raise NotEnough(self._nothing(message["constructed"]))

    def _nothing(self, constructed: list[list[Any]]) -> str:
        """Why a script that ran to its end has no loader to measure."""
        shown = self.request.target.shown
        if not constructed:
            return (
                f"{shown}: the script ended without constructing a DataLoader; one that a "
                "function makes can be measured by its name: train.py::make_loader"
            )
        places = sorted({f"{Path(path).name}:{line}" for path, line in constructed})
        reached = ", ".join(places[:8])
        if self.request.target.nth > 1:
            return f"{shown}: the line was reached less often; constructed were {reached}"
        return f"{shown}: no DataLoader was constructed there; constructed were {reached}"

    def _in_time(self, deadline: float, state: str) -> None:
        if time.monotonic() > deadline:
            raise Late(
                f"{state} within {self.request.reach_seconds:g} s; --reach-seconds gives it "
                "longer, --construct or a function as target needs less of the script"
            )

    def _answers(self, candidate: Candidate, event: str, seconds: float) -> list[Message]:
        """What the candidate answers in every rank."""
        return [self._answer(candidate, peer, event, seconds) for peer in candidate.peers]

    def _answer(self, candidate: Candidate, peer: Peer, event: str, seconds: float) -> Message:
        deadline = time.monotonic() + seconds
        waiting = self._waiting.setdefault(peer, deque())
        while True:
            while not waiting:
                if peer in self._gone:
                    raise self._died(candidate, peer)
                if time.monotonic() > deadline:
                    where = self._where(peer)
                    self.kill(candidate)
                    at = f": it is at {where}" if where else ""
                    raise OutOfTime(f"no answer in {seconds:.0f} s{at}")
                self._listen()
            message = waiting.popleft()
            if message["event"] == event:
                return message
            if message["event"] == "empty":
                raise NotEnough(self._empty())
            if message["event"] == "failed":
                failure = _failure(message, candidate.plan)
                in_sample = message["index"] is not None or message["worker"] is not None
                if in_sample or not candidate.plan.num_workers:
                    raise failure
                raise CannotRun(str(failure))

    def kill(self, candidate: Candidate) -> None:
        """End a candidate at once, if it has not ended."""
        alive = set(candidate.peers) - self._gone
        if not self.forks and alive:
            self.session.end(candidate.launch)
        for peer in alive:
            self.session.send(Peer("agent", peer.rank, candidate.launch), "kill", id=peer.id)

    def _where(self, peer: Peer) -> str | None:
        """The line of the user's code that a process is at."""
        self.session.send(peer, "where")
        deadline = time.monotonic() + 0.4
        waiting = self._waiting.setdefault(peer, deque())
        while time.monotonic() < deadline and peer not in self._gone:
            for message in waiting:
                if message["event"] == "here":
                    place: str | None = message["place"]
                    return place
            self._listen()
        return None

    def _died(self, candidate: Candidate, peer: Peer) -> Exception:
        """Why a candidate has gone without a word."""
        deadline = time.monotonic() + 0.5
        key = (peer.rank, peer.id)
        while key not in self._statuses and time.monotonic() < deadline:
            self._listen()
            if not self.forks and (ended := self.session.status(candidate.launch)) is not None:
                self._statuses[key] = ended
        status = self._statuses.get(key)
        plan = candidate.plan.shown
        if status in (None, CLOSED):
            return UserCodeFailed(
                f"with {plan} the process lost its connection to dladvise: does the dataset "
                "close file descriptors that it did not open?",
                self.session.output(),
            )
        how = f"ended by itself with status {status}"
        if status is not None and status < 0:
            how = f"was killed by {signal.Signals(-status).name}"
        failure = UserCodeFailed(f"with {plan} the process {how}", self.session.output())
        return CannotRun(str(failure)) if candidate.plan.num_workers else failure

    def _empty(self) -> str:
        loader = self.loader
        if loader.samples and loader.drop_last:
            return (
                f"the loader yields no batch: its {loader.samples} samples do not fill one "
                "and drop_last leaves it out"
            )
        return f"the loader yields no batch: {loader.dataset} is empty"

    def _listen(self) -> None:
        """Sort in what was heard; raises where the measurement must end."""
        if self._cancelled():
            raise Cancelled("interrupted")
        self._watch_memory()
        try:
            peer, message = self.session.heard.get(timeout=LOOK_S)
        except queue.Empty:
            return
        if message is None:
            self._gone.add(peer)
        elif message["event"] == "exited":
            self._statuses[peer.rank, message["id"]] = message["status"]
        else:
            self._waiting.setdefault(peer, deque()).append(message)

    def _watch_memory(self) -> None:
        now = time.monotonic()
        if now - self._looked_at_memory < LOOK_S:
            return
        self._looked_at_memory = now
        free, limit = free_bytes(), self.request.max_memory_mb
        if free < LEAST_FREE * self._total:
            raise NotEnough(
                f"stopped: only {free // 1_000_000:,} MB of memory were left, less than a tenth"
            )
        if limit is not None and self._free_at_first - free > limit * 1_000_000:
            raise NotEnough(f"stopped: more than the allowed {limit:,} MB of memory were taken")


def free_bytes() -> int:
    """The memory that can still be taken, by this machine's and the control group's account."""
    free = int(psutil.virtual_memory().available)
    limited = group_memory_left()
    return free if limited is None else min(free, limited)


def total_bytes() -> int:
    """The memory there is."""
    return memory_bytes() or int(psutil.virtual_memory().total)


def _failure(message: Message, plan: Plan | None) -> UserCodeFailed:
    """What the user's code raised, and for which sample."""
    words = []
    if message["index"] is not None:
        words.append(f"sample {message['index']}")
    elif isinstance(message["batch"], list):
        samples = ", ".join(map(str, message["batch"][:16]))
        more = ", …" if len(message["batch"]) > 16 else ""
        words.append(f"in the batch of samples {samples}{more}")
    elif message["batch"] is not None:
        words.append(f"sample {message['batch']}")
    if message["worker"] is not None:
        words.append(f"worker {message['worker']}")
    if plan is not None:
        words.append(f"with {plan.shown}")
    return UserCodeFailed(message["summary"], message["traceback"], ", ".join(words))
