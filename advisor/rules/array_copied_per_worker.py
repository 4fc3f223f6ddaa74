"""DL503: a dataset keeps an array, and each worker that is not forked is sent a copy of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..classes_model import DatasetClass, Kept
from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..text import Source, Span
from ..usage import concrete, feeding, pickling_reason
from ..values import Known, Made, What

ARRAYS: Mapping[str, str] = {
    "numpy.load": "the array",
    "numpy.fromfile": "the array",
    "numpy.loadtxt": "the array",
    "numpy.genfromtxt": "the array",
    "numpy.memmap": "all that the memory map shows",
}


@rule("DL503", Severity.INFO)
def array_copied_per_worker(module: Module) -> Iterator[Hit]:
    """Reports arrays read from files that are pickled with the dataset for every worker."""
    told: set[Span] = set()
    for dataset in concrete(module):
        sent = [call for call in feeding(module, dataset) if _is_sent(module, call)]
        if not sent or dataset.pickles_itself:
            continue
        for kept in dataset.kept:
            what = _array(kept)
            if what is None or kept.span in told or not _stays(dataset, kept.attribute):
                continue
            if _is_archive(module.source, kept):
                continue  # which pickle refuses
            told.add(kept.span)
            yield Hit(
                kept.span,
                f"{_each(sent[0])} is sent a copy of {what} in {kept.shown}: "
                f"{pickling_reason(module, sent[0])}",
            )


def _is_sent(module: Module, call: LoaderCall) -> bool:
    """Reports whether the loader is meant to have workers, and they get the dataset by pickle."""
    workers = call.workers
    some = workers.surely_some or (workers.unknown and "num_workers" in call.arguments)
    return some and pickling_reason(module, call) is not None


def _array(kept: Kept) -> str | None:
    """What of it is copied, in words; None where it is no array, or may be another thing."""
    if kept.holder != "object" or kept.closed or kept.handed_in:
        return None
    words = {_words(what) for what in kept.what if what != Known(None)}
    return words.pop() if len(words) == 1 else None


def _words(what: What) -> str | None:
    return ARRAYS.get(what.name) if isinstance(what, Made) else None


def _is_archive(source: Source, kept: Kept) -> bool:
    """Reports whether it is, by its file's name or by its use, a file of several arrays."""
    if all(isinstance(what, Made) and what.part for what in kept.what):
        return False  # one of them
    by_name = ".npz" in source.code(kept.span)
    return by_name or source.tells(re.compile(rf"\.{kept.attribute}\[\s*['\"]").search)


def _stays(dataset: DatasetClass, attribute: str) -> bool:
    """Reports whether it is an array in every way that the object can be made."""
    return all(_array(kept) is not None for kept in dataset.kept if kept.attribute == attribute)


def _each(call: LoaderCall) -> str:
    count = call.workers.exact
    return "each worker" if count is None or count < 2 else f"each of the {count} workers"
