"""How long an editor waits for the language server, beside other servers, in one run.

    python benchmarks/editing.py [--only-ours] [--others DIR]

Every server gets the same two texts and the same changes: lines put in and taken out again
in functions, methods, docstrings and at the top level, and identifiers typed by character.
A change is over when the server has told the diagnostics of the text after it; they are
pulled where the server offers that. The texts are a training script as people write them
(training_script.txt), and the dataloader.py of the torch that is installed. The examples
joined to one script, with more loaders than any real one has, are measured and not judged.
The servers run one after the other, text by text, with their own defaults; ours waits for
no pause in the typing (debounceMs 0).

Of ours alone: what it holds in memory with hundreds of scripts open, and how long an editor
waits for a hover while a loader is measured. It ends with status 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import IO, Any, NamedTuple, TypeVar

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.speed import Verdict  # noqa: E402
from dladvise import __version__  # noqa: E402

TRAINING = Path(__file__).with_name("training_script.txt")
OTHERS = {
    "ruff": "ruff==0.17.6",
    # with the linters that are on by default
    "pylsp": "python-lsp-server[mccabe,pycodestyle,pyflakes]==1.15.0",
    "basedpyright": "basedpyright==1.40.2",
}
COMMANDS = {
    "ruff": ("ruff", "server"),
    "pylsp": ("pylsp",),
    "basedpyright": ("basedpyright-langserver", "--stdio"),
}
N_PLACES = 5  # of each kind: 60 changes
PAUSE_S = 0.03  # between an answer and the next change
SETTLE_S = 1.2  # after the start, for what a server does when nothing is asked of it
N_SPAWNS, SPAWNS_S = 3, 3.0  # of a server for its first diagnostics: so many, or so long
LONGEST_S = 60.0  # to wait for anything
N_DOCUMENTS = 500
PROBE_S = 6
HOVER_EVERY_S = 0.02

# What the project promises.
RUFF_AT_MOST = 4.0  # times as long, at the median
BASEDPYRIGHT_AT_LEAST = 10.0
P95_BELOW_MS = 50.0
FIRST_BELOW_S = 1.5
MEMORY_BELOW_MB = 150.0
ANSWER_BELOW_MS = 100.0

CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "synchronization": {"didSave": True},
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        "diagnostic": {"dynamicRegistration": False},
        "hover": {"contentFormat": ["markdown"]},
    },
    "workspace": {
        "configuration": True,
        "diagnostics": {"refreshSupport": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "window": {"workDoneProgress": True},
}
_T = TypeVar("_T")
AGAIN = (-32801, -32802)  # the content was modified, the server cancelled it


class Answer(NamedTuple):
    """A server's answer, and when it was there."""

    result: Any
    at: float


class Refusal(Exception):
    """An error that the server answered with."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.code = error.get("code")


@dataclass(frozen=True)
class Server:
    """How a server is started."""

    name: str
    words: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


class Client:
    """An editor for one server, in one folder; leaving it ends the server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.begun = time.perf_counter()
        self.process = psutil.Popen(
            server.words,
            cwd=folder,
            env={**os.environ, **server.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._asked: dict[int, Future[Answer]] = {}
        self._published: SimpleQueue[tuple[dict[str, Any], float]] = SimpleQueue()
        self._writing = threading.Lock()
        self._n_asked = 0
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        params = {
            "processId": os.getpid(),
            "rootUri": folder.as_uri(),
            "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
            "capabilities": CAPABILITIES,
            "initializationOptions": server.options,
        }
        offers = self.call("initialize", params).result["capabilities"]
        self._pulls = bool(offers.get("diagnosticProvider"))
        self.notify("initialized", {})

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self.call("shutdown", None)
                self.notify("exit", None)
                self.process.wait(5)
        except (psutil.TimeoutExpired, OSError, Refusal):
            pass  # it has had its chance
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(5)

    def ask(self, method: str, params: Any) -> Future[Answer]:
        """Send a request; the answer comes in its time."""
        self._n_asked += 1
        future: Future[Answer] = Future()
        self._asked[self._n_asked] = future
        self._send({"id": self._n_asked, "method": method, "params": params})
        return future

    def call(self, method: str, params: Any) -> Answer:
        """Send a request and wait for the answer."""
        return self.ask(method, params).result(LONGEST_S)

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def open(self, path: Path, text: str) -> None:
        item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, path: Path, version: int, change: Change) -> None:
        while not self._published.empty():
            self._published.get()  # what was told of earlier texts
        document = {"uri": path.as_uri(), "version": version}
        params = {"textDocument": document, "contentChanges": [change.event()]}
        self.notify("textDocument/didChange", params)

    def diagnostics(self, path: Path, version: int) -> Answer:
        """Wait for those of the text of that version."""
        uri = path.as_uri()
        while self._pulls:
            try:
                params = {"textDocument": {"uri": uri}}
                report, at = self.call("textDocument/diagnostic", params)
                return Answer(report["items"], at)
            except Refusal as refusal:
                if refusal.code not in AGAIN:
                    raise
        while True:
            told, at = self._published.get(timeout=LONGEST_S)
            if told["uri"] == uri and told.get("version") in (None, version):
                return Answer(told["diagnostics"], at)

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self._writing:
            self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self.process.stdin.flush()

    def _read(self, stream: IO[bytes]) -> None:
        """Take what the server sends, until it ends."""
        while (body := _body(stream)) is not None:
            at = time.perf_counter()
            message = json.loads(body)
            method = message.get("method")
            if method is None:
                future = self._asked.pop(message["id"])
                if (error := message.get("error")) is not None:
                    future.set_exception(Refusal(error))
                else:
                    future.set_result(Answer(message.get("result"), at))
            elif "id" in message:
                result = _client_answer(method, message.get("params"))
                self._send({"id": message["id"], "result": result})
            elif method == "textDocument/publishDiagnostics":
                self._published.put((message["params"], at))
        for future in self._asked.values():
            future.set_exception(EOFError("the server has ended"))


def _body(stream: IO[bytes]) -> bytes | None:
    length = 0
    while line := stream.readline():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif not line.strip():
            return stream.read(length)
    return None


def _client_answer(method: str, params: Any) -> Any:
    """What an editor without settings, whose user agrees to everything, answers."""
    if method == "workspace/configuration":
        return [None] * len(params["items"])
    if method == "window/showMessageRequest":
        return next((one for one in params.get("actions") or () if one["title"] == "Run"), None)
    return None


class Change(NamedTuple):
    """New text in the place of what stands from `start` to `end`: lines and columns from 0."""

    start: tuple[int, int]
    end: tuple[int, int]
    new: str

    def event(self) -> dict[str, Any]:
        (line, character), (end_line, end_character) = self.start, self.end
        return {
            "range": {
                "start": {"line": line, "character": character},
                "end": {"line": end_line, "character": end_character},
            },
            "text": self.new,
        }


def changes(text: str) -> list[Change]:
    """The changes of a text, from its top to its end: after all of them it is as it was."""
    tree, lines = ast.parse(text), text.splitlines()
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    functions = _functions(tree.body)
    methods = [one for node in classes for one in _functions(node.body)]
    last_import = max(n for n, node in enumerate(tree.body) if isinstance(node, _IMPORTS))
    places: list[tuple[int, list[Change]]] = []
    for nodes in (
        [node for function in functions for node in function.body[1:]],
        [node for method in methods for node in method.body[1:]],
        tree.body[last_import + 1 :],
    ):
        for node in _spread(nodes):
            line = min([node.lineno, *_decorator_lines(node)]) - 1
            new = " " * node.col_offset + "checked = True\n"
            places.append((line, _in_and_out((line, 0), new, (line + 1, 0))))
    documented = [
        node.body[0] for node in (*functions, *classes, *methods) if ast.get_docstring(node)
    ]
    for node in _spread(documented):
        line = node.lineno - 1
        column = lines[line].index('"""') + 3
        indent = " " * node.col_offset
        new = f"What it is.\n{indent}"
        change = _in_and_out((line, column), new, (line + 1, len(indent)))
        places.append((line, change))
    names = [
        node
        for function in (*functions, *methods)
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and lines[node.lineno - 1].isascii()
    ]
    for name in _spread(names):
        line, column = name.lineno - 1, name.end_col_offset or 0
        typed = [Change((line, at), (line, at), "x") for at in (column, column + 1)]
        erased = [Change((line, at), (line, at + 1), "") for at in (column + 1, column)]
        places.append((line, typed + erased))
    return [change for _, made in sorted(places) for change in made]


_Function = ast.FunctionDef | ast.AsyncFunctionDef
_IMPORTS = (ast.Import, ast.ImportFrom)


def _functions(body: Iterable[ast.stmt]) -> list[_Function]:
    return [node for node in body if isinstance(node, _Function)]


def _decorator_lines(node: ast.stmt) -> Iterator[int]:
    for decorator in getattr(node, "decorator_list", ()):
        yield decorator.lineno


def _spread(found: Sequence[_T]) -> list[_T]:
    return [found[len(found) * number // N_PLACES] for number in range(N_PLACES)]


def _in_and_out(at: tuple[int, int], new: str, end: tuple[int, int]) -> list[Change]:
    return [Change(at, at, new), Change(at, end, "")]


@dataclass(frozen=True)
class Waits:
    """How long an editor waited for one server with one text."""

    first_s: list[float]  # from the start of the process
    change_ms: list[float]
    n_diagnostics: int

    @property
    def p50(self) -> float:
        return median(self.change_ms)

    @property
    def p95(self) -> float:
        return sorted(self.change_ms)[math.ceil(0.95 * len(self.change_ms)) - 1]


def waited(server: Server, folder: Path, text: str) -> Waits:
    """Open the text in a new server and make all changes."""
    path = folder / "edited.py"
    path.write_text(text, encoding="utf-8")
    times: list[float] = []
    with Client(server, folder) as client:
        client.open(path, text)
        first = client.diagnostics(path, 1)
        firsts = [first.at - client.begun]
        time.sleep(SETTLE_S)
        for version, change in enumerate(changes(text), 2):
            time.sleep(PAUSE_S)
            begun = time.perf_counter()
            client.change(path, version, change)
            last = client.diagnostics(path, version)
            times.append((last.at - begun) * 1000)
    if len(last.result) != len(first.result):
        counts = f"{len(first.result)} diagnostics before and {len(last.result)} after"
        raise SystemExit(f"{server.name} has {counts} all changes, which end where they began")
    while len(firsts) < N_SPAWNS and sum(firsts) < SPAWNS_S:
        with Client(server, folder) as client:
            client.open(path, text)
            firsts.append(client.diagnostics(path, 1).at - client.begun)
    return Waits(firsts, times, len(first.result))


def joined() -> str:
    """The examples as one script: their imports once, then what each defines and does."""
    imports: dict[str, None] = {}
    bodies: list[str] = []
    for path in sorted((ROOT / "examples").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body[1:]:
            code = ast.get_source_segment(text, node) or ""
            if isinstance(node, _IMPORTS):
                imports[code] = None
            elif not isinstance(node, ast.If):
                bodies.append(code.replace("def main(", f"def {path.stem}("))
    return "\n".join(['"""Trains."""', *imports, "\n"]) + "\n\n\n".join(bodies) + "\n"


def variant(text: str, number: int) -> str:
    """The script with names of its own: as if somebody else had written it."""
    nodes = list(ast.walk(ast.parse(text)))
    kept = {node.arg for node in nodes if isinstance(node, (ast.keyword, ast.arg))}
    kept |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    own = {node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)}
    own |= {node.name for node in nodes if isinstance(node, (ast.ClassDef, _Function))}
    named = "|".join(sorted(name for name in own - kept if not name.startswith("__")))
    return re.sub(rf"(?<![.\w])({named})\b", rf"\1_{number}", text)


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def memory_mb(server: Server, folder: Path, text: str) -> tuple[float, int]:
    """What the server's processes hold with many scripts open, and how many diagnostics it told."""
    with Client(server, folder) as client:
        told = 0
        for number in range(N_DOCUMENTS):
            path = folder / f"train_{number}.py"
            client.open(path, variant(text, number))
            told += len(client.diagnostics(path, 1).result)
        time.sleep(SETTLE_S)
        held = 0
        for process in (client.process, *client.process.children(recursive=True)):
            memory = process.memory_full_info()
            held += getattr(memory, "pss", memory.uss)  # a page that several share is divided
    return held / 2**20, told


SLOW = """\
import time

import torch
from torch.utils.data import DataLoader, Dataset


class Slow(Dataset):
    def __len__(self):
        return 100_000

    def __getitem__(self, index):
        time.sleep(0.002)
        return torch.zeros(8)


if __name__ == "__main__":
    loader = DataLoader(Slow(), batch_size=8)
    for batch in loader:
        pass
"""


def hovers_ms(server: Server, folder: Path) -> list[float]:
    """How long each of many hovers took while a loader was measured."""
    path = folder / "slow.py"
    path.write_text(SLOW, encoding="utf-8")
    line = SLOW[: SLOW.index("loader = ")].count("\n")
    position = {"line": line, "character": len("    loader = ")}
    asked: list[tuple[float, Future[Answer]]] = []
    with Client(server, folder) as client:
        client.open(path, SLOW)
        client.diagnostics(path, 1)
        time.sleep(SETTLE_S)
        where = {"textDocument": {"uri": path.as_uri()}, "position": position}
        arguments = [path.as_uri(), position]
        command = {"command": "dladvise.probe", "arguments": arguments}
        probe = client.ask("workspace/executeCommand", command)
        due = time.perf_counter()
        while not probe.done():
            asked.append((time.perf_counter(), client.ask("textDocument/hover", where)))
            due += HOVER_EVERY_S
            time.sleep(max(0.0, due - time.perf_counter()))
        answers = [(sent, future.result(LONGEST_S)) for sent, future in asked]
        measured = probe.result().result
    if measured["status"] != 0 or not all(answer.result for _, answer in answers):
        raise SystemExit(f"nothing was measured, or there was nothing to show: {measured}")
    return [(answer.at - sent) * 1000 for sent, answer in answers]


def installed(folder: Path) -> list[Server]:
    """The other servers, from an environment made for them where it is not there yet."""
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    if not commands.is_dir():
        venv.create(folder, with_pip=True)
        pip = [str(commands / "python"), "-m", "pip", "install", "--quiet", *OTHERS.values()]
        subprocess.run(pip, check=True, stderr=subprocess.PIPE)
    return [
        Server(name, (str(commands / first), *rest)) for name, (first, *rest) in COMMANDS.items()
    ]


def compared(servers: Sequence[Server], name: str, text: str, place: Path) -> list[Verdict]:
    """Edit one text in every server, and print what was waited for."""
    folder = place / name.replace(" ", "-")
    folder.mkdir()
    n_lines, n_changes = len(text.splitlines()), len(changes(text))
    print(f"\n## The {name}: {n_lines} lines, {n_changes} changes\n")
    print("| server | diagnostics | to the first s | p50 ms | p95 ms | p50, to ours |")
    print("|---|---|---|---|---|---|")
    waits: dict[str, Waits] = {}
    for server in servers:
        found = waits[server.name] = waited(server, folder, text)
        ratio = f"{found.p50 / waits[servers[0].name].p50:.2f} x" if len(waits) > 1 else "-"
        times = f"{median(found.first_s):.2f} | {found.p50:.1f} | {found.p95:.1f}"
        print(f"| {server.name} | {found.n_diagnostics} | {times} | {ratio} |", flush=True)
    ours = waits[servers[0].name]
    first = median(ours.first_s)
    verdicts = [
        _below(f"{name}: first diagnostics s after the start", first, FIRST_BELOW_S, "s"),
        _below(f"{name}: p95 of change to diagnostics", ours.p95, P95_BELOW_MS, "ms"),
    ]
    if "ruff" in waits:
        ratio_ = ours.p50 / waits["ruff"].p50
        verdicts.append(_below(f"{name}: p50 as a multiple of ruff's", ratio_, RUFF_AT_MOST, "x"))
    if "basedpyright" in waits:
        faster = waits["basedpyright"].p50 / ours.p50
        target = f"{name}: p50 at least {BASEDPYRIGHT_AT_LEAST:g} x faster than basedpyright"
        verdicts.append(Verdict(target, f"{faster:.1f} x", faster >= BASEDPYRIGHT_AT_LEAST))
    return verdicts


def _below(what: str, measured: float, limit: float, unit: str) -> Verdict:
    return Verdict(f"{what} below {limit:g} {unit}", f"{measured:.3g} {unit}", measured < limit)


def alone(ours: Server, text: str, place: Path) -> list[Verdict]:
    """What is looked at in our server only."""
    print("\n## dladvise alone\n")
    held, told = memory_mb(ours, place, text)
    print(f"{N_DOCUMENTS} scripts open, {told} diagnostics told: {held:.0f} MB")
    hovers = sorted(hovers_ms(ours, place))
    times = f"median {median(hovers):.1f} ms, slowest {hovers[-1]:.1f} ms"
    print(f"{len(hovers)} hovers while a loader is measured: {times}")
    return [
        _below(f"memory with {N_DOCUMENTS} scripts open", held, MEMORY_BELOW_MB, "MB"),
        _below("slowest answer while a loader is measured", hovers[-1], ANSWER_BELOW_MS, "ms"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only-ours", action="store_true", help="leave the other servers out")
    parser.add_argument("--others", type=Path, help="keep their environment in this folder")
    arguments = parser.parse_args()
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        raise SystemExit("torch is not installed: its dataloader.py is one of the texts")
    module = Path(torch.origin).parent / "utils" / "data" / "dataloader.py"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{platform.platform()}, {cores} cores, Python {platform.python_version()}")
    versions = [] if arguments.only_ours else list(OTHERS.values())
    print(", ".join([f"dladvise {__version__}", *versions]))
    with tempfile.TemporaryDirectory(prefix="dladvise-editing-") as name:
        place = Path(name).resolve()
        homes = {home: str(place / home) for home in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}
        options = {
            "debounceMs": 0,
            "interpreter": sys.executable,
            "probe": {"seconds": PROBE_S},
        }
        words = (sys.executable, "-m", "dladvise", "server")
        ours = Server("dladvise", words, options, {"PYTHONPATH": str(ROOT), **homes})
        servers = [ours]
        if not arguments.only_ours:
            servers += installed(arguments.others or place / "others")
        training = TRAINING.read_text(encoding="utf-8")
        verdicts = compared(servers, "training script", training, place)
        verdicts += compared(servers, "module", module.read_text(encoding="utf-8"), place)
        compared(servers[:2], "examples joined", joined(), place)
        verdicts += alone(ours, training, place)
    print("\n## The targets\n\n| target | measured | met |\n|---|---|---|")
    for verdict in verdicts:
        print(f"| {verdict.target} | {verdict.measured} | {'yes' if verdict.met else 'NO'} |")
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
