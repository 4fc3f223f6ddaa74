"""Names that a file has from other modules of its project are followed there, and only there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.front_door import dladvise, written

LOADER = "from torch.utils.data import DataLoader\n"
STREAM = """\
from torch.utils.data import IterableDataset


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(8))
"""
SHUFFLED = "loader = DataLoader(Stream(), shuffle=True)\n"


def found(folder: Path, *arguments: str) -> list[tuple[str, int, str]]:
    """Path, line and code of each finding."""
    done = dladvise("check", "--output-format", "json", "--exit-zero", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [(one["path"], one["line"], one["code"]) for one in json.loads(done.stdout)]


@pytest.mark.parametrize(
    ("module", "script", "words"),
    [
        ("rows.py", "train.py", "from rows import Stream"),
        ("rows.py", "train.py", "import rows\n\nStream = rows.Stream"),
        ("data/rows.py", "train.py", "from data.rows import Stream"),  # a folder, no package
        ("data/__init__.py", "train.py", "from data import Stream"),
        ("pkg/rows.py", "pkg/train.py", "from .rows import Stream"),
        ("pkg/data/rows.py", "pkg/work/train.py", "from ..data.rows import Stream"),
        ("src/pkg/rows.py", "scripts/train.py", "from pkg.rows import Stream"),
        ("pkg/rows.py", "scripts/deep/train.py", "from pkg.rows import Stream"),
        ("rows.py", "train.py", "from rows import *"),
        ("rows.py", "train.py", "from rows import Stream as Rows\n\nStream = Rows"),
    ],
)
def test_a_class_is_found_where_python_finds_it(
    tmp_path: Path, module: str, script: str, words: str
) -> None:
    files: dict[str, str | bytes] = {
        "pyproject.toml": "",
        module: STREAM,
        script: f"{LOADER}{words}\n\n{SHUFFLED}",
    }
    if "pkg/" in module:
        files[f"{module.partition('pkg/')[0]}pkg/__init__.py"] = ""
    folder = written(tmp_path, files)
    assert [(path, code) for path, _, code in found(folder)] == [(script, "DL007")]


@pytest.mark.parametrize(
    "files",
    [
        {"pkg/__init__.py": "from .rows import Stream\n", "pkg/rows.py": STREAM},
        {"pkg/__init__.py": "from .rows import *\n", "pkg/rows.py": STREAM},
        {
            "pkg/__init__.py": "from . import a\n\nStream = a.S\n",
            "pkg/a.py": STREAM + "\nS = Stream\n",
        },
        {
            "pkg/__init__.py": "from .base import Base\n\nclass Stream(Base):\n    pass\n",
            "pkg/base.py": STREAM.replace("class Stream", "class Base"),
        },
    ],
)
def test_names_are_handed_on(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    script = f"{LOADER}from pkg import Stream\n\n{SHUFFLED}"
    assert found(written(tmp_path, {**files, "train.py": script})) == [("train.py", 4, "DL007")]


def test_a_package_hands_on_its_modules(tmp_path: Path) -> None:
    script = f"{LOADER}import pkg\n\nStream = pkg.data.Stream\n{SHUFFLED}"
    files: dict[str, str | bytes] = {
        "pkg/__init__.py": "from . import data\n",
        "pkg/data/__init__.py": "from .rows import Stream\n",
        "pkg/data/rows.py": STREAM,
        "pkg/work/__init__.py": "",
        "pkg/work/train.py": script,
    }
    assert found(written(tmp_path, files)) == [("pkg/work/train.py", 5, "DL007")]


def test_constants_functions_and_loaders_of_other_modules(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {
            "settings.py": "NUM_WORKERS = 0\n\n\ndef workers():\n    return 0\n",
            "together.py": "def together():\n    return 1\n",
            "compat.py": "from torch.utils.data import DataLoader\n",
            "train.py": (
                "import torch\nfrom compat import DataLoader\nfrom settings import NUM_WORKERS\n"
                "from settings import workers\nfrom together import together\n\n"
                "one = DataLoader([1], num_workers=NUM_WORKERS, prefetch_factor=2)\n"
                "two = DataLoader([1], num_workers=workers(), prefetch_factor=2)\n"
                "three = DataLoader([1], collate_fn=together)\n"
            ),
        },
    )
    assert found(folder, "--select", "DL003,DL012") == [
        ("train.py", 7, "DL003"),
        ("train.py", 8, "DL003"),
        ("train.py", 9, "DL012"),
    ]


def test_defaults_that_stand_in_other_modules(tmp_path: Path) -> None:
    """Those of the command line and of fields; what a function's caller gives is not known."""
    options = (
        "import argparse\nfrom dataclasses import dataclass\n\n\ndef parsed():\n"
        "    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--workers', type=int, default=0)\n"
        "    return parser.parse_args()\n\n\n"
        "@dataclass\nclass Config:\n    workers: int = 0\n\n\n"
        "def count(n=0):\n    return n\n\n\nclass Mutable:\n    workers = 0\n"
    )
    lines = ["args.workers", "config.workers", "count(2)", "count()", "Mutable.workers"]
    script = LOADER + "from options import Config, Mutable, count, parsed\n\n"
    script += "args = parsed()\nconfig = Config()\n"
    script += "".join(
        f"DataLoader([1], num_workers={line}, persistent_workers=True)\n" for line in lines
    )
    folder = written(tmp_path, {"options.py": options, "train.py": script})
    done = dladvise("check", "--output-format", "json", "--select", "DL003,DL004", cwd=folder)
    told = {one["line"]: one["message"] for one in json.loads(done.stdout)}
    assert list(told) == [6, 7]
    assert "0 by the default of --workers in options.py, line 7" in told[6]
    assert "0 by the default of field 'workers' in options.py, line 13" in told[7]


def test_a_method_that_a_base_elsewhere_has_is_not_missing(tmp_path: Path) -> None:
    base = (
        "from torch.utils.data import Dataset\n\n\nclass BaseDataset(Dataset):\n"
        "    def __len__(self):\n        return 8\n"
    )
    script = (
        f"{LOADER}from base import BaseDataset\n\n\nclass Rows(BaseDataset):\n"
        "    def __getitem__(self, index):\n        return index\n\n\nloader = DataLoader(Rows())\n"
    )
    folder = written(tmp_path, {"base.py": base, "train.py": script})
    assert found(folder, "--select", "DL010") == []
    (folder / "base.py").write_text(base.replace("__len__", "size"))
    assert found(folder, "--select", "DL010") == [("train.py", 5, "DL010")]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"rows.py": STREAM.replace("IterableDataset", "object")}, "from rows import Stream"),
        ({"rows.py": "try:\n    from fast import Stream\nexcept ImportError:\n    Stream = None\n"},
         "from rows import Stream"),
        ({"rows.py": "import Stream from nowhere\n"}, "from rows import Stream"),
        ({"rows.py": "from train import Stream\n"}, "from rows import Stream"),  # in a circle
        (
            {"a.py": "from b import Stream\n", "b.py": "from a import Stream\n"},
            "from a import Stream",
        ),
        ({"rows/readme.txt": ""}, "from rows import Stream"),
        ({}, "from nowhere.rows import Stream"),
        ({}, "from ......beyond import Stream"),
    ],
)  # fmt: skip
def test_what_is_not_known_there_is_not_known_here(
    tmp_path: Path, files: dict[str, str | bytes], words: str
) -> None:
    folder = written(tmp_path, {**files, "train.py": f"{LOADER}{words}\n\n{SHUFFLED}"})
    assert found(folder, "--select", "DL007", "train.py") == []


@pytest.mark.parametrize(
    ("mixin", "codes"),
    [
        ("class Dilled:\n    def __getstate__(self):\n        return {}\n", ["DL018"]),
        ("class Dilled:\n    def __init__(self, data_source):\n        pass\n", []),
        ("class Dilled(Other):\n    pass\n", []),
    ],
)
def test_a_mixin_of_another_module_takes_what_the_sampler_does_not(
    tmp_path: Path, mixin: str, codes: list[str]
) -> None:
    script = (
        "from mixins import Dilled\nfrom torch.utils.data import Sampler\n\n\n"
        "class Ordered(Sampler, Dilled):\n    def __init__(self, n):\n"
        "        super().__init__(data_source=None)\n        self.n = n\n\n"
        "    def __iter__(self):\n        return iter(range(self.n))\n"
    )
    folder = written(tmp_path, {"mixins.py": mixin, "train.py": script})
    assert [code for _, _, code in found(folder)] == codes


SCALER = """\
import numpy as np


class Scaler:
    def __init__(self, seed=47):
        self.rng = np.random.RandomState(seed)

    def scale(self, row):
        return row * self.rng.uniform()
"""
SCALED = """\
from torch.utils.data import DataLoader, Dataset

from scaling import Scaler


class Rows(Dataset):
    def __init__(self, rows, seed=None):
        self.rows = rows
        self.scaler = Scaler(seed) if seed is not None else None

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.scaler.scale(self.rows[index])


loader = DataLoader(Rows([1.0], 47), num_workers=2)
"""


@pytest.mark.parametrize(
    ("file", "change", "codes"),
    [
        ("rows.py", ("", ""), ["DL101"]),
        ("rows.py", ("Scaler(seed) if seed is not None else None", "Scaler()"), ["DL101"]),
        ("rows.py", ("self.scaler.scale(self.rows[index])", "self.rows[index]"), []),
        ("rows.py", ("num_workers=2", "num_workers=0"), []),
        ("rows.py", ("        return self.scaler", "        self.scaler = None\n        x"), []),
        ("scaling.py", ("np.random.RandomState(seed)", "np.random"), []),
        (
            "scaling.py",
            ("        return row", "        self.rng.seed(row)\n        return row"),
            [],
        ),
    ],
)
def test_a_generator_that_an_object_of_another_module_keeps(
    tmp_path: Path, file: str, change: tuple[str, str], codes: list[str]
) -> None:
    files: dict[str, str | bytes] = {"scaling.py": SCALER, "rows.py": SCALED}
    text = str(files[file])
    assert change[0] in text
    files[file] = text.replace(*change)
    assert [one[2] for one in found(written(tmp_path, files)) if one[2] == "DL101"] == codes


def test_a_loader_by_a_name_of_the_project_is_a_target(tmp_path: Path) -> None:
    script = "import torch\nfrom pkg import DataLoader\n\nloader = DataLoader([1], num_workers=2)\n"
    files: dict[str, str | bytes] = {"pkg/__init__.py": LOADER, "train.py": script}
    done = dladvise("explain", "train.py:4", cwd=written(tmp_path, files))
    assert done.stdout.decode().startswith("train.py:4  loader = DataLoader(...)\n"), done.stderr


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ("WORKERS = 0\n", "WORKERS", "num_workers is 0 by WORKERS in settings.py, line 1"),
        ("from base import *\n", "WORKERS", "num_workers is 0 by WORKERS in base.py, line 1"),
        ("workers = 0\n", "workers", None),  # a variable
        ("WORKERS = None\n", "WORKERS", None),  # to be set
        ("WORKERS = 0\nif fast:\n    WORKERS = 4\n", "WORKERS", None),
        ("from settings import *\n", "WORKERS", None),  # in a circle
    ],
)  # fmt: skip
def test_a_constant_of_a_module_is_a_default(
    tmp_path: Path, settings: str, name: str, words: str | None
) -> None:
    """Whoever imports the module may set it before it is read."""
    script = (
        f"import settings\n{LOADER}\n"
        f"loader = DataLoader([1], num_workers=settings.{name}, prefetch_factor=2)\n"
    )
    files: dict[str, str | bytes] = {
        "base.py": "WORKERS = 0\n", "settings.py": settings, "train.py": script,
    }  # fmt: skip
    folder = written(tmp_path, files)
    done = dladvise("check", "--output-format", "json", "--select", "DL003,DL004", cwd=folder)
    told = [one["message"] for one in json.loads(done.stdout)]
    assert [words in one for one in told if words] == [True] * (words is not None)
    assert bool(told) == (words is not None)


def test_installed_packages_are_nobodys_modules(tmp_path: Path) -> None:
    """But their own modules are theirs."""
    folder = written(
        tmp_path,
        {
            "pyproject.toml": "",
            "site-packages/rows.py": STREAM,
            "site-packages/pkg/__init__.py": STREAM,
            "site-packages/pkg/other.py": f"{LOADER}from rows import Stream\n\n{SHUFFLED}",
            "site-packages/pkg/own.py": f"{LOADER}from pkg import Stream\n\n{SHUFFLED}",
        },
    )
    assert [path for path, _, _ in found(folder, "--select", "DL007", "site-packages/pkg")] == [
        "site-packages/pkg/own.py"
    ]


def test_the_cache_looks_at_the_other_modules_again(tmp_path: Path) -> None:
    """Whether one has changed, is gone, or another is found before it."""
    script = f"{LOADER}from pkg.rows import Stream\n\n{SHUFFLED}"
    files: dict[str, str | bytes] = {
        "pyproject.toml": "",
        "src/pkg/rows.py": STREAM,
        "scripts/train.py": script,
    }
    folder = written(tmp_path, files)
    speaks = [("scripts/train.py", 4, "DL007")]
    assert found(folder) == found(folder) == speaks
    place = folder / "src/pkg/rows.py"
    place.write_text(STREAM.replace("(IterableDataset)", ""))
    assert found(folder) == []
    place.write_text(STREAM)
    assert found(folder) == speaks
    nearer = folder / "scripts/pkg"
    nearer.mkdir()
    (nearer / "rows.py").write_text("Stream = list\n")
    assert found(folder) == []
    (nearer / "rows.py").unlink()
    nearer.rmdir()
    place.unlink()
    assert found(folder) == []


def test_explain_names_the_file_of_the_dataset(tmp_path: Path) -> None:
    script = f"{LOADER}from rows import Stream\n\nloader = DataLoader(Stream())\n"
    folder = written(tmp_path, {"rows.py": STREAM, "train.py": script})
    done = dladvise("explain", "train.py:4", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Stream of rows.py, iterable" in done.stdout.decode()


FACTORY = """\
from torch.utils.data import DataLoader, DistributedSampler


def get_loaders(train, val, batch_size, workers=4):
    sampler = DistributedSampler(train)
    train_loader = DataLoader(train, batch_size, sampler=sampler, num_workers=2)
    return train_loader, DataLoader(val, batch_size, num_workers=workers, pin_memory=True)


def loaders_by_name(train):
    return {"train": DataLoader(train, num_workers=2), "val": DataLoader(train)}


def one_of_two(train):
    if train.is_big:
        loader = DataLoader(train, 8, num_workers=2)
    else:
        loader = DataLoader(train, 4)
    return loader


class Rows:
    def __init__(self, train):
        self.train = train

    def loader(self):
        return DataLoader(self.train, num_workers=2)
"""
TRAINING = """\
    for epoch in range(9):
        for batch in {}:
            batch.cuda()
            model(batch).backward()
"""


@pytest.mark.parametrize(
    ("made", "loader"),
    [
        ("train_loader, val_loader = get_loaders(rows, rows, 8)", "train_loader"),
        ("loaders = get_loaders(rows, rows, 8)", "loaders[0]"),
        ("loaders = data.get_loaders(rows, rows, 8)", "tqdm(loaders[0])"),
        ('train_loader = loaders_by_name(rows)["train"]', "train_loader"),
        ("loader = one_of_two(rows)", "loader"),
        ("made = Rows(rows)\n    train_loader = made.loader()", "train_loader"),
    ],
)
def test_loops_over_loaders_that_another_module_makes(
    tmp_path: Path, made: str, loader: str
) -> None:
    script = (
        "import torch\n\nimport data\n"
        "from data import Rows, get_loaders, loaders_by_name, one_of_two\n\n\n"
        f"def main(rows, model):\n    {made}\n" + TRAINING.format(loader)
    )
    folder = written(tmp_path, {"pyproject.toml": "", "data.py": FACTORY, "train.py": script})
    here = [one[2] for one in found(folder, "--target-cores", "8") if one[0] == "train.py"]
    sampled = ["DL105"] if "get_loaders(" in made else []
    assert here == [*sampled, "DL302", "DL200"]


def test_a_loop_over_several_loaders_that_another_module_makes(tmp_path: Path) -> None:
    script = """\
import torch

from data import both


def main(rows, model):
    loaders = both(rows)
    for epoch in range(9):
        for phase in ["train", "val"]:
            for batch in loaders[phase]:
                model(batch.cuda())
"""
    data = LOADER + (
        "\n\ndef both(rows):\n"
        '    return {"train": DataLoader(rows, num_workers=2), "val": DataLoader(rows)}\n'
    )
    folder = written(tmp_path, {"pyproject.toml": "", "data.py": data, "train.py": script})
    told = found(folder, "--target-cores", "8")
    assert told == [("train.py", 10, "DL302"), ("train.py", 11, "DL200")]


@pytest.mark.parametrize("made", ["settings()", "pairs()", "*settings()"])
def test_what_a_function_elsewhere_gives_for_a_dataset(tmp_path: Path, made: str) -> None:
    data = """\
def settings():
    return {"batch_size": 8}


def pairs():
    yield 1, 2
"""
    script = LOADER + f"from data import pairs, settings\n\nloader = DataLoader({made})\n"
    folder = written(tmp_path, {"data.py": data, "train.py": script})
    assert [one[2] for one in found(folder)] in ([], ["DL009"])


BY_LENGTH = """\
from torch.utils.data import BatchSampler


class ByLength(BatchSampler):
    def __iter__(self):
        self.sampler.tell_nobody(1)
        return super().__iter__()
"""


@pytest.mark.parametrize(
    ("samplers", "told"),
    [
        (BY_LENGTH, ["DL105"]),
        (BY_LENGTH.replace("tell_nobody", "set_epoch"), []),
        (BY_LENGTH.replace("ByLength(BatchSampler)", "ByLength"), []),
    ],
)
def test_a_batch_sampler_of_another_module_tells_its_sampler(
    tmp_path: Path, samplers: str, told: list[str]
) -> None:
    script = """\
from torch.utils.data import DataLoader, DistributedSampler

from samplers import ByLength


def main(rows, model):
    sampler = ByLength(DistributedSampler(rows), 8, False)
    loader = DataLoader(rows, batch_sampler=sampler)
    for epoch in range(9):
        for batch in loader:
            model(batch).backward()
"""
    files: dict[str, str | bytes] = {"samplers.py": samplers, "train.py": script}
    folder = written(tmp_path, {"pyproject.toml": "", **files})
    assert [one[2] for one in found(folder)] == told


FAST = """\
from torch.utils.data import DataLoader


class FastDataLoader(DataLoader):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class FasterDataLoader(FastDataLoader):
    pass
"""


@pytest.mark.parametrize(
    ("fast", "made", "told"),
    [
        (FAST, "FastDataLoader(rows, num_workers=0, timeout=9)", ["DL003"]),
        (FAST, "FasterDataLoader(rows, num_workers=0, timeout=9)", ["DL003"]),
        (FAST, "Mine(rows, num_workers=0, timeout=9)", ["DL003"]),
        (
            FAST,
            "0\nkind = FastDataLoader if rows else DataLoader\nkind(rows, timeout=9)",
            ["DL003"],
        ),
        (FAST, "0\nkind = FastDataLoader if rows else other\nkind(rows, timeout=9)", []),
        (FAST.replace("(*args, **kwargs)", "(*args)"), "FastDataLoader(rows, timeout=9)", []),
        (FAST.replace("(DataLoader)", "(Loader)"), "FastDataLoader(rows, timeout=9)", []),
    ],
)
def test_classes_of_loaders_of_another_module(
    tmp_path: Path, fast: str, made: str, told: list[str]
) -> None:
    script = (
        "import torch\nfrom torch.utils.data import DataLoader\n\n"
        "from fast import FastDataLoader, FasterDataLoader\n\n\n"
        f"class Mine(FasterDataLoader):\n    pass\n\n\nloader = {made}\n"
    )
    folder = written(tmp_path, {"pyproject.toml": "", "fast.py": fast, "train.py": script})
    assert [one[2] for one in found(folder)] == told


PARTS = """\
class Part:
    def __call__(self, path):
        return self.prepare(path)
"""
PHOTOS = """\
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from parts import Part


class Opening(Part):
    def prepare(self, path):
        return Image.open(path)


class Photos(Dataset):
    def __init__(self, paths):
        self.paths = paths
        self.part = Opening()

    def __getitem__(self, index):
        return self.part(self.paths[index])

    def __len__(self):
        return len(self.paths)


def main(model, paths):
    loader = DataLoader(Photos(paths), 8)
    for epoch in range(9):
        for batch in loader:
            model(batch.cuda()).backward()
"""


@pytest.mark.parametrize(
    ("parts", "photos", "told"),
    [
        (PARTS, PHOTOS, ["DL306"]),
        (PARTS.replace("self.prepare", "prepare"), PHOTOS, []),
        (PARTS, PHOTOS.replace("Image.open(path)", "path"), []),
        (
            PARTS.replace("__call__", "__getitem__"),
            PHOTOS.replace("class Opening(Part)", "class Opening(Part, Dataset)").replace(
                "DataLoader(Photos(paths)", "DataLoader(Opening()"
            ),
            ["DL306"],
        ),
    ],
)
def test_what_a_base_elsewhere_calls_runs_as_well(
    tmp_path: Path, parts: str, photos: str, told: list[str]
) -> None:
    folder = written(tmp_path, {"pyproject.toml": "", "parts.py": parts, "train.py": photos})
    assert [one[2] for one in found(folder)] == told


TRAINER = """\
class Trainer:
    def __init__(self):
        self.loader = self.make_loader()

    def make_loader(self):
        raise NotImplementedError

    @property
    def same(self):
        if not hasattr(self, "held"):
            self.held = self.make_loader()
        return self.held

    def fit(self):
        for epoch in range(9):
            self.train()
"""


@pytest.mark.parametrize(
    ("loader", "told"), [("self.loader", ["DL200"]), ("self.same", ["DL200"]), ("self.other", [])]
)
def test_a_base_elsewhere_keeps_the_loader_that_a_class_makes(
    tmp_path: Path, loader: str, told: list[str]
) -> None:
    script = f"""\
import torch
from torch.utils.data import DataLoader

from trainer import Trainer


class Mine(Trainer):
    def make_loader(self):
        return DataLoader(self.rows, 8, num_workers=2)

    def train(self):
        for batch in {loader}:
            self.model(batch.cuda()).backward()
"""
    folder = written(tmp_path, {"pyproject.toml": "", "trainer.py": TRAINER, "mine.py": script})
    assert [one[2] for one in found(folder, "--target-cores", "8")] == told


WITHOUT_BROKEN = """\
from torch.utils.data import Dataset


class Photos(Dataset):
    def __getitem__(self, index):
        try:
            return load(index)
        except OSError:
            return None

    def __len__(self):
        return 9
"""


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("loader = DataLoader(Photos(), 8)", ["DL013"]),
        ("loader = DataLoader(Photos(), 8, collate_fn=without_broken)", []),
        ("loader = DataLoader(Photos(), batch_size=None)", []),
        ("loader = DataLoader(Others(Photos()), 8)", []),
        ("photos = Photos()", []),
    ],
)
def test_none_from_a_dataset_whose_loader_stands_elsewhere(
    tmp_path: Path, made: str, told: list[str]
) -> None:
    script = LOADER + f"from photos import Photos\n\n{made}\n"
    folder = written(tmp_path, {"photos.py": WITHOUT_BROKEN, "train.py": script})
    assert [one[2] for one in found(folder, "photos.py")] == told


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("            batch.cuda()\n", ""), "DL200"),
        (("    for epoch", "    loaders[0].sampler.set_epoch(0)\n    for epoch"), "DL105"),
        (("    for epoch", "    loaders = accelerator.prepare(*loaders)\n    for epoch"), "DL302"),
        (
            ("range(9):\n", "range(9):\n        loaders = get_loaders(rows, rows, 8)\n"),
            "DL302",
        ),
    ],
)
def test_what_the_loop_does_itself(tmp_path: Path, change: tuple[str, str], code: str) -> None:
    script = (
        "import torch\n\nfrom data import get_loaders\n\n\n"
        "def main(rows, model, accelerator):\n    loaders = get_loaders(rows, rows, 8)\n"
        + TRAINING.format("loaders[0]")
    )
    assert change[0] in script
    files: dict[str, str | bytes] = {"pyproject.toml": "", "data.py": FACTORY, "train.py": script}
    folder = written(tmp_path, files)
    assert code in [one[2] for one in found(folder)]
    (folder / "train.py").write_text(script.replace(*change))
    assert code not in [one[2] for one in found(folder)]


@pytest.mark.parametrize(
    ("given", "workers"),
    [
        ("", "4, the default of parameter 'workers' in data.py, line 4; data.py, line 7"),
        (", 2", "2; data.py, line 7"),
        (", workers=WORKERS", "3; data.py, line 7"),
        (", workers=0", None),
        (", workers=options.workers", None),
        (", *options", None),
    ],
)
def test_a_loader_made_elsewhere_has_what_its_caller_gives(
    tmp_path: Path, given: str, workers: str | None
) -> None:
    script = (
        "import torch\n\nfrom data import get_loaders\n\nWORKERS = 3\n\n"
        f"def main(rows, model, options):\n    loaders = get_loaders(rows, rows, 8{given})\n"
        + TRAINING.format("loaders[1]")
    )
    folder = written(tmp_path, {"pyproject.toml": "", "data.py": FACTORY, "train.py": script})
    done = dladvise("check", "--output-format", "json", "--select", "DL302", cwd=folder)
    told = [one["message"] for one in json.loads(done.stdout) if one["path"] == "train.py"]
    start = f"the workers of this loader ({workers}) are stopped"
    assert [one[: len(start)] for one in told] == [start] * (workers is not None)


MOVING = """\
def moved(batch, device, wait=True):
    if isinstance(batch, list):
        return [moved(one, device) for one in batch]
    return batch.to(device)


def started(batch, device):
    return batch.to(device, non_blocking=True)


def converted(batch):
    return batch.float()
"""


@pytest.mark.parametrize(
    ("loader", "call", "told"),
    [
        ("pin_memory=True", 'moved(batch, "cuda")', "until it is on the GPU"),
        ("pin_memory=True", "moved(batch, device=device)", "until it is on device"),
        ("", 'moved(batch, "cuda:1")', "from pageable memory"),
        ("", "moved(batch, device)", None),
        ("pin_memory=True", 'moved(batch, "cpu")', None),
        ("pin_memory=True", 'moved(model, "cuda")', None),
        ("pin_memory=True", 'started(batch, "cuda")', None),
        ("pin_memory=True", "converted(batch)", None),
    ],
)
def test_a_function_elsewhere_copies_the_batch(
    tmp_path: Path, loader: str, call: str, told: str | None
) -> None:
    script = (
        "from torch.utils.data import DataLoader\n\nfrom moving import converted, moved, started\n"
        "\n\ndef main(rows, model, device):\n"
        f"    for batch in DataLoader(rows, 8, num_workers=2, {loader}):\n"
        f"        model({call})\n"
    )
    folder = written(tmp_path, {"moving.py": MOVING, "train.py": script})
    done = dladvise("check", "--output-format", "json", "--select", "DL200,DL201", cwd=folder)
    here = json.loads(done.stdout)
    assert [told in one["message"] for one in here if told] == [True] * (told is not None)
    assert bool(here) == (told is not None)
    if here and here[0]["code"] == "DL201":
        assert here[0]["line"] == 8
        assert here[0]["message"].endswith(" (moving.py, line 4)")
        assert here[0]["fix"] is None


OPTIONS = "from argparse import ArgumentParser\n\n\ndef parsed():\n    parser = ArgumentParser()\n"
WORKERS = "    parser.add_argument('--num-workers', type=int, default={})\n"


@pytest.mark.parametrize(
    ("files", "attribute", "told"),
    [
        ({"pkg/options.py": OPTIONS + WORKERS.format(0)}, "args.num_workers", "options.py, line 6"),
        ({"main.py": OPTIONS + WORKERS.format(0)}, "self.args.num_workers", "main.py, line 6"),
        ({"scripts/main.py": OPTIONS + WORKERS.format(0)}, "args.num_workers", "main.py, line 6"),
        (
            {
                "scripts/a.py": OPTIONS + WORKERS.format(2),
                "scripts/b.py": OPTIONS + WORKERS.format(0),
            },
            "args.num_workers",
            None,
        ),
        ({"main.py": OPTIONS + WORKERS.format(0)}, "config.num_workers", None),
        ({"main.py": OPTIONS + WORKERS.format(0)}, "args.workers", None),
        ({"other/main.py": OPTIONS + WORKERS.format(0)}, "args.num_workers", None),
        ({"main.py": OPTIONS + WORKERS.format("len(x)")}, "args.num_workers", None),
        (
            {"a.py": OPTIONS + WORKERS.format(0), "b.py": OPTIONS + WORKERS.format(0)},
            "args.num_workers",
            "a.py, line 6",
        ),
        (
            {"a.py": OPTIONS + WORKERS.format(0), "b.py": OPTIONS + WORKERS.format(2)},
            "args.num_workers",
            None,  # several programs
        ),
        (
            {
                "a.py": OPTIONS + WORKERS.format(0),
                "b.py": OPTIONS + WORKERS.replace(", default={}", ""),
            },
            "args.num_workers",
            None,
        ),
        (
            {"pkg/a.py": OPTIONS + WORKERS.format(2), "b.py": OPTIONS + WORKERS.format(0)},
            "args.num_workers",
            None,  # the nearest
        ),
    ],
)
def test_options_that_a_module_beside_or_above_declares(
    tmp_path: Path, files: dict[str, str | bytes], attribute: str, told: str | None
) -> None:
    script = (
        "from torch.utils.data import DataLoader\n\n\nclass Rows:\n"
        "    def loader(self, args, config):\n"
        f"        return DataLoader(self.rows, num_workers={attribute}, prefetch_factor=2)\n"
    )
    package: dict[str, str | bytes] = {"pkg/__init__.py": "", "pkg/rows.py": script}
    folder = written(tmp_path, {**package, **files})
    done = dladvise("check", "--output-format", "json", "--select", "DL004", cwd=folder)
    here = json.loads(done.stdout)
    words = f"num_workers is 0 by the default of --num-workers in {told}"
    assert [one["message"][: len(words)] for one in here] == [words] * (told is not None)


def test_a_program_that_parses_its_own_options_has_no_others(tmp_path: Path) -> None:
    script = (
        "from torch.utils.data import DataLoader\n\nargs = other.parse_args()\n"
        "loader = DataLoader([1], num_workers=args.num_workers, prefetch_factor=2)\n"
    )
    files: dict[str, str | bytes] = {
        "main.py": OPTIONS + WORKERS.format(0), "train.py": script,
    }  # fmt: skip
    assert found(written(tmp_path, files), "--select", "DL004") == []


ENGINE = """\
def train_one_epoch(model, loader, epoch):
    for step, batch in enumerate(tqdm(loader)):
        model(batch).backward()
"""


@pytest.mark.parametrize(
    ("engine", "codes"),
    [
        (ENGINE, ["DL105", "DL302"]),
        (ENGINE.replace("    for", "    loader.sampler.set_epoch(epoch)\n    for"), ["DL302"]),
        (ENGINE.replace("model(batch).backward()", "break"), ["DL105"]),
        (ENGINE.replace("tqdm(loader)", "wrapped(loader)"), []),
        (ENGINE.replace("    for", "    loader = loader or []\n    for"), []),
    ],
)
def test_functions_elsewhere_that_loop_over_a_loader(
    tmp_path: Path, engine: str, codes: list[str]
) -> None:
    script = (
        "from torch.utils.data import DataLoader, DistributedSampler\n\n"
        "from engine import train_one_epoch\n\n\n"
        "def main(rows, model):\n"
        "    sampler = DistributedSampler(rows)\n"
        "    loader = DataLoader(rows, 8, sampler=sampler, num_workers=2)\n"
        "    for epoch in range(9):\n"
        "        train_one_epoch(model, loader=loader, epoch=epoch)\n"
    )
    folder = written(tmp_path, {"pyproject.toml": "", "engine.py": engine, "train.py": script})
    assert [one[2] for one in found(folder, "--target-cores", "8")] == codes


MAKING = """\
from torch.utils.data import DataLoader


def get_loader(rows, num_workers):
    return DataLoader(rows, num_workers=num_workers)


def loader_of(rows, **options):
    pinned = options.pop("pin_memory", True)
    return DataLoader(rows, pin_memory=pinned, **options)


class Data:
    def __init__(self, folder, num_workers=4):
        self.folder = folder
        self.num_workers = num_workers

    def loader(self):
        return DataLoader(self.folder, num_workers=self.num_workers)


class Graphs(DataLoader):
    def __init__(self, rows, sizes, **options):
        '''Takes `num_workers` and the like.'''
        self.sizes = sizes
        super().__init__(rows, collate_fn=self.collate, **options)
"""


@pytest.mark.parametrize(
    ("making", "call", "codes"),
    [
        (MAKING, "get_loader(rows, num_workers=64)", ["DL300"]),
        (MAKING, "get_loader(rows, num_workers)", ["DL300"]),
        (MAKING, "get_loader(rows, num_workers=os.cpu_count())", ["DL305"]),
        (MAKING, "get_loader(rows, num_workers=8)", []),
        (MAKING, "loader_of(rows, pin_memory=False, num_workers=64)", ["DL300"]),
        (MAKING, "loader_of(rows, num_workers)", []),
        (MAKING, "Data(rows, num_workers=64)", ["DL300"]),
        (MAKING.replace("= num_workers", "= num_workers // 9"), "Data(rows, num_workers=64)", []),
        (MAKING, "Graphs(rows, [9], num_workers=64)", ["DL300"]),
        (MAKING.replace("pin_memory", "num_workers"), "loader_of(rows, num_workers=64)", []),
        (MAKING.replace("=num_workers)", "=min(4, num_workers))"), "get_loader(rows, 64)", []),
        (MAKING.replace("r(rows", "r(rows, *more"), "get_loader(rows, 0, num_workers)", []),
    ],
)
def test_workers_given_to_who_makes_the_loader(
    tmp_path: Path, making: str, call: str, codes: list[str]
) -> None:
    script = (
        "import os\n\nimport torch\nfrom making import Data, Graphs, get_loader, loader_of\n\n\n"
        f"def main(rows):\n    num_workers = 64\n    loader = {call}\n"
    )
    files: dict[str, str | bytes] = {"making.py": making, "train.py": script}
    folder = written(tmp_path, files)
    assert [one[2] for one in found(folder, "--target-cores", "8")] == codes
