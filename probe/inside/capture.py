"""Finds the user's loader while the script runs, and watches the loop over it."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import time
from types import FrameType, ModuleType
from typing import Any, Callable, NoReturn

from .channel import Channel, Message
from .failure import from_library

DATALOADER = "torch.utils.data.dataloader"


class Watch:
    """Decides which loader is meant.

    It is the `nth` one constructed while a line from `first` to `last` of the file
    `path` was being run (any loader without a path), or one that a library has built
    around the same dataset since. `found(loader, how, observed)` is called in its first
    iteration, after some batches where the loop is to be observed; it does not return.
    """

    def __init__(self, job: Message, found: Callable[..., NoReturn], channel: Channel) -> None:
        target = job.get("target") or {}
        path = target.get("path")
        self.path: str | None = None if path is None else os.path.realpath(path)
        self.first: int = target.get("first") or 1
        self.last: int = target.get("last") or sys.maxsize
        self.nth: int = target.get("nth") or 1
        self.at_construction = bool(job.get("construct"))
        self.observe: Message | None = job.get("observe")
        self.constructed: list[list[Any]] = []  # [path, line] of every construction
        self.channel = channel
        self._found = found
        self._n_hits = 0
        self._loader: Any = None
        self._rebuilt: list[Any] = []
        self._loop: Loop | None = None
        self._pid = os.getpid()

    def constructing(self, loader: Any, caller: FrameType | None) -> None:
        """A loader has been constructed in `caller`."""
        if os.getpid() != self._pid:
            return
        builder = _user_frame(caller)
        if builder is not None:
            self.constructed.append([builder.f_code.co_filename, builder.f_lineno])
        if self._around_same_dataset(loader, caller):
            self._rebuilt.append(loader)
        elif self._reached(caller):
            self._n_hits += 1
            if self._n_hits == self.nth:
                self._loader = loader
                self.channel.send("constructed")
                if self.at_construction:
                    self._found(loader, "construction", None)

    def iterating(self, loader: Any) -> bool:
        """Reports whether the loop that begins now is to be observed; may not return."""
        if os.getpid() != self._pid or self._loader is None:
            return False
        if loader is not self._loader and not any(loader is one for one in self._rebuilt):
            return False
        if not self.observe:
            self._found(loader, "iteration", None)
        if self._loop is None or self._loop.loader is not loader:
            self._loop = Loop(loader, self.observe)
            self.channel.send("iterating")
        self._loop.begins()
        return True

    def batch(self, take: Callable[[], Any]) -> Any:
        """Take a batch of the observed loop; after enough of them the measurement begins."""
        loop = self._loop
        assert loop is not None
        if loop.enough():
            self._found(loop.loader, "iteration", loop.observed())
        return loop.timed(take)

    def script_ended(self) -> None:
        """Measure what was seen, if anything was."""
        if self._loop is not None:
            self._found(self._loop.loader, "iteration", self._loop.observed())
        if self._loader is not None:
            self._found(self._loader, "end", None)

    def _reached(self, frame: FrameType | None) -> bool:
        if self.path is None:
            return True
        while frame is not None:
            if self.first <= (frame.f_lineno or 0) <= self.last:
                name = frame.f_code.co_filename
                if name == self.path or os.path.realpath(name) == self.path:
                    return True
            frame = frame.f_back
        return False

    def _around_same_dataset(self, loader: Any, caller: FrameType | None) -> bool:
        """Reports whether a library has made this loader from the one that is meant."""
        return (
            self._loader is not None
            and loader.dataset is self._loader.dataset
            and caller is not None
            and from_library(caller.f_code.co_filename)
        )


class Loop:
    """Times of the user's loop: waiting for a batch, and the step that follows it."""

    def __init__(self, loader: Any, limits: Message) -> None:
        self.loader = loader
        workers = loader.num_workers
        # batches made before the loop asked for them say nothing about waiting
        self._warm_up = max(3, workers * (loader.prefetch_factor or 2) + workers)
        self._most: int = limits["batches"] + self._warm_up
        self._seconds: float | None = limits["seconds"]
        self._waits: list[float] = []
        self._steps: list[float] = []  # the time from a batch to the wish for the next one
        self._steps_cpu: list[float] = []
        self._begun = time.perf_counter()
        self._left: tuple[float, float] | None = None

    def begins(self) -> None:
        """An epoch begins; what came before it was no step."""
        self._left = None

    def enough(self) -> bool:
        """Reports whether there are batches enough, or no time for more."""
        if len(self._steps) >= self._most:
            return True
        if self._seconds is None or len(self._steps) < 3:
            return False
        return time.perf_counter() - self._begun > self._seconds

    def timed(self, take: Callable[[], Any]) -> Any:
        asked, cpu = time.perf_counter(), time.process_time()
        if self._left is not None:
            self._steps.append(asked - self._left[0])
            self._steps_cpu.append(cpu - self._left[1])
        batch = take()
        got = time.perf_counter()
        if self._left is not None:
            self._waits.append(got - asked)
        self._left = got, time.process_time()
        return batch

    def observed(self) -> dict[str, Any] | None:
        """Seconds of each pair of a wait and the step before it; None where there is none.

        `settled` says that the first ones, of a loop not yet in its stride, are left out.
        """
        settled = len(self._steps) >= self._warm_up + 3
        begin = self._warm_up if settled else min(2, len(self._steps) - 1)
        if not self._steps:
            return None
        return {
            "waits_s": self._waits[begin:],
            "steps_s": self._steps[begin:],
            "steps_cpu_s": self._steps_cpu[begin:],
            "settled": settled,
        }


def _user_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and from_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


_watch: Watch | None = None
_originals: list[tuple[Any, str, Any]] = []


def install(watch: Watch) -> None:
    """Hook DataLoader as soon as torch is imported."""
    global _watch
    _watch = watch
    module = sys.modules.get(DATALOADER)
    if module is not None:
        _hook(module)
    else:
        sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Give DataLoader its own methods back."""
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


class _Finder(importlib.abc.MetaPathFinder):
    """Hooks torch's module when it is imported, and is gone."""

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != DATALOADER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _hook(module)

            setattr(spec.loader, "exec_module", exec_module)  # noqa: B010
        return spec


def _hook(module: ModuleType) -> None:
    loader_class: Any = module.DataLoader
    iterator_class: Any = module._BaseDataLoaderIter

    def replace(owner: Any, name: str, made: Callable[[Any], Any]) -> None:
        original = owner.__dict__[name]
        _originals.append((owner, name, original))
        setattr(owner, name, functools.wraps(original)(made(original)))

    def constructor(original: Any) -> Any:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if _watch is not None:
                _watch.constructing(self, sys._getframe(1))

        return __init__

    def iteration(original: Any) -> Any:
        def __iter__(self: Any) -> Any:
            observed = _watch is not None and _watch.iterating(self)
            iterator = original(self)
            if observed:
                iterator.__dict__["_dladvise_observed"] = True
            return iterator

        return __iter__

    def stepping(original: Any) -> Any:
        def __next__(self: Any) -> Any:
            if _watch is None or "_dladvise_observed" not in self.__dict__:
                return original(self)
            return _watch.batch(lambda: original(self))

        return __next__

    replace(loader_class, "__init__", constructor)
    replace(loader_class, "__iter__", iteration)
    replace(iterator_class, "__next__", stepping)
