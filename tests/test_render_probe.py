"""What a person reads of a measurement, while it runs and at its end."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dladvise.probe import (
    Consumer,
    Estimate,
    Machine,
    Point,
    Recommendation,
    Settings,
    Stage,
    Target,
)
from dladvise.render_live import Live
from dladvise.render_probe import report, table
from dladvise.render_text import Paint

CURVE = (
    Point(0, None, Estimate(11.2, 11.0, 11.4), 358.4, 0.09, 53.6, 310, 84),
    Point(2, 2, Estimate(21.0, 20.4, 21.6), 672.0, 0.31, 28.7, 612, 60),
    Point(4, 2, Estimate(34.72, 33.9, 35.5), 1111.0, 0.42, 17.6, 915, 120),
    Point(4, 8, Estimate(34.9, 33.0, 36.8), 1117.0, 0.44, 17.5, 1104, 120),
)
FOUND = Recommendation(
    target=Target(Path("train.py"), 42),
    current=Settings(0),
    recommended=Settings(4, 2, True),
    speedup=Estimate(3.1, 2.9, 3.3),
    curve=CURVE,
    consumer=Consumer(0.031, 0.64),
    bound_by="cpu",
    confidence="high",
    reason="Use num_workers=4 (now 0): 3.1 times the throughput (2.9 to 3.3); more are no faster.",
    warnings=("the data came from the disk: an epoch from the page cache is faster",),
    machine=Machine(8, "affinity", 31_900, 64, "fork", "2.13.0", "3.11.7", False),
    elapsed_s=11.8,
)


class Screen(io.TextIOWrapper):
    """A terminal, or a file, that keeps what is written."""

    def __init__(self, encoding: str = "utf-8", terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


def shown(found: Recommendation, screen: Screen | None = None) -> list[str]:
    return list(report(found, Paint.NONE, screen or Screen(terminal=False)))


def test_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "98")
    lines = list(report(FOUND, Paint.NONE, Screen(terminal=False), "--apply writes it"))
    assert lines == ANSWER.splitlines()


ANSWER = """\
train.py:42

workers  prefetch  batches/s  95 % interval  samples/s  first batch  epoch
      0                 11.2   11.0 to 11.4        358        90 ms   54 s  ██▉        now
      2                 21.0   20.4 to 21.6        672       0.31 s   29 s  █████▍
      4                 34.7   33.9 to 35.5      1,111       0.42 s   18 s  █████████  recommended
      4         8       34.9   33.0 to 36.8      1,117       0.44 s   18 s  █████████

Use num_workers=4 (now 0): 3.1 times the throughput (2.9 to 3.3); more are no faster.

confidence  high, after 12 s
bound by    cpu
your loop   a step takes 31 ms, and 64% of the loop's time is waiting for data
warning     the data came from the disk: an epoch from the page cache is faster

write       num_workers=4, persistent_workers=True
            --apply writes it
"""


@pytest.mark.parametrize("columns", range(24, 140, 7))
def test_no_line_of_the_table_is_wider_than_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    plain = FOUND.curve[:3]  # a factor to prefetch makes the first column wide
    lines = list(table(plain, replace(FOUND, curve=plain), Paint.NONE, Screen()))
    assert len(lines) == 4
    assert max(map(len, lines)) <= max(columns, 33)
    assert all("batches/s" in line for line in lines[:1])
    assert [line.split()[0] for line in lines[1:]] == ["0", "2", "4"]


def test_bars_grow_with_the_rate_and_need_no_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    for encoding, block in (("utf-8", "█"), ("ascii", "#")):
        lines = list(table(CURVE, None, Paint.NONE, Screen(encoding)))
        "\n".join(lines).encode(encoding)
        bars = [line.count(block) for line in lines[1:]]
        assert bars[0] < bars[1] < bars[2] <= bars[3]
        assert 0.3 <= bars[0] / bars[2] <= 0.35  # 11.2 of 34.7


def test_columns_without_a_value_are_left_out() -> None:
    stream = [point._replace(epoch_s=None, samples_per_s=None, memory_mb=None) for point in CURVE]
    head = next(table(stream, None, Paint.NONE, Screen(terminal=False)))
    assert head.split() == [
        "workers",
        "prefetch",
        "batches/s",
        "95",
        "%",
        "interval",
        "first",
        "batch",
    ]


def test_the_rows_that_matter_are_marked() -> None:
    marked = [line for line in shown(FOUND) if re.search("now|recommended", line)]
    assert [line.split()[0] for line in marked[:2]] == ["0", "4"]
    kept = replace(FOUND, recommended=FOUND.current, reason="Keep it.")
    assert any(line.endswith("now, recommended") for line in shown(kept))


# What it has, what is recommended, and what is to be written; None where nothing is.
TO_WRITE = [
    (Settings(0), Settings(4, 2, True), "num_workers=4, persistent_workers=True"),
    (Settings(0), Settings(4, 2), "num_workers=4"),
    (Settings(0), Settings(4, 8), "num_workers=4, prefetch_factor=8"),
    (Settings(2, 8, True), Settings(4, 2),
     "num_workers=4, prefetch_factor=2, persistent_workers=False"),
    (Settings(2, 2, True), Settings(0),
     "num_workers=0 (torch refuses prefetch_factor and persistent_workers beside it)"),
    (Settings(4, 2), Settings(4, None), None),
    (Settings(0, None), Settings(0, None, False, True), None),
]  # fmt: skip


@pytest.mark.parametrize(("now", "new", "text"), TO_WRITE)
def test_what_to_write(now: Settings, new: Settings, text: str | None) -> None:
    found = replace(FOUND, current=now, recommended=new)
    assert found.changes is (text is not None)
    last = shown(found)[-1]
    if text is None:
        assert last.split(maxsplit=1) == ["write", "nothing, leave it as it is"]
    else:
        assert found.arguments == text
        assert last.split(maxsplit=1) == ["write", text]


def test_colour_is_only_painted_when_asked_for() -> None:
    plain = "\n".join(shown(FOUND))
    painted = "\n".join(report(FOUND, Paint.COLOUR, Screen(terminal=False)))
    assert "\033" not in plain
    assert "\033" in painted
    assert re.sub(r"\033\[[0-9;]*m", "", painted) == plain


def test_code_of_others_does_not_command_the_terminal() -> None:
    found = replace(FOUND, reason="bad \033[2J", warnings=("worse \033]0;x\007",))
    assert not re.search("[\033\007]", "\n".join(shown(found)))


# While it runs


def test_rows_are_appended_above_one_status_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    screen = Screen()
    with Live(screen, Paint.NONE, 75, {}) as live:
        live.tell(Stage("running train.py up to train.py:42"))
        live.tell(CURVE[0])
        live.tell(Stage("num_workers=4: where the knee is"))
        live.tell(CURVE[2])
    text = screen.text()
    assert not re.search(r"\033\[\?", text), "neither the cursor nor the screen is switched"
    assert not re.search(r"\033\[\d*[ABCDHJ]", text), "only the line itself is drawn anew"
    lines = rendered(text)
    assert [line.split()[:2] for line in lines] == [
        ["workers", "prefetch"],
        ["0", "11.2"],
        ["4", "34.7"],
        [],
    ]
    assert "num_workers=4: where the knee is" in text
    assert re.search(r"\d+ of at most 75 s", text)


def test_a_setting_that_is_measured_again_counts_once() -> None:
    with Live(Screen(), Paint.NONE, 75, {}) as live:
        better = CURVE[2]._replace(batches=500)
        for point in (CURVE[2], CURVE[0], better):
            live.tell(point)
    assert live.points == [CURVE[0], better]


@pytest.mark.parametrize(
    ("screen", "environ"), [(Screen(terminal=False), {}), (Screen(), {"TERM": "dumb"})]
)
def test_nothing_is_drawn_where_nothing_can_be(screen: Screen, environ: dict[str, str]) -> None:
    with Live(screen, Paint.NONE, 75, environ) as live:
        live.tell(Stage("running"))
        live.tell(CURVE[0])
        live.output(b"hello\n")
    assert screen.text() == "hello\n"
    assert live.points == [CURVE[0]]


def test_the_script_s_output_comes_in_whole_lines() -> None:
    screen = Screen()
    with Live(screen, Paint.NONE, 75, {}) as live:
        live.tell(Stage("running"))
        live.output(b"epoch 1")
        live.tell(Stage("measuring"))
        live.output(b": loss 2\nend")
    assert rendered(screen.text()) == ["epoch 1: loss 2", "end", ""]


@pytest.mark.parametrize("columns", [20, 40, 60, 200])
def test_the_status_stays_on_one_line(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Screen("ascii")
    with Live(screen, Paint.NONE, 75, {}) as live:
        live.tell(Stage("num_workers=4: " + "because " * 40))
    drawn = [part for part in screen.text().split("\r\033[K") if part]
    assert drawn
    assert max(map(len, drawn)) < max(columns, 25)


def rendered(text: str) -> list[str]:
    """What is left on the screen."""
    lines = []
    for line in text.split("\n"):
        *_, last = re.split(r"\r\033\[K", line)
        lines.append(last)
    return lines
