"""What a measurement recommends, written into a source, is what no rule then objects to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dladvise.advisor import Source, Target, analyze
from dladvise.aiming import around
from dladvise.probe import Settings
from dladvise.recommended import recommended

from .test_render_probe import FOUND

CORES = 2
MEASURED = replace(FOUND, machine=FOUND.machine._replace(usable_cores=CORES))
SCRIPT = """\
from torch.utils.data import DataLoader, Dataset


class Waiting(Dataset):
    def __len__(self):
        return 4_000

    def __getitem__(self, index):
        return index


def main():
    loader = DataLoader(
        Waiting(),
        batch_size=8,
        num_workers=0,
    )
    for epoch in range(4):
        for batch in loader:
            pass


if __name__ == "__main__":
    main()
"""


def written(text: str, *settings: int | bool | None) -> str:
    now, best = Settings(0), Settings(*settings)  # type: ignore[arg-type]
    source = Source("train.py", text)
    callee = analyze(source).loaders[0].callee
    measured = replace(MEASURED, current=now, recommended=best)
    found = recommended(source, callee, measured, around())
    return source.edited(found.edits).text


@pytest.mark.parametrize(
    "text",
    [SCRIPT, SCRIPT.replace("    loader = DataLoader(\n        ", "    loader = DataLoader(")],
)
def test_more_workers_than_cores_are_noted_as_measured(text: str) -> None:
    after = written(text, 9, 2, True)
    assert "DataLoader(" in next(one for one in after.splitlines() if "measured" in one)
    assert analyze(Source("train.py", after), Target(CORES)).findings == ()
    without = after.replace("  # dladvise: measured", "")
    assert [f.rule.code for f in analyze(Source("train.py", without), Target(CORES)).findings]


def test_nothing_is_noted_where_nothing_is_doubted() -> None:
    assert "measured" not in written(SCRIPT, 2, 2, True)


def test_a_note_is_written_once() -> None:
    once = written(SCRIPT, 9, 2, True)
    again = written(
        once.replace("num_workers=9", "num_workers=0").replace(
            "        persistent_workers=True,\n", ""
        ),
        8,
        2,
        True,
    )
    assert again.count("# dladvise: measured") == 1
