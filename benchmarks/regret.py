"""How good the probe's choice is, and what it costs, beside an exhaustive sweep and loadtune.

    python benchmarks/regret.py [--repeats 3] [--loaders NAME,NAME] [--no-loadtune]

For each loader of benchmarks/loaders.py, in one run: `dladvise probe` and loadtune 0.3.0
choose, several times in turn, without knowing of each other; then every number of workers
of a grid, and those that were chosen, run the loader's ten epochs, twice in turn. The best
of them and the chosen ones run them several times more, and a choice's regret is how much
longer it takes there than the best, with its 95 % interval. An epoch too long to be waited
for is reckoned from the batches of some seconds after the start. In one turn all settings have
the batches in the same order.

On a virtual machine the host may keep cores for others: how many is said for each loader.
Real epochs differ there from turn to turn, and from minute to minute: right after a choice its ten
epochs run three times, a predicted one is judged by their median, and those that are too far from
it are printed with the range of the real ones, and whether the probe had told a doubt.

loadtune needs an adapter, written here, and cannot take an IterableDataset. It is
installed into a temporary environment.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.loaders import LOADERS, N_STREAM  # noqa: E402
from probe.inside.counters import core_time  # noqa: E402

LOADTUNE = "0.3.0"
GRID = (0, 1, 2, 3, 4, 6, 8, 12, 16)
EPOCHS = 10
SWEEPS, TURNS = 2, 6  # of the grid, and of those that came first in it
AFTERWARDS = 3  # turns of a choice, right after it
FINALISTS = 2  # of the grid, beside what was chosen
LONGEST_S = 1.5  # for one number of workers in the sweep, after its start
LONGEST_TURN_S = 3.0  # and for one of those that came first in it
REACH_S = 60
BUDGET_S = 15.0

# What the project promises.
MEDIAN_REGRET, WORST_REGRET, MEDIAN_COST_S, OVER_BUDGET_S = 0.02, 0.08, 10.0, 2.0
EPOCH_ERROR = 0.15


class Setting(NamedTuple):
    """What is compared."""

    num_workers: int
    prefetch_factor: int = 2


class Regret(NamedTuple):
    """How much longer a choice takes than the best, as a share, and how far off that may be."""

    value: float
    reach: float

    @property
    def at_least(self) -> float:
        return self.value - self.reach


class Choice(NamedTuple):
    """What a tool chose, and the seconds it took; None where it failed."""

    setting: Setting | None
    cost_s: float
    measured_s: float | None = None  # our own count; the budget begins at the loader, later
    epoch_s: float | None = None  # what it predicts
    is_sure: bool = True  # it told no doubt


def job_s(name: str, setting: Setting, seed: int, longest_s: float) -> float:
    """The time of ten epochs with this setting, run for real as far as it is not too long."""
    import torch

    torch.manual_seed(seed)
    loader = LOADERS[name][0]()
    options: dict[str, Any] = {"num_workers": setting.num_workers, "_iterator": None}
    if setting.num_workers:
        options |= {"prefetch_factor": setting.prefetch_factor, "persistent_workers": True}
    loader.__dict__.update(options)
    size = loader.batch_size or 1
    n_epoch = math.ceil(N_STREAM / size) if name == "stream" else len(loader)
    begun = time.perf_counter()
    warm_up = setting.num_workers * (setting.prefetch_factor + 1) + 1
    n = 0
    warm: tuple[int, float] | None = None
    for _ in range(EPOCHS):
        for _ in loader:
            n += 1
            now = time.perf_counter() - begun
            if n == warm_up:
                warm = n, now
            n_after = 0 if warm is None else n - warm[0]
            in_step = n_after and n_after % max(1, setting.num_workers) == 0
            if warm is not None and now - warm[1] > longest_s and in_step:
                total = EPOCHS * n_epoch
                return warm[1] + (total - warm[0]) * (now - warm[1]) / n_after
    return time.perf_counter() - begun


def swept(
    name: str, settings: list[Setting], repeats: int, longest_s: float
) -> dict[Setting, list[float]]:
    """The times of each setting, all of them in turn, in one process."""
    code = (
        f"import json, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from benchmarks.regret import Setting, job_s\n"
        "for line in sys.stdin:\n"
        "    turn, setting = json.loads(line)\n"
        f"    print(job_s({name!r}, Setting(*setting), turn, {longest_s}), flush=True)\n"
    )
    times: dict[Setting, list[float]] = {setting: [] for setting in settings}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for turn in range(repeats):
            for setting in settings if turn % 2 else reversed(settings):
                process.stdin.write(json.dumps([turn, setting]) + "\n")
                process.stdin.flush()
                times[setting].append(float(process.stdout.readline()))
    return times


def regret(times: dict[Setting, list[float]], chosen: Setting) -> Regret:
    """How much longer the chosen setting takes than the best one.

    The best of each turn is found by the other turns: the least of many noisy times is
    less than any of them takes, and would make every choice look bad.
    """
    turns = range(len(times[chosen]))

    def best(turn: int) -> Setting:
        others = [other for other in turns if other != turn]
        return min(times, key=lambda setting: median(times[setting][other] for other in others))

    lost = [times[chosen][turn] / times[best(turn)][turn] - 1 for turn in turns]
    return Regret(mean(lost), 2 * stdev(lost) / math.sqrt(len(lost)))


def stolen_s() -> float:
    """The seconds that the host of a virtual machine kept cores from it, in all."""
    times = core_time()
    return 0.0 if times is None else times.stolen_s


def ours(name: str) -> Choice:
    """What `dladvise probe` chooses."""
    command = [sys.executable, "-m", "dladvise", "probe", "--json", "--epochs", str(EPOCHS)]
    begun = time.perf_counter()
    run = subprocess.run(
        [*command, f"benchmarks/loaders.py::{name}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    cost_s = time.perf_counter() - begun
    if run.returncode:
        print(f"{name}: dladvise: {run.stderr.strip()}", file=sys.stderr)
        return Choice(None, cost_s)
    answer = json.loads(run.stdout)
    chosen = answer["recommended"]
    setting = Setting(chosen["num_workers"], chosen["prefetch_factor"] or 2)
    row = next(
        point
        for point in answer["curve"]
        if (point["num_workers"], point["prefetch_factor"] or 2) == setting
    )
    is_sure = answer["confidence"] == "high"
    return Choice(setting, cost_s, answer["elapsed_s"], row["epoch_s"], is_sure)


ADAPTER = """
import sys
sys.path.insert(0, {root!r})
import torch
from loadtune import Workload, tune
from benchmarks.loaders import LOADERS, N_STREAM  # noqa: E402

loader = LOADERS[{name!r}][0]()


def make_model():
    return torch.nn.Linear(1, 1)


def step(model, optimizer, batch, device):
    return torch.zeros(())


def get_workload():
    return Workload(
        name={name!r},
        make_dataset=lambda: loader.dataset,
        make_model=make_model,
        make_optimizer=lambda model: torch.optim.SGD(model.parameters(), 0.1),
        train_step=step,
        default_batch_size=loader.batch_size,
        collate_fn=loader.collate_fn,
    )


if __name__ == "__main__":
    from loadtune.workload import load_workload

    result = tune(load_workload(__file__), steps=30, verbose=False)
    if result.best is None:  # it tried nothing: all stays as it is
        print("CHOSEN", 0, 2)
    else:
        knobs = result.best.knobs
        print("CHOSEN", knobs.num_workers, knobs.prefetch_factor or 2)
"""


def loadtunes(python: Path, folder: Path) -> Callable[[str], Choice]:
    """What loadtune chooses, run by its own Python API with one adapter a loader."""

    def choose(name: str) -> Choice:
        adapter = folder / f"{name}_workload.py"
        adapter.write_text(ADAPTER.format(root=str(ROOT), name=name))
        begun = time.perf_counter()
        run = subprocess.run(
            [str(python), "-W", "ignore", str(adapter)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        cost_s = time.perf_counter() - begun
        for line in run.stdout.splitlines():
            if line.startswith("CHOSEN"):
                workers, prefetch = map(int, line.split()[1:])
                return Choice(Setting(workers, prefetch), cost_s)
        return Choice(None, cost_s)

    return choose


def installed(folder: Path) -> Path:
    """A Python with loadtune, and the torch of this one."""
    builder = venv.EnvBuilder(with_pip=True)
    builder.create(folder)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python*")) / "site-packages"
    import torch

    (site / "ours.pth").write_text(str(Path(torch.__file__).parent.parent))
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", f"loadtune=={LOADTUNE}"], check=True)
    subprocess.run([*pip, "matplotlib", "jinja2"], check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--loaders", default=",".join(LOADERS))
    parser.add_argument("--no-loadtune", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        tools: dict[str, Callable[[str], Choice]] = {"dladvise": ours}
        if not options.no_loadtune:
            tools["loadtune"] = loadtunes(installed(Path(place, "venv")), Path(place))
        return compared(tools, options.loaders.split(","), options.repeats)


def compared(tools: dict[str, Callable[[str], Choice]], names: list[str], repeats: int) -> int:
    """Run everything, print it, and report 1 where the project's promises are missed."""
    print(f"{platform.platform()}, {platform.processor() or platform.machine()}")
    regrets: dict[str, list[Regret]] = {tool: [] for tool in tools}
    costs: dict[str, list[float]] = {tool: [] for tool in tools}
    over, errors, scatter = 0.0, [], []
    far: list[str] = []
    for name in names:
        choices: dict[str, list[Choice]] = {tool: [] for tool in tools}
        for turn in range(repeats):
            for tool in sorted(tools, reverse=bool(turn % 2)):
                choice = tools[tool](name)
                choices[tool].append(choice)
                if choice.setting is None or choice.epoch_s is None:
                    continue
                real = swept(name, [choice.setting], AFTERWARDS, LONGEST_S)[choice.setting]
                job = choice.epoch_s * EPOCHS
                errors.append(abs(job / median(real) - 1))
                if errors[-1] > EPOCH_ERROR:
                    doubt = "" if choice.is_sure else ", with a doubt told"
                    far.append(f"{name} {job:.2f} s ({min(real):.2f} to {max(real):.2f}){doubt}")
        chosen = {c.setting for one in choices.values() for c in one if c.setting is not None}
        begun, stolen = time.perf_counter(), stolen_s()
        sweep = swept(name, sorted({*map(Setting, GRID), *chosen}), SWEEPS, LONGEST_S)
        first = sorted(sweep, key=lambda setting: mean(sweep[setting]))[:FINALISTS]
        times = swept(name, sorted({*first, *chosen}), TURNS, LONGEST_TURN_S)
        stolen = (stolen_s() - stolen) / (time.perf_counter() - begun)
        shape = "  ".join(f"{s.num_workers}:{mean(sweep[s]):.2f}" for s in map(Setting, GRID))
        shown = "  ".join(f"{tuple(s)}:{median(times[s]):.2f}" for s in times)
        print(f"\n{name}: ten epochs in s by workers: {shape}")
        print(f"  the best and the chosen: {shown}; the host kept {stolen:.2f} cores")
        scatter += [max(one) / min(one) - 1 for one in times.values()]
        for tool, made in choices.items():
            words = []
            for choice in made:
                costs[tool].append(choice.cost_s)
                if choice.setting is None:
                    words.append(f"failed after {choice.cost_s:.1f} s")
                    continue
                lost = regret(times, choice.setting)
                regrets[tool].append(lost)
                words.append(
                    f"{tuple(choice.setting)} {lost.value:+.1%} ± {lost.reach:.1%} "
                    f"in {choice.cost_s:.1f} s"
                )
                if choice.measured_s is not None:
                    over = max(over, choice.measured_s - BUDGET_S)
            print(f"  {tool:9} {'; '.join(words)}")
            sys.stdout.flush()
    print()
    for tool in tools:
        found = regrets[tool] or [Regret(math.nan, math.nan)]
        print(
            f"{tool:9} regret: median {median(one.value for one in found):.1%}, "
            f"worst {max(one.value for one in found):.1%}, "
            f"surely {max(one.at_least for one in found):.1%}; "
            f"cost: median {median(costs[tool]):.1f} s, most {max(costs[tool]):.1f} s; "
            f"chose in {len(regrets[tool])} of {len(costs[tool])} runs"
        )
    print(
        f"dladvise  predicted epochs: {median(errors):.1%} off in the median, {max(errors):.1%} at "
        f"most, more than {EPOCH_ERROR:.0%} in {len(far)} of {len(errors)}; "
        f"at most {over:+.1f} s over its budget"
    )
    for one in far:
        print(f"  predicted for ten epochs of {one}")
    print(
        f"machine   epochs of one setting differ by {median(scatter):.1%} in the median, ", end=""
    )
    print(f"{max(scatter):.1%} at most, from turn to turn")
    missed = [
        median(one.value for one in regrets["dladvise"]) > MEDIAN_REGRET,
        max(one.at_least for one in regrets["dladvise"]) > WORST_REGRET,
        median(costs["dladvise"]) > MEDIAN_COST_S,
        over > OVER_BUDGET_S,
        max(errors) > EPOCH_ERROR,
    ]
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
