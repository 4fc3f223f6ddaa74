"""What the rules on repeated and missing data claim is what torch does: programs are run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from dladvise.advisor import Safety, Source, analyze, fixed

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
HEAD = "import random\n\nimport numpy as np\nimport torch\nfrom torch.utils.data import *\n\n"


def answer(program: str) -> Any:
    """What the program leaves in `answer`."""
    tail = "\nimport json\nprint(json.dumps(answer))\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + program + tail],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


def codes(program: str) -> set[str]:
    return {finding.rule.code for finding in analyze(Source("case.py", HEAD + program)).findings}


def repaired(program: str) -> str:
    """The program after all fixes."""
    report = analyze(Source("case.py", HEAD + program))
    after, _ = fixed(report, analyze, frozenset(Safety))
    return after.source.text.removeprefix(HEAD)


NOISE = """
class Noise(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return np.random.rand()


def seed_worker(worker_id):
    np.random.seed({seed})


loader = DataLoader(Noise(), num_workers=2, worker_init_fn=seed_worker)
first, second = ([float(one) for one in loader] for _ in range(2))
answer = [len(set(first)), len(set(first + second))]
"""


@pytest.mark.parametrize(("seed", "seen"), [("42", [4, 4]), ("42 + worker_id", [8, 8])])
def test_fixed_worker_seeds_repeat_samples(seed: str, seen: list[int]) -> None:
    program = NOISE.format(seed=seed)
    assert "DL102" in codes(program)
    assert answer(program) == seen
    assert "DL102" not in codes(repaired(program))
    assert answer(repaired(program)) == [8, 16]


LATE = """
sampler = DistributedSampler(range(6), num_replicas=1, rank=0)
loader = DataLoader(range(6), sampler=sampler)
answer = []
for epoch in range(3):
    for batch in loader:
        sampler.set_epoch(epoch)
        answer.append(int(batch))
"""


def test_set_epoch_in_the_loop_is_an_epoch_late() -> None:
    assert codes(LATE) == {"DL106"}
    orders = answer(LATE)
    assert orders[:6] == orders[6:12] != orders[12:]


BY_ATTRIBUTE = """
def told(loader):
    try:
        loader.{attribute}.set_epoch(1)
    except AttributeError as error:
        return str(error)


loaders = [
    DataLoader(range(6)),
    DataLoader(range(6), shuffle=True),
    DataLoader(range(6), batch_sampler=BatchSampler(range(6), 2, False)),
]
answer = [told(one) for one in loaders]
"""


@pytest.mark.parametrize("attribute", ["sampler", "batch_sampler"])
def test_samplers_of_torch_have_no_set_epoch(attribute: str) -> None:
    errors = answer(BY_ATTRIBUTE.format(attribute=attribute))
    assert [str(error).endswith("no attribute 'set_epoch'") for error in errors] == [True] * 3


ZIPPED = """
loader = DataLoader(range(6), num_workers=2, persistent_workers=True)
answer = [[int(left), int(right)] for left, right in zip(loader, loader)]
"""


def test_kept_workers_share_one_iterator() -> None:
    assert "DL111" in codes(ZIPPED)
    assert answer(ZIPPED) == [[0, 1], [2, 3], [4, 5]]
    assert answer(repaired(ZIPPED)) == [[number, number] for number in range(6)]


EVALUATED = """
val_loader = DataLoader(range(10), batch_size=4, drop_last=True)
answer = [int(one) for batch in val_loader for one in batch]
"""


def test_an_evaluation_with_drop_last_is_not_of_all_samples() -> None:
    assert codes(EVALUATED) == {"DL116"}
    assert answer(EVALUATED) == list(range(8))
    assert answer(repaired(EVALUATED)) == list(range(10))


PADDED = """
ranks = [DistributedSampler(range(5), num_replicas=2, rank=rank, shuffle=False) for rank in (0, 1)]
answer = [list(rank) for rank in ranks]
"""


def test_a_distributed_sampler_repeats_samples() -> None:
    assert answer(PADDED) == [[0, 2, 4], [1, 3, 0]]


PINNED = """
from torch.utils.data._utils.pin_memory import pin_memory


class Pinnable:
    pinned = False

    def pin_memory(self):
        self.pinned = True
        return self


class Batch:
    def __init__(self, images):
        self.images = images


inside, held = Pinnable(), Pinnable()
pin_memory({"images": [inside]})
pin_memory(Batch(held))
answer = [inside.pinned, held.pinned]
"""


def test_pinning_does_not_look_into_objects() -> None:
    assert answer(PINNED) == [True, False]


WRITTEN = """
class Photos(Dataset):
    def __init__(self):
        self.seen = []

    def __len__(self):
        return 8

    def __getitem__(self, index):
        self.seen.append(index)
        return index


def main(workers):
    photos = Photos()
    list(DataLoader(photos, num_workers={workers}))
    return len(photos.seen)


answer = main({workers})
"""


@pytest.mark.parametrize(("workers", "seen"), [(0, 8), (2, 0)])
def test_what_workers_write_stays_in_them(workers: int, seen: int) -> None:
    program = WRITTEN.format(workers=workers)
    assert ("DL109" in codes(program)) == (workers > 0)
    assert answer(program) == seen


CACHED = """
import multiprocessing

class Photos(Dataset):
    def __init__(self):
        self.cache = {{}}
        self.decoded = multiprocessing.Value("i", 0)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index not in self.cache:
            with self.decoded.get_lock():
                self.decoded.value += 1
            self.cache[index] = index
        return self.cache[index]


photos = Photos()
loader = DataLoader(photos, num_workers={workers})
for epoch in range(3):
    for batch in loader:
        pass
answer = photos.decoded.value
"""


@pytest.mark.parametrize(("workers", "decoded"), [(0, 8), (2, 24)])
def test_a_cache_in_workers_is_lost(workers: int, decoded: int) -> None:
    program = CACHED.format(workers=workers)
    assert ("DL109" in codes(program)) == (workers > 0)
    assert answer(program) == decoded


KEPT = """
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
loader = DataLoader(torch.arange(300), num_workers=1)
kept = []
try:
    for batch in loader:
        kept.append(batch)
    answer = len(torch.cat(kept))
except RuntimeError as error:
    answer = str(error).partition(".")[0]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="shares by file descriptors on Linux alone")
def test_kept_tensors_keep_files_open() -> None:
    assert "DL409" in codes(KEPT)
    assert answer(KEPT) == "Too many open files"
    assert answer(repaired(KEPT)) == 300
