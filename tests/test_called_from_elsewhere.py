"""What a function does with the loader, device and workers that other modules call it with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.front_door import dladvise, findings, written

Files = dict[str, str | bytes]

ENGINE = """\
import torch


def train_one_epoch(model, loader, device):
    for step, batch in enumerate(tqdm(loader)):
        model(batch.to(device)).backward()
"""
TRAINING = """\
import torch
from torch.utils.data import DataLoader

from engine import train_one_epoch


def main(rows, model):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loader = DataLoader(rows, 8, num_workers=2, persistent_workers=True, pin_memory=True)
    for epoch in range(9):
        train_one_epoch(model, loader, device)
"""
WAITS = ("engine.py", "DL201")


def found(folder: Path) -> list[tuple[str, str]]:
    """Path and code of each finding."""
    told = findings("--exit-zero", "--target-cores", "8", cwd=folder)
    return [(one["path"], one["code"]) for one in told]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("from engine import train_one_epoch", "import engine"),
        ("from engine import train_one_epoch", "import engine as e"),
        ("from engine import train_one_epoch", "from engine import (\n    other, train_one_epoch)"),
        ("from engine import train_one_epoch", "from engine import train_one_epoch as train"),
        ("device)", "device=device)"),
        ('torch.device("cuda" if torch.cuda.is_available() else "cpu")', '"cuda:0"'),
        ("loader, device)", "DataLoader(rows, num_workers=1, pin_memory=True), device)"),
    ],
)
def test_a_copy_waits_of_a_batch_that_another_module_pins(
    tmp_path: Path, before: str, after: str
) -> None:
    script = TRAINING.replace(before, after)
    if after.startswith("import engine"):
        script = script.replace("    train_one", f"    {after.split()[-1]}.train_one")
    if after.endswith("as train"):
        script = script.replace("    train_one_epoch(", "    train(")
    folder = written(tmp_path, {"pyproject.toml": "", "engine.py": ENGINE, "train.py": script})
    assert WAITS in found(folder)
    dladvise("check", "--fix", cwd=folder)
    if "loader, device" in script:  # its own place is told, and the copy mended there
        assert "batch.to(device, non_blocking=True)" in (folder / "engine.py").read_text()


def test_what_a_module_has_of_torch_besides_does_not_hide_it(tmp_path: Path) -> None:
    engine = f"from torch.utils.tensorboard import SummaryWriter\n{ENGINE}"
    folder = written(tmp_path, {"engine.py": engine, "train.py": TRAINING})
    assert found(folder) == [WAITS]


@pytest.mark.parametrize(
    ("engine", "script"),
    [
        ("pkg/engine.py", "pkg/train.py"),
        ("pkg/work/engine.py", "pkg/train.py"),
        ("pkg/work/engine.py", "train.py"),
        ("pkg/engine.py", "scripts/train.py"),
        ("src/pkg/engine.py", "train.py"),
    ],
)
def test_callers_stand_beside_a_module_or_above(tmp_path: Path, engine: str, script: str) -> None:
    module = engine.removeprefix("src/").removesuffix(".py").replace("/", ".")
    text = TRAINING.replace("from engine", f"from {module}")
    files: Files = {"pyproject.toml": "", engine: ENGINE, script: text}
    assert (engine, "DL201") in found(written(tmp_path, files))


@pytest.mark.parametrize(
    ("change", "of"),
    [
        ((", pin_memory=True", ""), "train.py"),
        (("from engine", "from motor"), "train.py"),
        (('torch.device("cuda" if torch.cuda.is_available() else "cpu")', '"cpu"'), "train.py"),
        (("batch.to(device)", "batch.to(device, non_blocking=True)"), "engine.py"),
        (("batch.to(device)", "batch"), "engine.py"),
        (("    for step", "    loader = wrapped(loader)\n    for step"), "engine.py"),
        (("def train_one_epoch", "def _private():\n    def train_one_epoch"), "engine.py"),
    ],
)
def test_nothing_is_told_where_no_pinned_batch_waits(
    tmp_path: Path, change: tuple[str, str], of: str
) -> None:
    files: Files = {"pyproject.toml": "", "engine.py": ENGINE, "train.py": TRAINING}
    text = str(files[of]).replace(*change)
    files[of] = text.replace("\n    ", "\n        ") if "_private" in text else text
    assert WAITS not in found(written(tmp_path, files))


SETUP = """\
def setup(rows):
    from engine import train_one_epoch as train

    return rows, train


"""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("train = setup(rows)", False),  # not taken apart
        ("rows, train = setup(rows)", True),
        ("train = setup(rows)[1]", True),
        ("train = train_one_epoch if rows else other", True),
        ("train = other if rows else another", False),
        ("rows, train = rows.setup()", False),
    ],
)
def test_a_function_that_is_handed_on_before_it_is_called(
    tmp_path: Path, given: str, told: bool
) -> None:
    script = TRAINING.replace("        train_one_epoch(", "        train(")
    script = script.replace("    device =", f"    {given}\n    device =")
    if "train_one_epoch" not in given:
        script = script.replace("from engine import train_one_epoch\n", "")
    script = script.replace("def main", f"{SETUP}def main")
    folder = written(tmp_path, {"pyproject.toml": "", "engine.py": ENGINE, "train.py": script})
    assert (WAITS in found(folder)) is told


def test_a_bar_around_the_loader(tmp_path: Path) -> None:
    engine = (
        "import torch\n\n\ndef train_one_epoch(model, loader, device):\n"
        "    with tqdm(loader) as bar:\n        for batch in bar:\n"
        "            model(batch.to(device)).backward()\n"
    )
    folder = written(tmp_path, {"engine.py": engine, "train.py": TRAINING})
    assert found(folder) == [WAITS]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ('return torch.device("cuda" if torch.cuda.is_available() else "cpu")', True),
        ('if name is None:\n        return "cuda:0"\n    return name', True),
        ('return torch.device("cpu")', False),
        ("return torch.device(name)", False),
        ('return "cpu" if name else "mps"', False),
        ("return 1 if name else 0", False),
    ],
)
def test_a_device_that_a_function_elsewhere_chooses(
    tmp_path: Path, chosen: str, told: bool
) -> None:
    script = TRAINING.replace("import torch\n", "from devices import choose\n", 1)
    script = script.replace(
        'torch.device("cuda" if torch.cuda.is_available() else "cpu")', "choose()"
    ).replace("pin_memory=True", "pin_memory=False")
    devices = f"import torch\n\n\ndef choose(name=None):\n    {chosen}\n"
    files: Files = {"engine.py": ENGINE, "train.py": script, "devices.py": devices}
    assert (("train.py", "DL200") in found(written(tmp_path, files))) is told


def test_a_loader_that_is_not_pinned_is_told_where_it_is_made(tmp_path: Path) -> None:
    script = TRAINING.replace(", pin_memory=True", "")
    folder = written(tmp_path, {"pyproject.toml": "", "engine.py": ENGINE, "train.py": script})
    [told] = findings("--exit-zero", cwd=folder)
    assert (told["path"], told["code"]) == ("train.py", "DL200")
    assert told["related"][0]["message"] == "a batch is copied to the GPU here (engine.py, line 6)"
    dladvise("check", "--fix", cwd=folder)
    fixed = (folder / "train.py").read_text()
    assert "pin_memory=torch.cuda.is_available())" in fixed
    assert found(folder) == [WAITS]


def test_a_loader_of_a_third_module_is_told_in_the_loop(tmp_path: Path) -> None:
    files: Files = {
        "pyproject.toml": "",
        "data.py": "from torch.utils.data import DataLoader\n\n\n"
        "def loaders(rows):\n    return DataLoader(rows, num_workers=2), DataLoader(rows)\n",
        "engine.py": ENGINE,
        "train.py": "from data import loaders\nfrom engine import train_one_epoch\n\n\n"
        "def main(rows, model):\n    first, second = loaders(rows)\n"
        '    train_one_epoch(model, first, "cuda")\n',
    }
    folder = written(tmp_path, files)
    [told] = findings("--exit-zero", cwd=folder)
    assert (told["path"], told["code"]) == ("engine.py", "DL200")
    assert "pin_memory is off (data.py, line 5)" in told["message"]


MAKING = """\
from torch.utils.data import DataLoader


class Training:
    def __init__(self, rows, n_workers=0):
        self.rows = rows
        self.n_workers = n_workers

    def run(self):
        loader = DataLoader(self.rows, num_workers=self.n_workers)
        for epoch in range(9):
            for batch in loader:
                batch.backward()


def measure(rows, num_workers):
    loader = DataLoader(rows, num_workers=num_workers)
    for epoch in range(9):
        for batch in loader:
            batch.backward()
"""


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("Training(rows, n_workers=64)", ["DL300 10", "DL302 10"]),
        ("Training(rows, 4)", ["DL302 10"]),
        ("Training(rows)", []),
        ("measure(rows, 4)", ["DL302 17"]),
        ("measure(rows, args.workers)", ["DL302 17"]),
        ("measure(rows, 64)", ["DL302 17"]),  # that it is too many is told where it is given
        ("measure(rows, 0)", []),
        ("measure(rows, some())", []),
        ("measure(*rows)", []),
    ],
)
def test_workers_that_another_module_gives(tmp_path: Path, call: str, told: list[str]) -> None:
    script = (
        "import argparse\n\nfrom making import Training, measure\n\n\n"
        "def main(rows):\n    parser = argparse.ArgumentParser()\n"
        '    parser.add_argument("--workers", type=int, default=4)\n'
        f"    args = parser.parse_args()\n    {call}\n"
    )
    folder = written(tmp_path, {"pyproject.toml": "", "making.py": MAKING, "train.py": script})
    here = findings("--exit-zero", "--target-cores", "8", cwd=folder)
    assert [f"{one['code']} {one['line']}" for one in here if one["path"] == "making.py"] == told


def test_what_tests_give_is_nothing(tmp_path: Path) -> None:
    script = "from making import measure\n\nmeasure(rows, 4)\n"
    folder = written(tmp_path, {"making.py": MAKING, "test_making.py": script})
    assert found(folder) == []
    (folder / "test_making.py").rename(folder / "run_making.py")
    assert found(folder) == [("making.py", "DL302")]


def test_the_cache_looks_at_the_callers_again(tmp_path: Path) -> None:
    files: Files = {"pyproject.toml": "", "engine.py": ENGINE, "train.py": TRAINING}
    folder = written(tmp_path, files)
    assert found(folder) == [WAITS]
    (folder / "train.py").write_text(TRAINING.replace("pin_memory=True", "pin_memory=False"))
    assert WAITS not in found(folder)
    (folder / "other.py").write_text(TRAINING)
    assert WAITS in found(folder)
    (folder / "other.py").unlink()
    assert WAITS not in found(folder)


SETTINGS = """\
import os


def get_settings(folder):
    settings = {}
    settings["folder"] = os.path.join(folder, "settings")
    settings["num_workers"] = 64
    settings["pin_memory"] = True
    return settings
"""


@pytest.mark.parametrize(
    ("between", "codes"),
    [
        ("", ["DL300"]),
        ('settings["num_workers"] = 4\n    ', []),
        ('settings["num_workers"] = some()\n    ', []),
        ("settings.update(more)\n    ", []),
    ],
)
def test_a_dictionary_that_a_function_elsewhere_fills(
    tmp_path: Path, between: str, codes: list[str]
) -> None:
    script = (
        "from torch.utils.data import DataLoader\n\nfrom settings import get_settings\n\n\n"
        f"def main(rows, more):\n    settings = get_settings(rows)\n    {between}"
        'return DataLoader(rows, num_workers=settings["num_workers"])\n'
    )
    folder = written(tmp_path, {"settings.py": SETTINGS, "train.py": script})
    assert [code for _, code in found(folder)] == codes


@pytest.mark.parametrize(
    ("function", "codes"),
    [
        ("def other(value, default):\n    return default if value is None else value", ["DL300"]),
        ("def other(value, default):\n    default = 2\n    return value if value else default", []),
        ("@halved\ndef other(value, default):\n    return value if value else default", []),
    ],
)
def test_a_function_that_chooses_between_its_arguments(
    tmp_path: Path, function: str, codes: list[str]
) -> None:
    script = (
        f"from torch.utils.data import DataLoader\n\n\n{function}\n\n\n"
        "def main(rows, workers=None):\n"
        "    return DataLoader(rows, num_workers=other(workers, 64)), other(1, 2), other(3, 4)\n"
    )
    assert [code for _, code in found(written(tmp_path, {"train.py": script}))] == codes


@pytest.mark.parametrize(
    "script",
    [
        "def options():\n    kept = {}\n    kept['num_workers'] = 2\n    return kept\n\n\n"
        "loader = DataLoader(rows, prefetch_factor=4, **options())\n",
        "def make(rows, options):\n    return DataLoader(rows, prefetch_factor=4, **options)\n\n\n"
        "kept = {}\nkept['num_workers'] = 2\nloader = make(rows, kept)\n",
    ],
)
def test_a_dictionary_is_what_it_was_changed_to(tmp_path: Path, script: str) -> None:
    text = f"from torch.utils.data import DataLoader\n\n\n{script}"
    assert found(written(tmp_path, {"train.py": text})) == []


DRAWING = """\
import random

import torch
from torch.utils.data import Dataset


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows
        self.rng = random.Random(911)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return torch.tensor(self.rows[index] + self.rng.randint(0, 9)){cuda}
"""


@pytest.mark.parametrize(
    ("script", "codes"),
    [
        ("", []),
        ("loader = DataLoader(Rows([1]))\n", ["DL401"]),
        ("data = Rows([1])\nloader = DataLoader(data, num_workers=0, drop_last=True)\n", ["DL401"]),
        ("loader = DataLoader(Rows([1]), num_workers=2)\n", ["DL101", "DL401"]),
        (
            "loader = DataLoader(Rows([1]))\nother = DataLoader(Rows([2]), num_workers=2)\n",
            ["DL101", "DL401"],
        ),
    ],
)
def test_workers_of_the_loaders_in_other_modules(
    tmp_path: Path, script: str, codes: list[str]
) -> None:
    importing = f"from torch.utils.data import DataLoader\n\nfrom data import Rows\n\n{script}"
    data = DRAWING.format(cuda=".cuda()")
    folder = written(tmp_path, {"data.py": data, "train.py": importing})
    told = findings("--exit-zero", "--target-cores", "8", "--select", "DL101,DL401", cwd=folder)
    severities = {one["code"]: one["severity"] for one in told if one["path"] == "data.py"}
    assert sorted(severities) == codes
    if codes:
        assert severities["DL401"] == ("warning" if "DL101" in codes else "info")


LOADERS = """\
from torch.utils.data import DataLoader


class Loaders:
    def __init__(self, rows, batch_size, num_workers=2):
        self.rows = rows
        self.train_loader = DataLoader(rows, batch_size, num_workers={workers}, pin_memory=True)

    @property
    def train(self):
        return self.train_loader
"""


@pytest.mark.parametrize(
    ("made", "read", "workers", "codes"),
    [
        ("Loaders(rows, 8)", "train", "num_workers", ["DL201", "DL302"]),
        ("Loaders(rows, 8)", "train_loader", "num_workers", ["DL201", "DL302"]),
        ("Loaders(rows, 8)", "train_loader", "4", ["DL201", "DL302"]),
        ("Loaders(rows, 8, 0)", "train_loader", "num_workers", ["DL201"]),
        ("Loaders(rows, 8, num_workers=4)", "train", "num_workers", ["DL201", "DL302"]),
        ("Loaders(rows, 8)", "other", "num_workers", []),
        ("other(rows)", "train", "num_workers", []),
    ],
)
def test_loaders_that_an_object_of_another_module_keeps(
    tmp_path: Path, made: str, read: str, workers: str, codes: list[str]
) -> None:
    script = (
        "import torch\n\nfrom data import Loaders, other\n\n\n"
        "class Trainer:\n    def __init__(self, rows, model):\n"
        f"        self.loaders = {made}\n        self.model = model\n\n"
        "    def train(self):\n        for epoch in range(9):\n"
        f"            for images in self.loaders.{read}:\n"
        '                self.model(images.to("cuda"))\n'
    )
    data = LOADERS.format(workers=workers)
    folder = written(tmp_path, {"data.py": data, "train.py": script})
    assert sorted(code for path, code in found(folder) if path == "train.py") == codes


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("from data import get_loader\ntest_loader = get_loader(photos)\n", ["DL116"]),
        ("import data\nval_loader = data.get_loader(photos)\n", ["DL116"]),
        ("import data\ntrain_loader = data.get_loader(photos)\n", []),
        ("import data\nval_loader = data.get_loader(photos).dataset\n", []),
    ],
)
def test_a_caller_elsewhere_evaluates_what_a_function_makes(
    tmp_path: Path, script: str, told: list[str]
) -> None:
    data = """\
from torch.utils.data import DataLoader


def get_loader(photos):
    return DataLoader(photos, 32, drop_last=True)
"""
    folder = written(tmp_path, {"data.py": data, "main.py": script})
    assert found(folder) == [("data.py", code) for code in told]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("test_training.py", []),
        ("tests/training.py", []),
        ("pkg/training_test.py", []),
        ("training.py", ["DL116"]),
        ("latest/contest.py", ["DL116"]),
    ],
)
def test_what_a_test_trains_is_no_evaluation(tmp_path: Path, file: str, told: list[str]) -> None:
    script = """\
from torch.utils.data import DataLoader


def test_whole_model(photos):
    return run(DataLoader(photos, 32, drop_last=True))
"""
    folder = written(tmp_path, {file: script})
    assert found(folder) == [(file, code) for code in told]
