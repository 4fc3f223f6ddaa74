"""What a measurement is written to: a page, a chart, and the options that ask for them."""

from __future__ import annotations

import json
import os
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dladvise import chart
from dladvise.axes import places, scale, tick
from dladvise.probe import Consumer, Estimate, Point, Recommendation, Settings, Target
from dladvise.report import WIDTHS, page
from dladvise.report_files import ReportFiles, plot
from tools.vscode import CHROMIUM

from .front_door import ROOT, written
from .test_probe_cli import LINE, SLOW, TELLS, TWO, probe, said
from .test_render_probe import FOUND


def point(n: int, rate: float, factor: int = 2, **more: Any) -> Point:
    """A setting that was measured, with an interval of 3 % to each side."""
    estimate = Estimate(rate, rate * 0.97, rate * 1.03)
    made = Point(n, factor if n else None, estimate, rate * 32, 0.05, 30.0, 100.0, 50)
    return made._replace(**more)


def measured(*curve: Point, now: int = 0, best: int = 0, **more: Any) -> Recommendation:
    return replace(FOUND, curve=curve, current=Settings(now), recommended=Settings(best, 2), **more)


LONG = "a_name_that_is_long_" * 12
CASES = {
    "usual": FOUND,
    "one": measured(point(0, 11.2), consumer=None),
    "neighbours on the left": measured(point(0, 30), point(1, 10), point(64, 29), now=1),
    "neighbours on the right": measured(
        point(0, 10), point(63, 30), point(64, 29), now=64, best=63
    ),
    "many": measured(
        *(point(n, 120 * n / (n + 5) + 8, memory_mb=1000.0 * n + 300) for n in range(20)),
        *(point(12, 99, factor) for factor in (4, 8, 16, 32)),
        now=1,
        best=12,
    ),
    "neighbours among many": measured(*(point(n, n + 1.0) for n in range(20)), now=18, best=19),
    "huge": measured(point(0, 1.2e6), point(1, 4.5e6, memory_mb=None, first_batch_s=3e-5), best=1),
    "tiny": measured(point(0, 3e-4, first_batch_s=900.0), point(64, 2e-3), best=64),
    "unknown": measured(
        *(point(n, n + 1.0, memory_mb=None, epoch_s=None, samples_per_s=None) for n in (0, 2)),
        best=2,
    ),
    "not measured now": measured(point(0, 5), point(2, 9), now=16, best=2),
    "doubtful": measured(point(0, 5, batches_per_s=Estimate(5, 0.5, 90)), point(2, 6)),
    "long": replace(FOUND, target=Target(Path(f"/{LONG}/{LONG}.py"), 1), warnings=(LONG,)),
}


# The page


class Read(HTMLParser):
    """The elements of a page with their attributes, and the text outside of its style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style":
            self.text += data


def test_the_page_has_the_answer_first_and_everything_behind_it() -> None:
    read = Read(page(FOUND))
    assert ("title", {}) in read.elements
    assert "train.py:42" in read.text[: read.text.index(FOUND.reason)]
    order = [
        FOUND.reason,
        "num_workers=4, persistent_workers=True",
        "Throughput, batches per second",
        "Memory, MB",
        "Time to the first batch, ms",
        "waiting for data 64%, 55.1 ms a batch",
        "training 36%, 31 ms a step",
        "the cores: making batches",
        "33.9 to 35.5",
        "Confidence is high",
        "known to ±2.3%",
        FOUND.warnings[0],
        "8 (affinity)",
    ]
    at = 0
    for words in order:
        assert words in read.text[at:], f"{words} is missing, or too early"
        at = read.text.index(words, at)


def test_what_the_user_s_code_says_is_text() -> None:
    evil = "<script>alert(1)</script><img src=x onerror='alert(2)'>&amp;\"]]>"
    found = replace(
        FOUND,
        target=Target(Path(evil), 1),
        reason=evil,
        bound_by=evil,
        confidence=evil,
        warnings=(evil,),
        machine=FOUND.machine._replace(cores_from=evil, torch=evil),
    )
    read, usual = Read(page(found)), Read(page(FOUND))
    assert {tag for tag, _ in read.elements} <= {tag for tag, _ in usual.elements}
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert read.text.count(evil) >= 7
    assert evil in "".join(ET.fromstring(plot(found)).itertext())


@pytest.mark.parametrize("case", CASES)
def test_a_page_needs_nothing_else(case: str) -> None:
    text = page(CASES[case])
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|<link", text)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text


# The chart


class Box(NamedTuple):
    """Where a text is."""

    words: str
    left: float
    right: float
    base: float

    def covers(self, other: Box) -> bool:
        return (
            abs(self.base - other.base) < 10 and self.left < other.right and other.left < self.right
        )


def boxes(svg: ET.Element) -> Iterator[Box]:
    for one in svg.iter("text"):
        words = one.text or ""
        bold = one.get("class") in ("title", "mark")
        width = len(words) * (7.6 if bold else 6.6)  # of DejaVu Sans, a wide font
        x = float(one.get("x", "nan"))
        left = x - {"start": 0, "middle": width / 2, "end": width}[one.get("text-anchor", "start")]
        yield Box(words, left, left + width, float(one.get("y", "nan")))


def check_drawing(found: Recommendation, width: int) -> None:
    """No text covers another or is cut off, and every point is marked inside of the picture."""
    drawn = chart.drawing(found, width)
    svg = ET.fromstring(drawn.svg(found))
    texts = list(boxes(svg))
    for index, text in enumerate(texts):
        assert text.left >= -1 and text.right <= width + 1 and text.base <= drawn.height, text
        for other in texts[:index]:
            assert not text.covers(other), (text, other)
    marked = [one.text for one in svg.iter("title")][1:]
    assert marked.count(chart.words_of(found.curve[0])) >= 2
    for shape in svg.iter("path"):
        x, y = re.findall(r"-?[\d.]+", shape.get("transform") or "translate(9 9)")[:2]
        assert 0 <= float(x) <= width and 0 <= float(y) <= drawn.height


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_texts_stand_beside_each_other(case: str, width: int) -> None:
    check_drawing(CASES[case], width)


def test_texts_stand_beside_each_other_in_any_curve(seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(300):
        workers = sorted(chosen.sample(range(65), chosen.randint(1, 20)))
        size = 10.0 ** chosen.randint(-6, 9)
        curve = [
            point(
                n,
                size * chosen.uniform(0.1, 1),
                chosen.choice((2, 2, 4, 8)),
                memory_mb=chosen.choice((None, chosen.uniform(0.1, 1e6))),
                first_batch_s=10.0 ** chosen.uniform(-6, 4),
            )
            for n in workers
        ]
        now, best = chosen.choice(workers), chosen.choice(workers)
        loop = chosen.choice((None, Consumer(1 / (size * chosen.uniform(0.1, 2)), 0.5)))
        check_drawing(measured(*curve, now=now, best=best, consumer=loop), chosen.choice(WIDTHS))


def test_the_present_and_the_recommended_setting_are_marked() -> None:
    def marks(found: Recommendation) -> list[str]:
        svg = ET.fromstring(chart.drawing(found, 640).svg(found))
        return sorted(one.text or "" for one in svg.iter("text") if one.get("class") == "mark")

    assert marks(FOUND) == ["now", "recommended"]
    assert marks(CASES["one"]) == ["now and recommended"]
    assert marks(CASES["not measured now"]) == ["recommended"]


def test_prefetch_factors_are_told_apart() -> None:
    svg = ET.fromstring(chart.drawing(FOUND, 640).svg(FOUND))
    words = {one.text for one in svg.iter("text")}
    assert {"prefetch_factor=2", "prefetch_factor=8"} <= words
    shapes = {}
    for group in svg.iter("g"):
        (title,), (shape,) = group.findall("title"), group.findall("path")
        shapes[title.text] = (shape.get("d"), shape.get("class"))
    plain, other = (shapes[chart.words_of(one)] for one in FOUND.curve[2:])
    assert plain[0] != other[0] and plain[1] != other[1]


@pytest.mark.parametrize(
    ("first_batch_s", "memory_mb", "words"),
    [
        (900.0, 40_000.0, {"Memory, GB", "40", "Time to the first batch, min", "15"}),
        (60.0, 3000.0, {"Memory, MB", "3,000", "Time to the first batch, s", "60"}),
        (3e-5, 3.0, {"Memory, MB", "3", "Time to the first batch, µs", "30"}),
    ],
)
def test_units_suit_the_values(first_batch_s: float, memory_mb: float, words: set[str]) -> None:
    found = measured(point(0, 7, first_batch_s=first_batch_s, memory_mb=memory_mb))
    svg = ET.fromstring(chart.drawing(found, 640).svg(found))
    assert words <= {one.text for one in svg.iter("text")}


def test_the_rate_of_the_loop_is_drawn_where_it_is_near() -> None:
    def has_line(step_s: float) -> bool:
        found = replace(FOUND, consumer=Consumer(step_s, 0.5))
        return "your loop takes at most" in chart.drawing(found, 640).elements

    assert has_line(1 / 30) and has_line(1 / 40)
    assert not has_line(1 / 400)


AXES = [
    (34.9, 5, [0, 10, 20, 30, 40]),
    (100, 5, [0, 20, 40, 60, 80, 100]),
    (0.42, 3, [0, 0.2, 0.4, 0.6]),
    (0, 3, [0, 1]),
    (float("nan"), 3, [0, 1]),
]


@pytest.mark.parametrize(("most", "n_steps", "ticks"), AXES)
def test_axes_have_round_numbers(most: float, n_steps: int, ticks: list[float]) -> None:
    assert scale(most, n_steps).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "most", "words"),
    [(0.0, 40.0, "0"), (25.0, 40.0, "25"), (0.30000000000000004, 0.6, "0.3"),
     (2000.0, 8000.0, "2,000"), (5e3, 15e3, "5k"), (0.0, 15e3, "0"), (5e5, 2e6, "0.5M"),
     (0.0015, 0.002, "0.0015"), (1.5e-4, 2e-4, "1.5e-4"), (2e-7, 4e-7, "2e-7")],
)  # fmt: skip
def test_ticks_are_short(value: float, most: float, words: str) -> None:
    assert tick(value, most) == words


@pytest.mark.parametrize(
    ("workers", "spacing"),
    [([0], "linear"), ([0, 2, 4, 8], "linear"), ([0, 1, 2, 4, 8, 16, 32, 64], "logarithmic"),
     ([0, 62, 63, 64], "evenly spaced")],
)  # fmt: skip
def test_numbers_of_workers_are_apart(workers: list[int], spacing: str) -> None:
    found = places(workers, 50, 350)
    assert found.spacing == spacing
    assert list(found.of) == workers
    xs = list(found.of.values())
    assert all(after - before >= 22 for before, after in pairwise(xs))
    assert 50 <= xs[0] <= xs[-1] <= 350


@pytest.mark.parametrize("case", CASES)
def test_a_plot_is_a_file_that_every_program_can_show(case: str) -> None:
    text = plot(CASES[case])
    svg = ET.fromstring(text)
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in text, "not every program knows variables"
    assert "prefers-color-scheme: dark" in text


def test_a_png_shows_what_was_measured(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    pictures = []
    for name in ("usual", "one"):
        files = ReportFiles(None, str(tmp_path / f"{name}.PNG"))
        files.refuse()
        [path] = files.write(CASES[name])
        pictures.append(Path(path).read_bytes())
    assert all(picture.startswith(b"\x89PNG\r\n") for picture in pictures)
    assert pictures[0] != pictures[1]


# The command line

REFUSED = [
    (("--report", "x.txt"), "x.txt: the name must end in .html or .htm"),
    (("--report", "x.svg"), "x.svg: the name must end in .html or .htm"),
    (("--plot", "x.jpg"), "x.jpg: the name must end in .svg or .png"),
    (("--plot", "x"), "x: the name must end in .svg or .png"),
    (("--report", "no/x.html"), "no/x.html: there is no folder no"),
    (("--plot", "tells.py/x.svg"), "tells.py/x.svg: there is no folder tells.py"),
    (("--plot", "folder.svg"), "folder.svg: is a folder"),
]


@pytest.mark.parametrize(("options", "reason"), REFUSED)
def test_what_cannot_be_written_is_refused_before_anything_runs(
    options: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    folder = written(tmp_path, {"tells.py": TELLS, "folder.svg/x": ""})
    done = probe("tells.py", *options, cwd=folder)
    assert (done.returncode, done.stdout, said(done)) == (2, b"", [f"dladvise: {reason}"])
    assert not (folder / "told.json").exists(), "the script was run"


def test_a_png_without_its_extra_is_refused_before_anything_runs(tmp_path: Path) -> None:
    lacking: dict[str, str | bytes] = {
        "lacking/resvg_py.py": "raise ImportError\n",
        "tells.py": TELLS,
    }
    folder = written(tmp_path, lacking)
    lacks = {"PYTHONPATH": f"{folder / 'lacking'}{os.pathsep}{ROOT}"}
    done = probe("tells.py", "--plot", "x.png", cwd=folder, **lacks)
    assert (done.returncode, done.stdout) == (2, b"")
    [line] = said(done)
    assert "pip install 'dladvise[plot]'" in line
    assert not (folder / "told.json").exists()
    done = probe("tells.py", "--plot", "x.svg", cwd=folder, **lacks)
    assert done.returncode == 1, "an SVG needs no extra"


def test_a_measurement_that_fails_writes_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path, {"tells.py": TELLS, "two.py": TWO, "old.html": "old"})
    done = probe("tells.py", "--report", "old.html", "--plot", "new.svg", cwd=folder)
    assert done.returncode == 1
    assert (folder / "old.html").read_text() == "old"
    assert not (folder / "new.svg").exists()


@pytest.mark.slow
def test_a_measurement_is_written_beside_its_json(tmp_path: Path) -> None:
    folder = written(tmp_path, {"slow.py": SLOW, "here/old.svg": "old"})
    options = ("--report", "report.html", "--plot", "here/old.svg", "--seconds", "3")
    done = probe(f"slow.py:{LINE}", "--json", "--max-workers", "2", *options, cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert said(done) == ["wrote report.html", "wrote here/old.svg"]
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert found["reason"] in Read(text).text
    assert ET.parse(folder / "here" / "old.svg").getroot().tag.endswith("svg")
    assert not list(folder.rglob("*.tmp"))


# In a browser

VIEWS = [
    (width, scheme, forced)
    for width in (400, 700, 1600)
    for scheme, forced in (("light", "none"), ("dark", "none"), ("light", "active"))
]
# What an editor says of itself: its classes, and colours of its own.
IN_AN_EDITOR = """\
() => {
  document.body.className = 'vscode-dark';
  const root = document.documentElement.style;
  root.setProperty('--vscode-foreground', 'rgb(250, 240, 230)');
  root.setProperty('--vscode-editor-background', 'rgb(1, 2, 3)');
  root.setProperty('--vscode-charts-blue', 'rgb(4, 5, 255)');
}"""
# The contrast of every visible text with what is behind it, the lowest first.
CONTRASTS = """\
() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const behind = one => {
    for (; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !one.getClientRects().length) continue;
    const style = getComputedStyle(one);
    const colour = one.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(numbers(colour)), light(behind(one))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([contrast, walker.currentNode.data]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}"""
# The texts of the visible chart that cover one another.
COVERED = """\
() => {
  const chart = [...document.querySelectorAll('.chart')].filter(c => c.getClientRects().length);
  if (chart.length !== 1) return `${chart.length} charts are shown`;
  const boxes = [...chart[0].querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]);
  return boxes.flatMap(([one, a], i) => boxes.slice(0, i).filter(([, b]) =>
    a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom
  ).map(([other]) => one.textContent + ' / ' + other.textContent)).join();
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Shown(NamedTuple):
    """A page in a browser, and what its console has said."""

    page: Any
    said: list[str]


def shown(browser: Any, text: str, width: int, scheme: str, forced: str, folder: Path) -> Shown:
    (folder / "page.html").write_text(text, encoding="utf-8")
    opened = browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme=scheme, forced_colors=forced
    )
    words: list[str] = []
    opened.on("console", lambda message: words.append(message.text))
    opened.on("pageerror", lambda error: words.append(str(error)))
    opened.on("request", lambda request: words.append(request.url))
    opened.goto((folder / "page.html").as_uri())
    return Shown(opened, [word for word in words if not word.endswith("/page.html")])


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "forced"), VIEWS)
def test_a_page_can_be_read_on_every_screen(
    width: int, scheme: str, forced: str, browser: Any, tmp_path: Path
) -> None:
    for name, case in CASES.items():
        opened, words = shown(browser, page(case), width, scheme, forced, tmp_path)
        assert not words, f"{name}: it asks for something, or complains"
        wide = opened.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name}: it must be scrolled sideways"
        contrast, text = opened.evaluate(CONTRASTS)[0]
        assert contrast >= 4.5, f"{name}: {text}"
        assert opened.evaluate(COVERED) == "", name
        is_dark = opened.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
        assert is_dark is (scheme == "dark")
        opened.close()


@pytest.mark.slow
def test_every_graphic_has_a_name_and_the_table_its_headers(browser: Any, tmp_path: Path) -> None:
    opened, _ = shown(browser, page(FOUND), 700, "light", "none", tmp_path)
    session = opened.context.new_cdp_session(opened)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]

    def named(role: str) -> list[str]:
        return [
            node.get("name", {}).get("value", "")
            for node in nodes
            if node.get("role", {}).get("value") == role and not node["ignored"]
        ]

    pictures = named("img") + named("image")
    assert sorted(pictures) == [
        "Throughput by num_workers of train.py:42",
        "Your loop: 64% waiting for data, 36% training",
    ]
    assert len(named("table")) == 1
    assert {"workers", "batches/s", "95 % interval", "memory"} <= {*named("columnheader")}
    assert named("rowheader") == ["0", "2", "4", "4"]
    assert named("heading")[0] == "train.py:42"
    opened.close()


@pytest.mark.slow
def test_an_editor_s_colours_are_taken(browser: Any, tmp_path: Path) -> None:
    opened, _ = shown(browser, page(FOUND), 700, "light", "none", tmp_path)
    opened.evaluate(IN_AN_EDITOR)

    def style(selector: str, name: str) -> str:
        words = f"getComputedStyle(document.querySelector('{selector}')).{name}"
        return str(opened.evaluate(words))

    assert style("body", "backgroundColor") == "rgb(1, 2, 3)"
    assert style(".answer", "color") == "rgb(250, 240, 230)"
    assert style(".chart .curve", "stroke") == "rgb(4, 5, 255)"
    assert style("body", "colorScheme") == "dark", "for what the editor says nothing of"
    assert opened.evaluate(CONTRASTS)[0][0] >= 4.5
    opened.close()


@pytest.mark.slow
def test_a_page_can_be_printed(browser: Any, tmp_path: Path) -> None:
    opened, _ = shown(browser, page(FOUND), 1000, "dark", "none", tmp_path)
    opened.emulate_media(media="print")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert opened.evaluate(paper) == "rgb(255, 255, 255)"
    assert opened.evaluate(CONTRASTS)[0][0] >= 4.5
    assert opened.pdf().startswith(b"%PDF")
    opened.close()


@pytest.mark.slow
def test_a_plot_is_light_or_dark_as_its_reader_likes(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "plot.svg").write_text(plot(FOUND), encoding="utf-8")
    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")):
        opened = browser.new_page(color_scheme=scheme)
        opened.goto((tmp_path / "plot.svg").as_uri())
        fill = "getComputedStyle(document.querySelector('.sheet')).fill"
        assert opened.evaluate(fill) == paper
        opened.close()
