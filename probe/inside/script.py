"""Runs the user's script as the user would."""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import importlib.util
import io
import linecache
import os
import runpy
import sys
import types
from typing import Any

from .channel import Message


class Wrong(Exception):
    """The job names something that is not there."""


def run(job: Message, before: frozenset[str]) -> None:
    """Run `job["script"]`, a path, or `job["module"]` with its arguments to the end.

    What the script raises passes through, but for the exit it asks for.
    """
    try:
        if job.get("module"):
            _enter(os.getcwd(), before)
            sys.argv[:] = [job["module"], *job["args"]]
            runpy.run_module(job["module"], run_name="__main__", alter_sys=True)
        else:
            path = job["script"]
            _enter(os.path.dirname(os.path.realpath(path)), before)
            sys.argv[:] = [job["argv0"], *job["args"]]
            exec(_compiled(path, job.get("text")), _new_main(path).__dict__)
    except SystemExit as ending:
        if ending.code not in (None, 0):
            raise


def factory(job: Message, before: frozenset[str]) -> Any:
    """What the callable of a `file.py::name` or `module:name` target returns, as a loader."""
    from torch.utils.data import DataLoader, Dataset

    sys.argv[:] = [job["argv0"], *job["args"]]
    if job.get("module"):
        _enter(os.getcwd(), before)
        try:
            module = importlib.import_module(job["module"])
        except ModuleNotFoundError as error:
            if error.name is None or not f"{job['module']}.".startswith(f"{error.name}."):
                raise  # it is there, and imports what is not
            raise Wrong(f"there is no module {error.name} in {os.getcwd()}") from None
    else:
        path = job["script"]
        _enter(os.path.dirname(os.path.realpath(path)), before)
        module = _imported(path, job.get("text"))
    made: Any = module
    for part in job["name"].split("."):
        if not hasattr(made, part):
            raise Wrong(f"{job['argv0']} has no {job['name']}")
        made = getattr(made, part)
    if not callable(made):
        raise Wrong(f"{job['name']} in {job['argv0']} is not a function")
    made = made()
    if isinstance(made, DataLoader):
        return made
    if isinstance(made, Dataset) or (hasattr(made, "__getitem__") and hasattr(made, "__len__")):
        return DataLoader(made, batch_size=job["batch_size"])
    raise Wrong(f"{job['name']} returned {type(made).__qualname__}, not a Dataset or a DataLoader")


def _enter(folder: str, before: frozenset[str]) -> None:
    """Make `folder` the first place to import from, as Python does for a script.

    Standard modules that only we have imported, and that the folder replaces with its
    own, are forgotten: the script gets the same ones as without us.
    """
    if not getattr(sys.flags, "safe_path", False):  # python -P, since 3.11
        sys.path.insert(0, folder)
        try:
            names = {os.path.splitext(entry)[0] for entry in os.listdir(folder)}
        except OSError:
            names = set()
        for name in names - before:
            sys.modules.pop(name, None)


def _new_main(path: str) -> types.ModuleType:
    """An empty `__main__` for the script at `path`."""
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __file__=path,
        __builtins__=builtins,
        __loader__=importlib.machinery.SourceFileLoader("__main__", path),
        __cached__=None,
    )
    sys.modules["__main__"] = main
    return main


def _imported(path: str, text: Any) -> types.ModuleType:
    """The file as a module under its own name, so that workers can import it again."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Wrong(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(_compiled(path, text), module.__dict__)
    return module


def _compiled(path: str, text: Any) -> types.CodeType:
    if text is None:
        with io.open_code(path) as file:
            return compile(file.read(), path, "exec", dont_inherit=True)
    lines = text.splitlines(keepends=True)
    linecache.cache[path] = (len(text), None, lines, path)  # for tracebacks
    return compile(text, path, "exec", dont_inherit=True)
