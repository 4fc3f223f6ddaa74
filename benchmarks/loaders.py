"""Loaders whose best setting is known by construction: targets for the probe.

    dladvise probe benchmarks/loaders.py::latency

Each function returns a DataLoader as a training script would write it, without workers.
LOADERS names them with what bounds them.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

Sample = tuple[torch.Tensor, int]
N_STREAM = 8_000  # samples


def spin(seconds: float) -> None:
    """Use so much processor time, in small pieces of hashing."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        hashlib.blake2b(b"dladvise" * 64).digest()


class Costly(Dataset[Sample]):
    """Samples that take `cpu_s` of a processor and `wait_s` of waiting each."""

    def __init__(self, n: int, cpu_s: float = 0.0, wait_s: float = 0.0) -> None:
        self.n, self.cpu_s, self.wait_s = n, cpu_s, wait_s

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        if self.cpu_s:
            spin(self.cpu_s)
        if self.wait_s:
            time.sleep(self.wait_s)
        return torch.full((3, 32, 32), float(index)), index


class Decoded(Dataset[Sample]):
    """Compressed images that are unpacked, scaled and normalised."""

    def __init__(self, n: int, side: int = 224) -> None:
        generator = torch.Generator().manual_seed(0)
        self.n, self.side = n, side
        self.images = []
        for _ in range(32):
            coarse = torch.randint(0, 255, (side // 8, side // 8, 3), generator=generator)
            fine = coarse.repeat_interleave(8, 0).repeat_interleave(8, 1)
            fine = (fine + torch.randint(0, 9, fine.shape, generator=generator)).clamp(0, 255)
            self.images.append(zlib.compress(bytes(fine.flatten().tolist()), 1))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        raw = bytearray(zlib.decompress(self.images[index % len(self.images)]))
        image = torch.frombuffer(raw, dtype=torch.uint8).view(self.side, self.side, 3)
        return (image.permute(2, 0, 1).float() / 255 - 0.45) / 0.225, index % 10


class Rows(Dataset[Sample]):
    """Large tensors that lie in memory: nothing to do but to hand them over."""

    def __init__(self, n: int, side: int) -> None:
        self.n = n
        self.rows = torch.rand(8, 3, side, side)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        return self.rows[index % 8], index


class Uneven(Dataset[Sample]):
    """One sample in twelve takes forty times as long as the others."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        if (index * 2654435761 >> 7) % 12 == 0:
            spin(0.008)
            time.sleep(0.014)
        else:
            spin(0.0005)
        return torch.full((3, 32, 32), float(index)), index


class Shards(IterableDataset[Sample]):
    """A stream of remote shards, divided among the workers."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for index in range(first, self.n, step):
            if index // step % 50 == 0:
                time.sleep(0.02)  # a shard is opened
            time.sleep(0.001)
            spin(0.0004)
            yield torch.full((3, 32, 32), float(index)), index


class Words(Dataset[Any]):
    """Texts that are split and looked up in plain Python."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.ids = {f"w{k * 7919 % 50021}": k for k in range(5000)}
        self.words = list(self.ids)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[list[int], int]:
        length = 60 + index * 7919 % 300
        text = " ".join(self.words[(index + k * 31) % 5000] for k in range(length))
        return [self.ids.get(word, 0) for word in text.lower().split()], index % 2


def padded(batch: list[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The texts of a batch, as long as the longest of them."""
    longest = max(len(ids) for ids, _ in batch)
    rows = [ids + [0] * (longest - len(ids)) for ids, _ in batch]
    return torch.tensor(rows), torch.tensor([label for _, label in batch])


def slow_start(worker_id: int) -> None:
    """What some workers do first: open a database, load an index."""
    time.sleep(1.5)


def in_memory() -> DataLoader[tuple[torch.Tensor, ...]]:
    """Tiny rows of a tensor: making a batch costs less than sending it. Best: 0."""
    features, labels = torch.randn(10_000, 10), torch.randint(0, 2, (10_000,))
    return DataLoader(TensorDataset(features, labels), batch_size=32, shuffle=True)


def latency() -> DataLoader[Sample]:
    """Waits 5 ms a sample: the more workers the better, far beyond the cores."""
    return DataLoader(Costly(16_000, wait_s=0.005), batch_size=16, shuffle=True)


def decode() -> DataLoader[Sample]:
    """Unpacks images: as many workers as cores."""
    return DataLoader(Decoded(3_200), batch_size=32, shuffle=True)


def compute() -> DataLoader[Sample]:
    """2 ms of processor a sample, small batches: as many workers as cores."""
    return DataLoader(Costly(8_000, cpu_s=0.002), batch_size=16, shuffle=True)


def mixed() -> DataLoader[Sample]:
    """1 ms of processor and 3 ms of waiting a sample: about four times the cores."""
    return DataLoader(Costly(8_000, cpu_s=0.001, wait_s=0.003), batch_size=16, shuffle=True)


def transport() -> DataLoader[Sample]:
    """24 MiB a batch that lies in memory: sending it costs more than stacking it. Best: 0."""
    return DataLoader(Rows(800, 512), batch_size=8, shuffle=True)


def uneven() -> DataLoader[Sample]:
    """Slow samples hold up the others: more workers, or batches further ahead."""
    return DataLoader(Uneven(8_000), batch_size=16, shuffle=True)


def starting() -> DataLoader[Sample]:
    """Workers that need 1.5 s to start, and ten epochs of 50 batches: they pay all the same."""
    made = Costly(800, cpu_s=0.001, wait_s=0.003)
    return DataLoader(made, batch_size=16, shuffle=True, worker_init_fn=slow_start)


def short_epochs() -> DataLoader[Sample]:
    """Six batches an epoch: workers beyond six have nothing to do."""
    return DataLoader(Costly(96, cpu_s=0.001, wait_s=0.003), batch_size=16, shuffle=True)


def one_short_epoch() -> DataLoader[Sample]:
    """Two quick batches an epoch, and slow workers: starting them never pays. Best: 0."""
    made = Costly(32, cpu_s=0.001)
    return DataLoader(made, batch_size=16, worker_init_fn=slow_start)


def stream() -> DataLoader[Sample]:
    """A sharded stream that mostly waits."""
    return DataLoader(Shards(N_STREAM), batch_size=32)


def text() -> DataLoader[Any]:
    """Plain Python on short texts with dynamic padding: as many workers as cores."""
    return DataLoader(Words(8_000), batch_size=32, shuffle=True, collate_fn=padded)


LOADERS: dict[str, tuple[Callable[[], DataLoader[Any]], str]] = {
    "in_memory": (in_memory, "transport"),
    "latency": (latency, "latency"),
    "decode": (decode, "cpu"),
    "compute": (compute, "cpu"),
    "mixed": (mixed, "cpu"),
    "transport": (transport, "transport"),
    "uneven": (uneven, "latency"),
    "starting": (starting, "cpu"),
    "short_epochs": (short_epochs, "latency"),
    "one_short_epoch": (one_short_epoch, "cpu"),
    "stream": (stream, "latency"),
    "text": (text, "cpu"),
}
