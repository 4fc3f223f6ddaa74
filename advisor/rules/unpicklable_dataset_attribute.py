"""DL403: a dataset keeps something that cannot be pickled, and workers get it by pickle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..classes_model import DatasetClass, Kept
from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..text import Span
from ..usage import concrete, feeding, kept_for_sure, pickling_reason, surely_pickles
from ..values import Group, Known, Made

UNPICKLABLE: Mapping[str, str] = {
    **dict.fromkeys(
        ("builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open"),
        "an open file",
    ),
    "zipfile.ZipFile": "an open archive",
    "tarfile.open": "an open archive",
    "h5py.File": "an open HDF5 file",
    "lmdb.open": "an LMDB environment",
    "lmdb.Environment": "an LMDB environment",
    "sqlite3.connect": "an SQLite connection",
    "psycopg.connect": "a database connection",
    "psycopg2.connect": "a database connection",
    "csv.reader": "a CSV reader",
    "threading.Lock": "a lock",
    "threading.RLock": "a lock",
    "threading.Condition": "a lock",
    "threading.Event": "a lock",
    "threading.Semaphore": "a lock",
    "threading.Thread": "a thread",
    "threading.local": "thread-local storage",
    "queue.Queue": "a queue of threads",
    "concurrent.futures.ThreadPoolExecutor": "a pool of threads",
    "concurrent.futures.ProcessPoolExecutor": "a pool of processes",
    "multiprocessing.Pool": "a pool of processes",
    "multiprocessing.pool.ThreadPool": "a pool of threads",
    "torch.Generator": "a torch.Generator",
}


@rule("DL403", Severity.WARNING)
def unpicklable_dataset_attribute(module: Module) -> Iterator[Hit]:
    """Reports attributes because of which a dataset cannot be sent to workers."""
    told: set[Span] = set()
    for dataset in concrete(module):
        loaders = [call for call in feeding(module, dataset) if call.may_start_processes]
        reason = _reason(module, dataset, loaders)
        if reason is None or dataset.pickles_itself:
            continue
        certain = any(surely_pickles(module, call) for call in loaders)
        for kept in kept_for_sure(module, dataset):
            what = _unpicklable(kept)
            if what is None or kept.span in told:
                continue
            told.add(kept.span)
            yield Hit(
                kept.lambda_span or kept.span,
                f"{kept.shown} {what}, and with it the dataset cannot be pickled for the workers: "
                f"{reason}",
                severity=Severity.ERROR if certain else None,
            )


def _reason(module: Module, dataset: DatasetClass, loaders: list[LoaderCall]) -> str | None:
    for call in loaders:
        if (reason := pickling_reason(module, call)) is not None:
            return reason
    return None if feeding(module, dataset) else pickling_reason(module, None)


def _unpicklable(kept: Kept) -> str | None:
    """What is kept, in words; None where pickle can write it, or may."""
    if kept.holder not in ("object", "part") or kept.closed:
        return None  # what belongs to the class or the module is not pickled
    if kept.local:
        return "is a lambda" if kept.lambda_span else "is a function defined inside another"
    if kept.lambda_span is not None:
        return "holds a lambda"
    others = [what for what in kept.what if what != Known(None)]
    if others and all(isinstance(what, Group) and what.kind == "generator" for what in others):
        return "is a generator"
    words = {
        UNPICKLABLE.get(what.name)
        if isinstance(what, Made) and (not what.part or what.name == "h5py.File")
        else None
        for what in others
    }
    word = words.pop() if len(words) == 1 else None
    return None if word is None else f"is {word}"
