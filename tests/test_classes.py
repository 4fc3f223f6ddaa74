"""What is read of dataset classes, where the rules' documents do not show it."""

from __future__ import annotations

import pytest

from dladvise.advisor import Source, Target
from dladvise.advisor.classes_model import DatasetClass, Kept
from dladvise.advisor.model import Module
from dladvise.advisor.reader import read

HEAD = "from torch.utils.data import DataLoader, Dataset, IterableDataset\n"


def module(program: str) -> Module:
    return read(Source("case.py", program), Target())


def dataset(program: str, name: str = "Photos") -> DatasetClass:
    (found,) = [one for one in module(program).datasets if one.name == name]
    return found


def kept(program: str, attribute: str) -> Kept:
    (found,) = [one for one in dataset(program).kept if one.attribute == attribute]
    return found


KINDS = [
    ("import torch.utils.data as data\nclass Photos(data.Dataset): pass", "map"),
    ("import torch\nclass Photos(torch.utils.data.IterableDataset): pass", "iterable"),
    ("from torch.utils.data.dataset import Dataset as D\nclass Photos(D[int]): pass", "map"),
    (HEAD + "class Base(Dataset): pass\nclass Photos(Base): pass", "map"),
    (HEAD + "class Base(IterableDataset): pass\nclass Photos(Base[int]): pass", "iterable"),
    ("from torchvision.datasets import ImageFolder\nclass Photos(ImageFolder): pass", "map"),
    (HEAD + "class Dataset(Dataset): pass\nclass Photos(Dataset): pass", "map"),
    (
        "try:\n    from torch.utils.data import Dataset\n"
        "except ImportError:\n    Dataset = object\n"
        "class Photos(Dataset): pass",
        "map",
    ),
]


@pytest.mark.parametrize(("program", "kind"), KINDS)
def test_a_dataset_is_known_by_its_ancestry(program: str, kind: str) -> None:
    assert dataset(program).kind == kind


NO_DATASETS = [
    HEAD + "class Photos: pass",
    "from datasets import Dataset\nfrom torch.utils.data import DataLoader\nclass P(Dataset): pass",
    HEAD + "from .base import Photos as Base\nclass Photos(Base): pass",
    HEAD + "class Photos(Rows): pass\nclass Rows(Photos): pass",
    HEAD + "class Names(DataLoader): pass",
]


@pytest.mark.parametrize("program", NO_DATASETS)
def test_nothing_else_is_a_dataset(program: str) -> None:
    assert module(program).datasets == ()


BASES = [
    ("class Photos(Dataset): pass", True),
    ("from typing import Generic, TypeVar\nclass Photos(Dataset, Generic[T]): pass", True),
    ("import abc\nclass Photos(Dataset, metaclass=abc.ABCMeta): pass", True),
    ("class Photos(Dataset, Mixin): pass", False),
    ("from .mixins import Cached\nclass Photos(Cached, Dataset): pass", False),
    ("from registry import register\n@register\nclass Photos(Dataset): pass", False),
    ("class Photos(Dataset):\n    def __getattr__(self, name): return name", False),
    ("class Photos(Dataset): pass\nPhotos.__len__ = lambda self: 8", False),
    ("class Photos(Dataset, metaclass=Meta): pass", False),
]


@pytest.mark.parametrize(("body", "known"), BASES)
def test_methods_may_come_from_what_is_not_seen(body: str, known: bool) -> None:
    assert dataset(HEAD + body).bases_known is known


WORKERS = """
class Base(Dataset):
    def __getitem__(self, index):
        return self.decode(self.paths[index])
    def decode(self, path):
        return path
    def report(self):
        return self.log
class Photos(Base):
    def __init__(self):
        self.paths, self.log, self.size = [], [], 3
    def __getitem__(self, index):
        self.last = index
        return resized(super().__getitem__(index), self.scale)
    @property
    def scale(self):
        return self.factor
def resized(image, scale):
    return image.crop(scale)
"""


def test_worker_code_is_what_getitem_leads_to() -> None:
    photos = dataset(HEAD + WORKERS)
    assert photos.worker_reads == {"decode", "paths", "last", "scale", "factor"}
    assert photos.worker_writes == {"last"}
    assert "crop" in photos.worker_mentions
    assert "log" not in photos.worker_mentions
    assert photos.indexed_in_worker == {"paths"}


def test_a_method_is_inherited_and_told_apart_from_own_ones() -> None:
    photos = dataset(HEAD + WORKERS)
    assert {"__getitem__", "decode", "report"} <= photos.methods.keys()
    assert photos.own_methods == ("__init__", "__getitem__", "scale")
    assert photos.methods["scale"].is_property


def test_a_class_in_a_block_without_a_telling_word_is_found_through_its_base() -> None:
    program = (
        HEAD + "class Base(Dataset): pass\n\n\nclass Photos(Base):\n    def load(self): pass\n"
    )
    assert dataset(program).own_methods == ("load",)


def test_the_last_value_that_init_gives_counts() -> None:
    program = HEAD + (
        "class Photos(Dataset):\n"
        "    def __init__(self, path):\n"
        "        self.file = None\n"
        "        self.open(path)\n"
        "        self.rows = open(path)\n"
        "        self.rows = self.rows.readlines()\n"
        "    def open(self, path):\n"
        "        self.file = open(path)\n"
        "    def later(self):\n"
        "        self.more = open('b')\n"
    )
    codes = [
        (one.attribute, program[one.span.start : one.span.end]) for one in dataset(program).kept
    ]
    assert codes == [
        ("file", "None"),
        ("rows", "self.rows.readlines()"),
        ("file", "open(path)"),
    ]


def test_a_handle_from_a_with_block_is_closed() -> None:
    program = HEAD + (
        "class Photos(Dataset):\n"
        "    def __init__(self, path):\n"
        "        with open(path) as file:\n"
        "            self.file = file\n"
        "        self.left = open(path)\n"
    )
    assert kept(program, "file").closed
    assert not kept(program, "left").closed


def test_what_a_caller_hands_in_is_told() -> None:
    program = HEAD + (
        "class Photos(Dataset):\n"
        "    def __init__(self, path):\n"
        "        self.file = path\n"
        "photos = Photos(open('a'))\n"
    )
    assert kept(program, "file").handed_in


STREAMS = [
    ("yield from range(8)", False, False, ()),
    ("while True: yield 1", True, False, ()),
    ("while True:\n            if self.done: break\n            yield 1", False, True, ()),
    ("for row in self.source: yield row", False, False, ("self.source",)),
    ("return map(str, self.source)", False, False, ("self.source",)),
    ("for line in open(self.source): yield line", False, False, ()),
    ("import itertools\n        for n in itertools.count(): yield n", True, False, ()),
]


@pytest.mark.parametrize(("body", "endless", "may_stop", "handed"), STREAMS)
def test_how_a_stream_ends(
    body: str, endless: bool, may_stop: bool, handed: tuple[str, ...]
) -> None:
    stream = dataset(
        HEAD + "class Photos(IterableDataset):\n"
        "    def __init__(self, source): self.source = source\n"
        f"    def __iter__(self):\n        {body}\n"
    ).stream
    assert stream is not None
    assert (stream.endless, stream.may_stop, stream.handed) == (endless, may_stop, handed)


DEVICES = [
    ("x.cuda()", True),
    ("x.to('cuda:1')", True),
    ("x.to(device=torch.device('cuda'))", True),
    ("torch.zeros(3, device='cuda')", True),
    ("x.to(f'cuda:{index}')", True),
    ("x.to(torch.device('cuda' if torch.cuda.is_available() else 'cpu'))", False),
    ("x.cuda() if torch.cuda.is_available() else x", False),
    ("x.to('cpu')", None),
    ("x.to(torch.float32)", None),
    ("x.to(self.device)", None),
    ("torch.cuda.is_available()", None),
    ("plot(x, device='cuda')", None),
]


@pytest.mark.parametrize(("expression", "sure"), DEVICES)
def test_which_calls_need_a_gpu(expression: str, sure: bool | None) -> None:
    photos = dataset(
        f"import torch\n{HEAD}class Photos(Dataset):\n"
        f"    def __getitem__(self, index):\n        x = self.rows[index]\n"
        f"        return {expression}\n"
    )
    assert [call.sure for call in photos.device_calls] == ([] if sure is None else [sure])


def test_endless_recursion_of_bases_and_methods_ends() -> None:
    program = HEAD + (
        "class Dataset(Dataset):\n"
        "    def __getitem__(self, index): return self.other(index)\n"
        "    def other(self, index): return self[index] or self.__getitem__(index)\n"
        "class Photos(Dataset, Photos): pass\n"
    )
    assert dataset(program).worker_reads == {"other", "__getitem__"}


def test_datasets_inside_others_are_told() -> None:
    program = HEAD + (
        "from torch.utils.data import ConcatDataset, Subset, random_split\n"
        "class Photos(Dataset): pass\n"
        "training, rest = random_split(Photos(), [6, 2])\n"
        "first = DataLoader(Subset(training, [1]))\n"
        "second = DataLoader(ConcatDataset([Photos(), rest]))\n"
        "third = DataLoader(Photos())\n"
    )
    inner = [{one.name for one in call.inner_classes} for call in module(program).loaders]
    assert inner == [{"Photos"}, {"Photos"}, set()]
