"""DL404: a file or connection is opened before the workers start, and used in all of them."""

from __future__ import annotations

from collections.abc import Iterator

from ..classes_model import DatasetClass, Kept
from ..findings import Hit, Severity, rule
from ..model import Module
from ..text import Span
from ..usage import concrete, kept_for_sure, made_by, may_run_in_workers
from ..values import Made

FILES = frozenset(
    {"builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open",
     "zipfile.ZipFile", "tarfile.open", "tarfile.TarFile", "tarfile.TarFile.open"}
)  # fmt: skip
CONNECTIONS = {
    "lmdb.open": "an LMDB environment",
    "lmdb.Environment": "an LMDB environment",
    "lmdb.Transaction": "an LMDB transaction",
    "sqlite3.Cursor": "a cursor of SQLite",
    "sqlite3.connect": "an SQLite connection",
    "psycopg.connect": "a connection to PostgreSQL",
    "psycopg2.connect": "a connection to PostgreSQL",
    "pymysql.connect": "a connection to MySQL",
}
HDF5 = frozenset({"h5py.File"})
REOPENING = frozenset({"__getstate__", "__reduce__", "__reduce_ex__"})


@rule("DL404", Severity.WARNING)
def handle_shared_across_fork(module: Module) -> Iterator[Hit]:
    """Reports handles that forked workers share with each other."""
    if not _forks(module):
        return
    told: set[Span] = set()
    for dataset in concrete(module):
        if not may_run_in_workers(module, dataset) or _opens_per_process(dataset):
            continue
        for kept in made_by(kept_for_sure(module, dataset), FILES | CONNECTIONS.keys() | HDF5):
            if kept.span not in told and _used_in_workers(dataset, kept):
                told.add(kept.span)
                yield _hit(kept)


def _forks(module: Module) -> bool:
    if module.pickles_here or module.target.start_method in ("spawn", "forkserver"):
        return False
    return "linux" in module.target.platforms


def _opens_per_process(dataset: DatasetClass) -> bool:
    return "getpid" in dataset.mentions or not REOPENING.isdisjoint(dataset.bound)


def _used_in_workers(dataset: DatasetClass, kept: Kept) -> bool:
    if kept.closed:
        return False
    if kept.holder in ("module", "part"):
        return True
    return kept.attribute in dataset.worker_reads - dataset.worker_writes


def _hit(kept: Kept) -> Hit:
    name = next(what.name for what in kept.what if isinstance(what, Made))
    if name in FILES:
        return Hit(
            kept.span,
            f"all workers share the one open file {kept.shown} and its position: "
            "one reads or writes where another has moved to",
        )
    if name in HDF5:
        return Hit(
            kept.span,
            f"{kept.shown} is opened before the workers start: no start method but fork can "
            "hand an h5py file to them",
            severity=Severity.HINT,
        )
    return Hit(
        kept.span,
        f"all workers use {CONNECTIONS[name]} that was opened before they were forked, "
        f"{kept.shown}: it is made for one process",
    )
