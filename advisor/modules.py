"""Where Python would find the modules of a user's project, and what they say.

Every answer is plain text, so that it can be kept beside what was concluded from it, and
asked for once more. Nothing is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Literal, NamedTuple, TypeAlias

PACKAGE = "__init__.py"
# What stands in the folder that a project is run or installed from.
MARKS = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "dladvise.toml", ".git", ".hg"})
INSTALLED = frozenset({"site-packages", "dist-packages"})  # where every project has its modules
_TEST = re.compile(r"^test_|_test\.py$|^conftest\.py$")
MOST_FILES = 100  # of a folder that is searched for options
FARTHEST = 8  # folders from a file up to the folder of its project

Contents: TypeAlias = Callable[[str], str | None]  # a file's text; None for what cannot be read
Kind: TypeAlias = Literal["roots", "module", "text", "options", "naming"]


class Seen(NamedTuple):
    """A question and its answer.

    `roots`: the folders that the absolute imports of a file start from, a line each.
    `module`: the file of a module, given by its folder and name; the folder of a package
    without a file; empty where there is none. `text`: a hash of what a file says. `options`: the
    files of a folder, given as `folder/*.py`, that declare options of a command line, a line each.
    `naming`: the files of a folder that import something of a module, given as
    `folder/*.py module.name`, a line each; tests do not count, which try what nobody wants.
    """

    kind: Kind
    subject: str
    answer: str

    @property
    def place(self) -> str:
        """The file, or the files of a folder, that it was asked of."""
        return _place(self.kind, self.subject)


def beside(path: str) -> str:
    """All modules in the folder of a file."""
    return os.path.join(os.path.dirname(path), "*.py")


def _place(kind: Kind, subject: str) -> str:
    return subject.rpartition(" ")[0] if kind == "naming" else subject


def _unheard(folder: str) -> None:
    """Nobody wants to know which folders are listed."""


class Modules:
    """The modules around some files; `contents` reads one, and is asked once for each.

    `listed` hears which folders are looked into.
    """

    def __init__(self, contents: Contents, listed: Callable[[str], None] = _unheard) -> None:
        self._contents = contents
        self._listed = listed
        self._folders: dict[str, frozenset[str]] = {}
        self._texts: dict[str, str | None] = {}
        self._answers: dict[tuple[Kind, str], str] = {}

    def answer(self, kind: Kind, subject: str) -> str:
        """What is seen of the file system; the same whenever it is asked."""
        asked = kind, subject
        if asked not in self._answers:
            self._answers[asked] = _ANSWERED[kind](self, subject)
        return self._answers[asked]

    def holds(self, seen: Seen) -> bool:
        """Reports whether an earlier answer is the one of today."""
        return self.answer(seen.kind, seen.subject) == seen.answer

    def forget(self, path: str) -> None:
        """Read a file anew."""
        self._texts.pop(path, None)
        self._answers.pop(("text", path), None)
        self._answers.pop(("options", beside(path)), None)
        for kind, subject in [*self._answers]:
            if kind == "naming" and _place(kind, subject) == beside(path):
                del self._answers[kind, subject]

    def text(self, path: str) -> str | None:
        """What a file says; None where it cannot be read."""
        if path not in self._texts:
            self._texts[path] = self._contents(path)
        return self._texts[path]

    def _entries(self, folder: str) -> frozenset[str]:
        found = self._folders.get(folder)
        if found is None:
            self._listed(folder)
            try:
                found = frozenset(os.listdir(folder))
            except OSError:
                found = frozenset()
            self._folders[folder] = found
        return found

    def _module(self, place: str) -> str:
        folder, name = os.path.split(place)
        entries = self._entries(folder)
        if name in entries:
            inside = self._entries(place)
            if PACKAGE in inside:
                return os.path.join(place, PACKAGE)
            if f"{name}.py" not in entries and inside:
                return place
        return f"{place}.py" if f"{name}.py" in entries else ""

    def _roots(self, path: str) -> str:
        """The nearest first: beside the outermost package, then up to the project's folder."""
        folder = os.path.dirname(path)
        while PACKAGE in self._entries(folder) and os.path.dirname(folder) != folder:
            folder = os.path.dirname(folder)
        above = [folder]
        while MARKS.isdisjoint(self._entries(above[-1])):
            above.append(os.path.dirname(above[-1]))
            if len(above) > FARTHEST or os.path.basename(above[-1]) in ("", *INSTALLED):
                return folder  # no project that it could belong to
        found = [folder, *above[1:]]
        found += [os.path.join(one, "src") for one in above if "src" in self._entries(one)]
        return "\n".join(dict.fromkeys(found))

    def _with_options(self, pattern: str) -> str:
        paths = self._files(os.path.dirname(pattern))
        return "\n".join(one for one in paths if "add_argument(" in (self.text(one) or ""))

    def _naming(self, subject: str) -> str:
        pattern, _, dotted = subject.rpartition(" ")
        module, _, name = dotted.rpartition(".")
        imported, whole = (
            re.compile(rf"\bimport\s+(?:\([^)]*|(?:[^\n(\\]|\\\n)*)\b{re.escape(one)}\b")
            for one in (name, module)
        )
        found = []
        for path in self._files(os.path.dirname(pattern)):
            text = self.text(path) or ""
            if name not in text or _TEST.search(os.path.basename(path)):
                continue
            if imported.search(text) or (f".{name}(" in text and whole.search(text)):
                found.append(path)
        return "\n".join(found)

    def _files(self, folder: str) -> list[str]:
        """The modules in a folder; none where they are too many."""
        names = sorted(one for one in self._entries(folder) if one.endswith(".py"))
        return [os.path.join(folder, one) for one in names] if len(names) <= MOST_FILES else []

    def _text_hash(self, path: str) -> str:
        text = self.text(path)
        if text is None:
            return ""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


_ANSWERED: dict[Kind, Callable[[Modules, str], str]] = {
    "roots": Modules._roots,
    "module": Modules._module,
    "text": Modules._text_hash,
    "options": Modules._with_options,
    "naming": Modules._naming,
}
