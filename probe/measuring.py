"""The whole way from a request to a recommendation."""

from __future__ import annotations

import time
from collections.abc import Callable

from .bench import Bench, free_bytes
from .inside.machine import core_share, machine, shm_free_bytes
from .instrument import Candidate, Window
from .limits import Limit, limit, most_by_cores
from .recommend import consumer_of, job_of, recommend
from .request import Request
from .results import Point, Recommendation, Stage
from .search import Search
from .session import Session


def measure(
    request: Request,
    tell: Callable[[Stage | Point], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    on_output: Callable[[bytes], None] | None = None,
) -> Recommendation:
    """Run the user's script up to its loader, measure it, and say what is best.

    `tell` hears what is being done, `cancelled` is asked often, `on_output` gets what
    the script prints, on another thread. Raises a ProbeError; whatever happens, no
    process and no shared memory of it is left.
    """
    begun = time.monotonic()
    environ = {**request.env}
    if request.ranks > 1:
        environ["LOCAL_WORLD_SIZE"] = str(request.ranks)
    cores = core_share(environ=environ)
    with Session(request, on_output) as session:
        bench = Bench(session, request, cancelled)
        tell(Stage(f"running {request.argv0} up to {_goal(request)}"))
        loader = bench.capture(lambda what: tell(Stage(REACHED[what])))
        consumer = consumer_of(loader)
        memory_free, shm_free = free_bytes(), shm_free_bytes()
        most = most_by_cores(cores)
        if request.max_workers is not None:
            most = Limit(request.max_workers, "the command line")

        def limit_of(candidate: Candidate, window: Window) -> Limit:
            assert candidate.started is not None
            return limit(
                most,
                loader,
                candidate.plan,
                candidate.started,
                window,
                bench.ranks,
                memory_free,
                shm_free,
            )

        search = Search(
            bench=bench,
            loader=loader,
            job=job_of(request, loader, consumer),
            cores=cores,
            deadline=bench.reached + request.seconds,
            most=most,
            limit_of=limit_of,
            tell=tell,
        )
        search.run()
        facts = machine(environ=environ)._replace(
            torch=loader.torch, python=loader.python, start_method=loader.start_method
        )
        return recommend(request, search, consumer, facts, bench.pins, time.monotonic() - begun)


def _goal(request: Request) -> str:
    """Where the script is run to, without its name where that is said already."""
    target = request.target
    if target.line is None or target.path != request.script:
        return target.shown
    return f"line {target.line}" + (f" for the {target.nth}. time" if target.nth > 1 else "")


REACHED = {
    "constructed": "the loader is there; waiting for its first iteration",
    "late": "the loader is read late; running it again up to where the loader is made",
    "iterating": "observing the training loop",
}
