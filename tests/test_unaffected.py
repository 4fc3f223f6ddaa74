"""Edits beside the code that loads data: what is found must be what a new analysis finds."""

from __future__ import annotations

import pytest

from dladvise.advisor import Memory, Report, Source, Span, analyze, rule_named

SCRIPT = '''\
"""Trains."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler

WORKERS = 4


class Rows(Dataset):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return 9

    def __getitem__(self, index):
        return self.rng.normal(size=index)


def schedule(step):
    """How fast to learn."""
    return 1 / (step + 1)  # slower and slower


def loaders(dataset, workers=WORKERS):
    """Makes the loader."""
    return DataLoader(
        dataset,
        shuffle=True,  # every epoch
        sampler=DistributedSampler(dataset),
        num_workers=workers,
        persistant_workers=True,
    )


def train(dataset, model, epochs=3):
    """Trains for some epochs."""
    loader = loaders(dataset)
    for epoch in range(epochs):
        for images, labels in loader:
            model(images.pin_memory().to("cuda", non_blocking=True)).backward()


def evaluate(dataset, model):
    for epoch in range(9):
        fresh = DataLoader(dataset, num_workers=2)  # for this round
        for batch in fresh:
            model(batch)


def save(model, path):
    torch.save(model, path)


class Meter:
    def __init__(self):
        self.total = 0


if __name__ == "__main__":
    again = DataLoader(
        range(9),  # of numbers
        shuffle=True,
    )
    train(Rows(), torch.nn.Linear(1, 1))
'''
EDITS = {
    "a statement in a function": (
        "    return 1 / (step + 1)",
        "    now = 3\n    return 1 / (step + 1)",
    ),
    "a longer line": ("1 / (step + 1)", "100 / (step + 100)"),
    "a new function": ("def save(", "def load(path):\n    return path\n\n\ndef save("),
    "a statement at the left margin": ("def save(", "TIMES = 4\n\n\ndef save("),
    "a function less": ("def schedule(step):", "def plan(step):"),
    "a docstring": ('"""Makes the loader."""', '"""Makes the loader\n    of the run.\n    """'),
    "a docstring that looks like code": ('"""Makes the', '"""DataLoader(dataset) makes the'),
    "a docstring that ends sooner": ('"""Makes the loader."""', '"""Makes""" "the loader."'),
    "a comment": ("# every epoch", "# in every epoch anew"),
    "a comment in a call": ("# of numbers", "# of many numbers"),
    "a comment that a fix moves": ("# for this round", "# for this very round"),
    "a comment that suppresses": ("# every epoch", "# dladvise: ignore"),
    "a comment on two lines": ("# every epoch", "# every\n        # epoch"),
    "a comment that becomes an argument": (
        "  # every epoch\n",
        "  # every\n        drop_last=True,\n",
    ),
    "an argument": ("num_workers=workers,", "num_workers=len(workers),"),
    "a word of code": ("in range(epochs)", "in list(epochs)"),
    "a file that is suppressed": ("# slower and slower", "# dladvise: ignore-file"),
    "another loader": ("    torch.save(", "    DataLoader(path, workers=3)\n    torch.save("),
    "a name that is bound anew": ("class Meter:", "WORKERS = 0\n\n\nclass Meter:"),
    "a name that is bound by another function": (
        "    torch.save(",
        "    global WORKERS\n    WORKERS = 0\n    torch.save(",
    ),
    "a word that speaks for streams": (
        "    torch.save(",
        "    torch.cuda.Stream()\n    torch.save(",
    ),
    "a word that tells the epoch": ("    torch.save(", "    model.set_epoch(3)\n    torch.save("),
    "a call of the function": ("    torch.save(", "    loaders(path, workers=0)\n    torch.save("),
    "an import": ("import torch\n", "import lightning\nimport torch\n"),
    "a framework in a function": ("    torch.save(", "    import lightning\n    torch.save("),
    "an attribute from outside": ("self.total = 0", "self.total = 0\n        rows.rng = 3"),
    "a line that cannot be read": ("    torch.save(", "    torch.save(("),
    "other line ends": ("    torch.save(model, path)\n", "    torch.save(model, path)\r\n"),
    "code behind the last statement": ("Linear(1, 1))\n", "Linear(1, 1))\n# the end\n"),
}


@pytest.mark.parametrize("name", EDITS)
def test_findings_are_those_of_a_new_analysis(name: str) -> None:
    old, new = EDITS[name]
    assert SCRIPT.count(old) == 1
    after = SCRIPT.replace(old, new)
    memory = Memory()
    # there and back, and beside another edit: what was found first must not be believed too long
    elsewhere = "        self.total = 0"
    for text in (
        SCRIPT,
        after,
        SCRIPT,
        after.replace(elsewhere, f"{elsewhere}\n        self.count = 1"),
        after,
    ):
        kept = analyze(Source("train.py", text), memory=memory)
        fresh = analyze(Source("train.py", text))
        assert kept.findings == fresh.findings
        assert kept.broken == fresh.broken
        assert _places(kept) == _places(fresh)
        assert fresh.findings or "ignore-file" in text


CLOCKED = """\
import time

import torch
from torch.utils.data import DataLoader

TIMES = 3


def report(seconds):
    print(seconds)


loader = DataLoader(torch.arange(9), num_workers=2)
start = time.time()
for batch in loader:
    pass
print(time.time() - start)
"""


@pytest.mark.parametrize("at", ["TIMES =", "start =", "for batch", "print(time"])
def test_what_stands_right_beside_a_loop_is_seen(at: str) -> None:
    chosen = [rule_named("DL307")]
    memory = Memory()
    for text in (CLOCKED, CLOCKED.replace(at, f"other = 1\n{at}"), CLOCKED):
        kept = analyze(Source("bench.py", text), chosen=chosen, memory=memory)
        assert kept.findings == analyze(Source("bench.py", text), chosen=chosen).findings


GIVEN = """\
from torch.utils.data import DataLoader


def schedule(step):
    return step


def make(rows, workers):
    return DataLoader(rows, num_workers=workers, persistent_workers=True)


make(range(9), 0)
"""


def test_a_message_that_tells_a_line_tells_the_new_one() -> None:
    memory = Memory()
    for text in (GIVEN, GIVEN.replace("return step", "step += 1\n    return step")):
        kept = analyze(Source("train.py", text), memory=memory)
        assert kept.findings == analyze(Source("train.py", text)).findings
        (finding,) = kept.findings
        assert f"line {text.splitlines().index('make(range(9), 0)') + 1}" in finding.message


def _places(report: Report) -> list[Span | None]:
    """Where the loaders are."""
    places = [span.fixed for call in report.loaders for span in (call.callee, call.span)]
    return [report.move(one) if report.move is not None else one for one in places]
