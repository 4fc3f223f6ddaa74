"""Shapes of good code that a naive reading reports: nothing is said about any of them.

Each was met in real training code. Hints do not count: they are shown only on request.
"""

from __future__ import annotations

from textwrap import dedent

import pytest

from dladvise.advisor import Severity, Source, Target, analyze

IMPORTS = """\
import argparse, os, random
import numpy as np
import torch
from torch.utils.data import (
    BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset, RandomSampler, Sampler,
    SequentialSampler, Subset, TensorDataset, get_worker_info, random_split,
)
from torch.utils.data.distributed import DistributedSampler
"""

SHAPES = {
    "options only when CUDA is used": """
        use_cuda = torch.cuda.is_available()
        kw = {"num_workers": 1, "pin_memory": True} if use_cuda else {}
        for x, y in DataLoader(rows, **kw):
            model(x.to("cuda"))
    """,
    "a dict updated in an if": """
        def make(rows, b, accel):
            kw = {"batch_size": b}
            if accel:
                kw.update(num_workers=4, pin_memory=True)
            for x in DataLoader(rows, **kw):
                model(x.cuda())
    """,
    "two dicts merged, the last one switches shuffle off": """
        def make(rows, sampler):
            a = {"batch_size": 4, "shuffle": True, "sampler": RandomSampler(rows)}
            b = {"shuffle": False}
            a.update(b)
            return DataLoader(rows, **a)
    """,
    "kwargs passed through": """
        def get(rows, **k):
            loader = DataLoader(rows, persistent_workers=True, prefetch_factor=4, **k)
            for epoch in range(3):
                for x in loader:
                    model(x.cuda())
    """,
    "kwargs made by the caller": """
        from factory import make
        kw = {"num_workers": 4, "pin_memory": True}
        make(args, **kw)
    """,
    "shuffle unless there is a sampler": """
        def make(rows, sampler=None):
            return DataLoader(rows, sampler=sampler, shuffle=sampler is None)
    """,
    "shuffle unless there is a sampler, of two branches": """
        def make(rows, ddp):
            s = DistributedSampler(rows, shuffle=False) if ddp else None
            return DataLoader(rows, sampler=s, shuffle=(s is None))
    """,
    "correlated by a flag": """
        def make(rows, ddp):
            s = DistributedSampler(rows, shuffle=False) if ddp else None
            return DataLoader(rows, sampler=s, shuffle=not ddp)
    """,
    "shuffle set beside the sampler": """
        def make(rows, ddp):
            if ddp:
                s = DistributedSampler(rows, shuffle=False)
                sh = False
            else:
                s = None
                sh = True
            return DataLoader(rows, sampler=s, shuffle=sh)
    """,
    "one of the two is None by expression": """
        def make(rows, s, bs):
            return DataLoader(rows, sampler=s if bs is None else None, batch_sampler=bs)
    """,
    "batch_sampler with everything else at its default": """
        def make(rows, b):
            return DataLoader(
                rows, batch_size=1, shuffle=False, batch_sampler=b, drop_last=False, sampler=None
            )
    """,
    "both given, but refused before": """
        class Module:
            def __init__(self, rows, shuffle, sampler):
                if shuffle and sampler:
                    raise ValueError("both")
                self.loader = DataLoader(rows, shuffle=shuffle, sampler=sampler)
    """,
    "guarded worker options": """
        def make(rows, n):
            return DataLoader(
                rows, num_workers=n, persistent_workers=n > 0,
                prefetch_factor=2 if n > 0 else None, timeout=30 if n else 0,
            )
    """,
    "guarded worker options at a default of 0": """
        def make(rows, n=0):
            return DataLoader(
                rows, num_workers=n, persistent_workers=bool(n),
                prefetch_factor=2 if n != 0 else None,
            )
    """,
    "the call under the guard": """
        parser = argparse.ArgumentParser()
        parser.add_argument("--workers", type=int, default=0)
        args = parser.parse_args()
        if args.workers > 0:
            loader = DataLoader(rows, num_workers=args.workers, persistent_workers=True)
        else:
            loader = DataLoader(rows)
    """,
    "the guard was computed earlier": """
        class Data:
            def __init__(self, rows, n=0, keep=True):
                self.rows = rows
                self.n = n
                self.keep = keep and n > 0

            def loader(self):
                return DataLoader(self.rows, num_workers=self.n, persistent_workers=self.keep)
    """,
    "asserted before": """
        def make(rows, n=0):
            assert n > 0, "workers are needed"
            return DataLoader(rows, num_workers=n, persistent_workers=True)
    """,
    "an endless loader": """
        class InfiniteDataLoader(DataLoader):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.iterator = super().__iter__()

            def __iter__(self):
                for _ in range(len(self)):
                    yield next(self.iterator)

        def main(rows):
            loader = InfiniteDataLoader(rows, num_workers=4)
            for epoch in range(9):
                for x in loader:
                    step(x)
    """,
    "a project's class of that name": """
        from .data import DataLoader as Loader
        from project.data import DataLoader
        def main(rows):
            for x in DataLoader(rows, bs=4, evaluation=True, num_workers=4):
                model(x.cuda())
            Loader(rows, persistent_workers=True)
    """,
    "another framework's class": """
        from paddle.io import DataLoader
        DataLoader(rows, persistent_workers=True, use_shared_memory=True)
    """,
    "another framework's star": """
        from fastai.vision.all import *
        DataLoader(dataset=rows, bs=8, persistent_workers=True)
    """,
    "rebuilt for each fold": """
        def main(sets):
            for fold, (train, val) in enumerate(sets):
                loader = DataLoader(train, num_workers=4)
                for x in loader:
                    step(x)
    """,
    "rebuilt because the dataset changes": """
        def main(rows):
            for epoch in range(9):
                rows = resample(rows)
                loader = DataLoader(rows, num_workers=4)
                for x in loader:
                    step(x)
    """,
    "rebuilt because shuffle changes": """
        def main(rows):
            for epoch in range(9):
                for x in DataLoader(rows, num_workers=4, shuffle=epoch > 3):
                    step(x)
    """,
    "a loader of one element as a collater": """
        def main(configs):
            for c in configs:
                b = next(iter(DataLoader([c])))
                step(b)
    """,
    "next on a kept iterator, made anew at the end": """
        def main(rows, n):
            dl = DataLoader(rows, num_workers=4, shuffle=True)
            it = iter(dl)
            for _ in range(n):
                try:
                    b = next(it)
                except StopIteration:
                    it = iter(dl)
                    b = next(it)
                step(b)
    """,
    "set_epoch in another file": """
        def make(rows):
            sampler = DistributedSampler(rows)
            return DataLoader(rows, sampler=sampler, num_workers=4)
    """,
    "a sampler for evaluation": """
        def evaluate(val):
            loader = DataLoader(val, sampler=DistributedSampler(val, shuffle=False))
            for epoch in range(3):
                for x in loader:
                    step(x)
    """,
    "numpy's global generator in __getitem__": """
        class D(Dataset):
            def __len__(self):
                return 9

            def __getitem__(self, i):
                return np.random.choice(9) + random.random() + torch.rand(())

        loader = DataLoader(D(), num_workers=4)
    """,
    "seeded on purpose by index": """
        class D(Dataset):
            def __len__(self):
                return 9

            def __getitem__(self, i):
                rng = np.random.default_rng(i)
                return rng.random()

        loader = DataLoader(D(), num_workers=4)
    """,
    "a generator that only the main process uses": """
        class D(Dataset):
            def __init__(self, seed):
                self.g = np.random.default_rng(seed)
                self.order = list(range(9))

            def refresh(self):
                self.g.shuffle(self.order)

            def __len__(self):
                return 9

            def __getitem__(self, i):
                return self.order[i]

        loader = DataLoader(D(3), num_workers=4)
    """,
    "a generator replaced in worker_init_fn": """
        class D(Dataset):
            def __init__(self):
                self.g = np.random.default_rng(0)

            def __len__(self):
                return 9

            def __getitem__(self, i):
                return self.g.random()

        def init(worker_id):
            info = get_worker_info()
            info.dataset.g = np.random.default_rng(info.seed)

        loader = DataLoader(D(), num_workers=4, worker_init_fn=init)
    """,
    "the documented worker seed": """
        def seed_worker(worker_id):
            seed = torch.initial_seed() % 2**32
            np.random.seed(seed)
            random.seed(seed)

        loader = DataLoader(
            rows, num_workers=4, worker_init_fn=seed_worker, generator=torch.Generator()
        )
    """,
    "__len__ is inherited": """
        from torchvision.datasets import ImageFolder

        class D(ImageFolder):
            def __getitem__(self, index):
                return super().__getitem__(index)[0]

        loader = DataLoader(D("photos"))
    """,
    "an index with a default, further defaults, any arguments": """
        class A(Dataset):
            def __len__(self):
                return 9

            def __getitem__(self, index=0):
                return index

        class B(A):
            def __getitem__(self, index, join=True):
                return index

        class C(A):
            def __getitem__(self, *args, **kwargs):
                return args

        loaders = [DataLoader(A()), DataLoader(B()), DataLoader(C())]
    """,
    "no __len__, with a sampler": """
        class A(Dataset):
            def __getitem__(self, index):
                return index

        loader = DataLoader(A(), sampler=range(9))
        other = DataLoader(A(), batch_sampler=[[0, 1], [2]])
    """,
    "only __getitems__": """
        class A(Dataset):
            def __len__(self):
                return 9

            def __getitems__(self, indices):
                return [torch.tensor(i) for i in indices]

        loader = DataLoader(A(), batch_size=3)
    """,
    "None is filtered by collate": """
        class A(Dataset):
            def __len__(self):
                return 9

            def __getitem__(self, index):
                try:
                    return read(index)
                except OSError:
                    return None

        def collate(batch):
            return torch.stack([b for b in batch if b is not None])

        loader = DataLoader(A(), collate_fn=collate)
    """,
    "a class named like its base": """
        class Dataset(Dataset):
            def __len__(self):
                return 9

            def __getitem__(self, index):
                return index

        loader = DataLoader(Dataset())
    """,
    "a handle opened late, a handle dropped when pickled": """
        import h5py

        class Late(Dataset):
            def __init__(self, path):
                self.path = path
                self.file = None

            def __len__(self):
                return 9

            def __getitem__(self, index):
                if self.file is None:
                    self.file = h5py.File(self.path)
                return self.file["x"][index]

        class Indexed(Late):
            def __init__(self, path):
                super().__init__(path)
                with h5py.File(path) as file:
                    self.n = len(file["x"])

        loader = DataLoader(Late("x"), num_workers=4)
        other = DataLoader(Indexed("x"), num_workers=4)
    """,
    "lambdas that stay in the main process, or are forked": """
        zero = DataLoader(rows, collate_fn=lambda b: b)
        forked = DataLoader(rows, collate_fn=lambda b: b, num_workers=4)
        bucket = Bucket(SequentialSampler(rows), 8, lambda x: len(x))
        loader = DataLoader(rows, batch_sampler=bucket)
    """,
    "sharded in worker_init_fn, in a helper, by a queue, at random": """
        class Stream(IterableDataset):
            def __init__(self, ids):
                self.ids = ids

            def __iter__(self):
                return iter(self.ids)

        def init(worker_id):
            info = get_worker_info()
            info.dataset.ids = info.dataset.ids[worker_id :: info.num_workers]

        def mine(rows):
            info = get_worker_info()
            return rows if info is None else rows[info.id :: info.num_workers]

        class Helped(IterableDataset):
            def __iter__(self):
                yield from mine(range(9))

        class Endless(IterableDataset):
            def __iter__(self):
                while True:
                    yield torch.rand(3)

        loaders = [
            DataLoader(Stream([1, 2]), num_workers=4, worker_init_fn=init),
            DataLoader(Helped(), num_workers=4),
            DataLoader(Endless(), num_workers=4),
            DataLoader(Stream([1, 2]), num_workers=1),
        ]
    """,
    "an iterable dataset with batching off": """
        class Stream(IterableDataset):
            def __iter__(self):
                return iter([1, 2])

        loader = DataLoader(Stream(), batch_size=None, shuffle=False)
        other = DataLoader(Stream(), shuffle=None, sampler=None)
    """,
    "something else than the batch is copied": """
        def main(rows):
            for x in DataLoader(rows, num_workers=4):
                noise = torch.randn(4).to("cuda")
                weight = model.weight.cuda()
                step(noise, weight)
    """,
    "arrays are moved after torch.from_numpy": """
        def main(rows):
            for arrays in DataLoader(rows, num_workers=4, collate_fn=to_arrays):
                step(torch.from_numpy(arrays).to("cuda"))
    """,
    "data on the GPU already, read without workers": """
        x = torch.rand(99, 3).cuda()
        for b in DataLoader(TensorDataset(x), batch_size=8):
            model(b[0].to("cuda"))
    """,
    "zero workers for data in memory": """
        for b in DataLoader(TensorDataset(torch.rand(9)), num_workers=0):
            step(b)
    """,
    "bulk loading": """
        data = TensorDataset(torch.rand(9))
        sampler = BatchSampler(RandomSampler(data), 4, drop_last=False)
        loader = DataLoader(data, batch_size=None, sampler=sampler)
    """,
    "a factory without device words": """
        def make(rows, device="cpu"):
            return DataLoader(rows, batch_size=8, num_workers=4, pin_memory=True)
    """,
    "worker options at what torch accepts": """
        DataLoader(
            rows, prefetch_factor=None, persistent_workers=False, multiprocessing_context=None,
            timeout=0, worker_init_fn=None, collate_fn=None,
        )
    """,
    "an error that is expected": """
        import contextlib
        import pytest

        def test_loader():
            with pytest.raises(ValueError):
                DataLoader(rows, persistent_workers=True)
            with contextlib.suppress(ValueError):
                DataLoader(rows, prefetch_factor=2)
    """,
    "built at the left margin, read under the guard": """
        loader = DataLoader(rows, num_workers=4, multiprocessing_context="spawn")
        if __name__ == "__main__":
            for x in loader:
                step(x)
    """,
    "next(iter()) outside loops and once in a while": """
        def main(rows):
            loader = DataLoader(rows, num_workers=4)
            first = next(iter(loader))
            for step in range(9):
                if step % 3 == 0:
                    show(next(iter(loader)))
    """,
    "complementary lengths of a split": """
        def split(full):
            n = int(0.8 * len(full))
            train, val = random_split(full, [n, len(full) - n])
            return DataLoader(train), DataLoader(val)
    """,
    "workers by affinity, bounded": """
        DataLoader(rows, num_workers=len(os.sched_getaffinity(0)))
        DataLoader(rows, num_workers=min(8, os.cpu_count() or 1))
    """,
    "conversions in the loop of a pinned loader": """
        for x in DataLoader(rows, pin_memory=True):
            x = x.to(torch.float32).to(other.dtype).to("cpu")
    """,
    "handlers around an explicit next, or that raise again": """
        def main(rows):
            it = iter(DataLoader(rows, num_workers=2))
            while True:
                try:
                    batch = next(it)
                except Exception:
                    print("bad batch")
                    continue
                step(batch)

        def again(rows):
            for x in DataLoader(rows, num_workers=2):
                try:
                    step(x)
                except Exception:
                    print("bad batch")
                    raise
    """,
    "Lightning moves the batches": """
        import lightning as L

        class Data(L.LightningDataModule):
            def train_dataloader(self):
                return DataLoader(self.rows, num_workers=4, sampler=DistributedSampler(self.rows))
    """,
    "accelerate shards and moves": """
        from accelerate import Accelerator, DataLoaderConfiguration

        def main(rows):
            config = DataLoaderConfiguration(non_blocking=True)
            accelerator = Accelerator(dataloader_config=config)
            loader = DataLoader(
                rows, num_workers=4, shuffle=True, pin_memory=True, persistent_workers=True
            )
            model, loader = accelerator.prepare(build(), loader)
            for epoch in range(3):
                for x in loader:
                    model(x.to(accelerator.device))
    """,
    "Hugging Face streams shard by themselves": """
        from datasets import load_dataset

        rows = load_dataset("c4", split="train", streaming=True)
        loader = DataLoader(rows, num_workers=4)
    """,
    "PyG and MONAI have other positions": """
        import torch_geometric.loader as g
        import monai.data as m

        a = g.DataLoader(graphs, 32, True, ["x"])
        b = m.DataLoader(rows, 4, batch_size=2)
    """,
    "a transform set on a copy": """
        import copy

        def split(full):
            train, val = random_split(full, [0.8, 0.2])
            val.dataset = copy.copy(full)
            val.dataset.transform = plain
            return train, val
    """,
    "memory-mapped and columnar data": """
        class D(Dataset):
            def __init__(self, path):
                self.x = np.memmap(path, dtype="f4")
                self.names = np.array(os.listdir(path), dtype=np.bytes_)

            def __len__(self):
                return len(self.x)

            def __getitem__(self, i):
                return self.x[i], self.names[i]

        loader = DataLoader(D("x"), num_workers=4)
    """,
    "a custom collate on tensors in memory": """
        def augment(batch):
            return heavy(batch)

        loader = DataLoader(TensorDataset(torch.rand(9)), num_workers=4, collate_fn=augment)
    """,
    "a class that is None on some path": """
        def make(rows, test=None):
            test_rows = Rows(test) if test is not None else None
            loader = DataLoader(test_rows) if test_rows is not None else None
            return loader
    """,
}


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_is_said(name: str) -> None:
    text = dedent(SHAPES[name])
    if not name.startswith("another framework"):
        text = IMPORTS + text
    report = analyze(Source("shape.py", text), Target(cores=8, cores_from="a test"))
    found = [
        (finding.rule.code, report.source.position(finding.span.start).line, finding.message)
        for finding in report.findings
        if finding.severity > Severity.HINT
    ]
    assert found == []
    compile(text, "shape.py", "exec")
