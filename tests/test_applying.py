"""Measured settings are written where their values come from, or not at all."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dladvise.advisor import Source, applied
from dladvise.advisor.applying import CannotWrite, Workers, writing
from dladvise.advisor.constructions import Construction, constructions

IMPORT = "from torch.utils.data import DataLoader\nds = list(range(64))\n"
FOUR = Workers(4, 2, True)
PLAIN = Workers(4)
NONE = Workers(0)

# What stands there, what is wanted, and what it becomes. Where there are several loaders,
# the meant one has the comment `# this`.
WRITTEN = [
    ("nothing is given", "f(ds)", FOUR, "f(ds, num_workers=4, persistent_workers=True)"),
    ("torch's prefetch_factor need not be written", "f(ds)", PLAIN, "f(ds, num_workers=4)"),
    ("another prefetch_factor", "f(ds)", Workers(4, 8), "f(ds, num_workers=4, prefetch_factor=8)"),
    ("a keyword", "f(ds, num_workers=1)", PLAIN, "f(ds, num_workers=4)"),
    ("every keyword", "f(ds, num_workers=1, prefetch_factor=8, persistent_workers=False)", FOUR,
     "f(ds, num_workers=4, prefetch_factor=2, persistent_workers=True)"),
    ("what is there already", "f(ds, num_workers=4, persistent_workers=True)", FOUR,
     "f(ds, num_workers=4, persistent_workers=True)"),
    ("workers that are not kept", "f(ds, num_workers=1, persistent_workers=True)", PLAIN,
     "f(ds, num_workers=4, persistent_workers=False)"),
    ("by position", "f(ds, 8, False, None, None, 1)", PLAIN, "f(ds, 8, False, None, None, 4)"),
    ("by position, with more", "f(ds, 8, False, None, None, 1, None, True)", FOUR,
     "f(ds, 8, False, None, None, 4, None, True, persistent_workers=True)"),
    ("a line for each", "f(\n    ds,\n    batch_size=8,\n)", FOUR,
     "f(\n    ds,\n    batch_size=8,\n    num_workers=4,\n    persistent_workers=True,\n)"),
    ("a line for each, no comma at the end", "f(\n    ds,\n    batch_size=8\n)", FOUR,
     "f(\n    ds,\n    batch_size=8,\n    num_workers=4,\n    persistent_workers=True\n)"),
    ("comments and blanks stay", "f( ds ,  # data\n  num_workers = 1 ,  # few\n)", PLAIN,
     "f( ds ,  # data\n  num_workers = 4 ,  # few\n)"),
    ("CR LF", "f(\r\n    ds,\r\n    num_workers=1,\r\n)", FOUR,
     "f(\r\n    ds,\r\n    num_workers=4,\r\n    persistent_workers=True,\r\n)"),
    ("no workers any more", "f(ds, num_workers=2, prefetch_factor=4, persistent_workers=True)",
     NONE, "f(ds, num_workers=0)"),
    ("no workers, a line for each",
     "f(\n    ds,\n    num_workers=2,\n    prefetch_factor=4,\n    persistent_workers=True,\n)",
     NONE, "f(\n    ds,\n    num_workers=0,\n)"),
    ("no workers, as before", "f(ds)", NONE, "f(ds)"),
    ("no workers, and options that follow", "n = 2\nf(ds, num_workers=n, persistent_workers=n > 0)",
     NONE, "n = 0\nf(ds, num_workers=n, persistent_workers=n > 0)"),
    ("a name", "n = 2\nf(ds, num_workers=n)", PLAIN, "n = 4\nf(ds, num_workers=n)"),
    ("a name by a name", "N = 2\nn = N\nf(ds, num_workers=n)", PLAIN,
     "N = 4\nn = N\nf(ds, num_workers=n)"),
    ("a constant used in a function",
     "N: int = 2\n\ndef make():\n    return f(ds, num_workers=N)\n", PLAIN,
     "N: int = 4\n\ndef make():\n    return f(ds, num_workers=N)\n"),
    ("another variable of the same name",
     "n = 2\nf(ds, num_workers=n)\n\ndef g(n):\n    return n\n", PLAIN,
     "n = 4\nf(ds, num_workers=n)\n\ndef g(n):\n    return n\n"),
    ("a name in all the arguments of the call",
     "n = 2\nf(ds, num_workers=n, prefetch_factor=4 if n else None, persistent_workers=bool(n))",
     NONE,
     "n = 0\nf(ds, num_workers=n, prefetch_factor=4 if n else None, persistent_workers=bool(n))"),
    ("a local", "def make():\n    n = 2\n    return f(ds, num_workers=n)\n", FOUR,
     "def make():\n    n = 4\n    return f(ds, num_workers=n, persistent_workers=True)\n"),
    ("a parameter's default", "def make(n=2):\n    return f(ds, num_workers=n)\n", PLAIN,
     "def make(n=4):\n    return f(ds, num_workers=n)\n"),
    ("a parameter that the only call gives",
     "def make(n=2):\n    return f(ds, num_workers=n)\n\nmake(n=1)\n", PLAIN,
     "def make(n=2):\n    return f(ds, num_workers=n)\n\nmake(n=4)\n"),
    ("a parameter that no call gives",
     "def make(d, n=2):\n    return f(d, num_workers=n)\n\nmake(ds)\nmake(ds)\n", PLAIN,
     "def make(d, n=4):\n    return f(d, num_workers=n)\n\nmake(ds)\nmake(ds)\n"),
    ("int()", "n = 2\nf(ds, num_workers=int(n))", PLAIN, "n = 4\nf(ds, num_workers=int(n))"),
    ("a dictionary in the call", "f(ds, **{'num_workers': 2})", PLAIN,
     "f(ds, **{'num_workers': 4})"),
    ("a dictionary", "kw = {'num_workers': 2, 'pin_memory': True}\nf(ds, **kw)", FOUR,
     "kw = {'num_workers': 4, 'pin_memory': True}\nf(ds, **kw, persistent_workers=True)"),
    ("dict()", "kw = dict(num_workers=2)\nf(ds, **kw)", PLAIN,
     "kw = dict(num_workers=4)\nf(ds, **kw)"),
    ("a dictionary without the key", "kw = {'pin_memory': True}\nf(ds, **kw)", PLAIN,
     "kw = {'pin_memory': True}\nf(ds, **kw, num_workers=4)"),
    ("a dictionary that is filled", "kw = {}\nkw['num_workers'] = 2\nf(ds, **kw)", PLAIN,
     "kw = {}\nkw['num_workers'] = 4\nf(ds, **kw)"),
    ("a dictionary that is updated", "kw = {}\nkw.update(num_workers=2)\nf(ds, **kw)", PLAIN,
     "kw = {}\nkw.update(num_workers=4)\nf(ds, **kw)"),
    ("a dictionary of a dictionary", "base = {'num_workers': 2}\nkw = {**base}\nf(ds, **kw)",
     PLAIN, "base = {'num_workers': 4}\nkw = {**base}\nf(ds, **kw)"),
    ("a dictionary with a name", "n = 2\nkw = {'num_workers': n}\nf(ds, **kw)", PLAIN,
     "n = 4\nkw = {'num_workers': n}\nf(ds, **kw)"),
    ("an item of a dictionary",
     "cfg = {'workers': 2, 'batch': 8}\nprint(cfg['batch'])\nf(ds, num_workers=cfg['workers'])",
     PLAIN,
     "cfg = {'workers': 4, 'batch': 8}\nprint(cfg['batch'])\nf(ds, num_workers=cfg['workers'])"),
    ("entries without workers",
     "kw = {'num_workers': 2, 'prefetch_factor': 4, 'persistent_workers': True}\nf(ds, **kw)",
     NONE, "kw = {'num_workers': 0}\nf(ds, **kw)"),
    ("entries of dict() without workers",
     "kw = dict(num_workers=2, persistent_workers=True, pin_memory=True)\nf(ds, **kw)",
     NONE, "kw = dict(num_workers=0, pin_memory=True)\nf(ds, **kw)"),
    ("entries with a line for each",
     "kw = {\n    'prefetch_factor': 4,  # deep\n    'num_workers': 2,\n}\nf(ds, **kw)",
     NONE, "kw = {\n    # deep\n    'num_workers': 0,\n}\nf(ds, **kw)"),
    ("functools.partial",
     "import functools\nmake = functools.partial(DataLoader, num_workers=2)\nmake(ds)", PLAIN,
     "import functools\nmake = functools.partial(DataLoader, num_workers=2)\n"
     "make(ds, num_workers=4)"),
    ("argparse",
     "import argparse\np = argparse.ArgumentParser()\n"
     "p.add_argument('-j', '--workers', type=int, default=2, help='n')\n"
     "args = p.parse_args([])\nf(ds, num_workers=args.workers)", FOUR,
     "import argparse\np = argparse.ArgumentParser()\n"
     "p.add_argument('-j', '--workers', type=int, default=4, help='n')\n"
     "args = p.parse_args([])\nf(ds, num_workers=args.workers, persistent_workers=True)"),
    ("argparse, a default that is text",
     "import argparse\np = argparse.ArgumentParser()\n"
     "p.add_argument('--workers', type=int, default='2')\n"
     "args = p.parse_args([])\nf(ds, num_workers=args.workers)", PLAIN,
     "import argparse\np = argparse.ArgumentParser()\n"
     "p.add_argument('--workers', type=int, default=4)\n"
     "args = p.parse_args([])\nf(ds, num_workers=args.workers)"),
    ("click",
     "import click\n\n@click.command()\n@click.option('--workers', default=2)\n"
     "def main(workers):\n    f(ds, num_workers=workers)\n", PLAIN,
     "import click\n\n@click.command()\n@click.option('--workers', default=4)\n"
     "def main(workers):\n    f(ds, num_workers=workers)\n"),
    ("a field of a dataclass",
     "from dataclasses import dataclass\n\n@dataclass\nclass Config:\n    workers: int = 2\n\n"
     "cfg = Config()\nf(ds, num_workers=cfg.workers)", PLAIN,
     "from dataclasses import dataclass\n\n@dataclass\nclass Config:\n    workers: int = 4\n\n"
     "cfg = Config()\nf(ds, num_workers=cfg.workers)"),
    ("an attribute that __init__ keeps",
     "class Data:\n    def __init__(self, n=2):\n        self.n = n\n\n"
     "    def train(self):\n        return f(ds, num_workers=self.n)\n", PLAIN,
     "class Data:\n    def __init__(self, n=4):\n        self.n = n\n\n"
     "    def train(self):\n        return f(ds, num_workers=self.n)\n"),
    ("an attribute of the class",
     "class Data:\n    n = 2\n\n    def train(self):\n        return f(ds, num_workers=self.n)\n",
     PLAIN,
     "class Data:\n    n = 4\n\n    def train(self):\n        return f(ds, num_workers=self.n)\n"),
    ("one of two loaders", "f(ds)\nf(ds, num_workers=1)  # this", PLAIN,
     "f(ds)\nf(ds, num_workers=4)  # this"),
    ("a list of loaders", "a = [\n    f(ds),\n    f(ds, 8),  # this\n]", PLAIN,
     "a = [\n    f(ds),\n    f(ds, 8, num_workers=4),  # this\n]"),
    ("** that holds something unknown, beside a keyword",
     "def make(**kw):\n    return f(ds, num_workers=1, **kw)\n", PLAIN,
     "def make(**kw):\n    return f(ds, num_workers=4, **kw)\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "workers", "after"), [row[1:] for row in WRITTEN], ids=[row[0] for row in WRITTEN]
)
def test_settings_are_written(before: str, workers: Workers, after: str) -> None:
    source = program(before)
    found = writing(source, meant(source).callee, workers)
    once = source.edited(found.edits)
    assert once.text == program(after).text
    assert not writing(once, meant(once).callee, workers).edits, "a second time changes nothing"
    assert found.notes == ()
    ast.parse(once.text)


# What is refused, and why.
REFUSED = [
    ("computed", "import os\nf(ds, num_workers=os.cpu_count() // 2)", PLAIN,
     "num_workers is computed when the program runs (os.cpu_count() // 2 on line 4)"),
    ("one of two", "f(ds, num_workers=2 if cuda else 0)", PLAIN,
     "num_workers is computed when the program runs (2 if cuda else 0 on line 3)"),
    ("two assignments", "if cuda:\n    n = 2\nelse:\n    n = 3\nf(ds, num_workers=n)", PLAIN,
     "num_workers is n, which has several possible values (lines 4 and 6)"),
    ("a name that something else uses", "n = 2\nPool(n)\nf(ds, num_workers=n)", PLAIN,
     "num_workers is n, which is used on line 4 as well"),
    ("a name that another loader uses",
     "n = 2\nf(ds, num_workers=n)  # this\nf(ds, num_workers=n)", PLAIN,
     "num_workers is n, which is used on line 5 as well"),
    ("a local that is printed",
     "def make():\n    n = 2\n    print(f'{n} workers')\n    return f(ds, num_workers=n)\n", PLAIN,
     "num_workers is n, which is used on line 5 as well"),
    ("a name from another file", "from config import WORKERS\nf(ds, num_workers=WORKERS)", PLAIN,
     "num_workers is WORKERS, which comes from another file (config.WORKERS)"),
    ("a name of nobody", "f(ds, num_workers=WORKERS)", PLAIN,
     "num_workers is WORKERS, which this file does not set"),
    ("a loop", "for n in (1, 2):\n    f(ds, num_workers=n)", PLAIN,
     "num_workers is n, which takes its values from the loop on line 3"),
    ("changed", "n = 2\nn += 1\nf(ds, num_workers=n)", PLAIN,
     "num_workers is n, which is changed on line 4"),
    ("a parameter without default", "def make(n):\n    return f(ds, num_workers=n)\n", PLAIN,
     "num_workers is n, which callers of make give in other files"),
    ("a parameter that several calls give",
     "def make(n):\n    return f(ds, num_workers=n)\n\nmake(1)\nmake(2)\n", PLAIN,
     "num_workers is n, and make is called several times (lines 6 and 7)"),
    ("**", "def make(**kw):\n    return f(ds, **kw)\n", PLAIN,
     "num_workers may come from kw, and what that holds cannot be told from this file"),
    ("** beside num_workers, when there shall be none",
     "def make(**kw):\n    return f(ds, num_workers=2, **kw)\n", NONE,
     "prefetch_factor may come from kw, and what that holds cannot be told from this file"),
    ("a dictionary that is used twice",
     "kw = {'num_workers': 2}\nf(ds, **kw)  # this\nf(ds, **kw)", PLAIN,
     "num_workers comes from kw, which is used on line 5 as well"),
    ("a dictionary with two sources",
     "kw = {'num_workers': 2}\nkw['num_workers'] = 3\nf(ds, **kw)", PLAIN,
     "num_workers has several possible values (lines 3 and 4)"),
    ("a dictionary that is filled on a condition",
     "kw = {}\nif cuda:\n    kw['num_workers'] = 2\nf(ds, **kw)", PLAIN,
     "num_workers also depends on something that cannot be followed"),
    ("an entry that a statement sets",
     "kw = {'num_workers': 2}\nkw['prefetch_factor'] = 4\nf(ds, **kw)", NONE,
     "prefetch_factor is set by the statement on line 4"),
    ("a configuration of another library", "f(ds, num_workers=cfg.data.workers)", PLAIN,
     "num_workers is cfg.data.workers, which cannot be followed to where it is set"),
    ("a switch",
     "import argparse\np = argparse.ArgumentParser()\n"
     "p.add_argument('--keep', action='store_true')\nargs = p.parse_args([])\n"
     "f(ds, num_workers=2, persistent_workers=args.keep)", FOUR,
     "persistent_workers is the switch --keep, which has no default to change"),
    ("an attribute with two uses",
     "class Data:\n    def __init__(self, n=2):\n        self.n = n\n\n"
     "    def train(self):\n        return f(ds, num_workers=self.n)  # this\n\n"
     "    def val(self):\n        return f(ds, num_workers=self.n)\n", PLAIN,
     "num_workers is self.n, which is used on line 11 as well"),
    ("a property",
     "class Data:\n    @property\n    def n(self):\n        return 2\n\n"
     "    def train(self):\n        return f(ds, num_workers=self.n)\n", PLAIN,
     "num_workers is self.n, which a property computes"),
    ("an option of two loaders, one of which needs workers",
     "import argparse\np = argparse.ArgumentParser()\n"
     "p.add_argument('--workers', type=int, default=2)\nargs = p.parse_args([])\n"
     "f(ds, num_workers=args.workers)  # this\n"
     "val = f(ds, num_workers=args.workers, prefetch_factor=4)", NONE,
     "val (line 8) has its workers from --workers too, and options that torch refuses without "
     "workers"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "workers", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_cannot_be_written_has_its_reason(text: str, workers: Workers, reason: str) -> None:
    source = program(text)
    with pytest.raises(CannotWrite) as refused:
        writing(source, meant(source).callee, workers)
    assert str(refused.value) == reason


def test_an_option_of_two_loaders_is_changed_and_told() -> None:
    source = program(
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--workers', type=int, default=2)\nargs = p.parse_args()\n"
        "f(ds, num_workers=args.workers)  # this\nval = f(ds, num_workers=args.workers)\n"
    )
    found = writing(source, meant(source).callee, PLAIN)
    assert "default=4)" in source.edited(found.edits).text
    assert found.notes == ("the default of --workers is that of val (line 8) too",)


def test_the_text_must_be_what_decides() -> None:
    source = program("f(ds, num_workers=2)")
    with pytest.raises(CannotWrite, match="is 2 in the text, but 8 when the program ran"):
        writing(source, meant(source).callee, PLAIN, now=Workers(8))
    assert writing(source, meant(source).callee, PLAIN, now=Workers(2)).edits


def test_edits_are_of_whole_lines_and_leave_the_others() -> None:
    source = program("a = 1\nf(\n    ds,\n    num_workers=1,\n)\nb = 2\n")
    [edit] = writing(source, meant(source).callee, FOUR).edits
    text = source.text
    assert text[edit.span.start : edit.span.end] == "    num_workers=1,\n"
    assert edit.new == "    num_workers=4,\n    persistent_workers=True,\n"
    assert applied(text, [edit]).startswith(text[: edit.span.start])


def program(text: str) -> Source:
    return Source("t.py", IMPORT + re.sub(r"\bf\(", "DataLoader(", text))


def meant(source: Source) -> Construction:
    found = constructions(source)
    if len(found) == 1:
        return found[0]
    line = next(n for n, text in enumerate(source.text.splitlines(), 1) if "# this" in text)
    [one] = [construction for construction in found if line in construction.lines]
    return one


@pytest.mark.slow
def test_torch_takes_every_program_that_was_written_into() -> None:
    """What torch constructed before, it constructs afterwards."""
    programs = [program(text).text for row in WRITTEN for text in (row[1], row[3])]
    outcomes = outcomes_of(programs)
    for row, before, after in zip(WRITTEN, outcomes[::2], outcomes[1::2], strict=True):
        assert before == after == "ok", row[0]


def outcomes_of(programs: list[str]) -> list[str]:
    """What the installed torch makes of each program."""
    run = [sys.executable, str(Path(__file__).parent / "torch_runner.py")]
    text = "".join(f"{json.dumps(one)}\n" for one in programs)
    done = subprocess.run(run, input=text, capture_output=True, text=True, check=True, timeout=240)
    return [json.loads(line)["observed"] for line in done.stdout.splitlines()]
