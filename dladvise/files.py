"""Files: their bytes, the text in them, and the text written back."""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dladvise.advisor import Source
from dladvise.advisor.interest import is_configuration, may_describe_loaders, worth_decoding

if TYPE_CHECKING:
    from dladvise.advisor.notebook import Notebook

NOTEBOOK = ".ipynb"
STDIN = "-"

_COOKIE = re.compile(rb"^[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)")
_EMPTY_LINE = re.compile(rb"^[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_BOM = b"\xef\xbb\xbf"


class FileError(Exception):
    """A file or folder that cannot be used; the words start after its path."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class TextFile:
    """A file's code as a source, and what is needed to write it back the same way."""

    source: Source
    encoding: str
    bom: bool = False
    notebook: Notebook | None = None

    def encoded(self, new: Source) -> bytes:
        """The file's bytes with the code of `new`."""
        text = new.text
        if self.notebook is not None:
            from dladvise.advisor.notebook import written  # few files are notebooks

            text = written(self.notebook, new)
        return (_BOM if self.bom else b"") + text.encode(self.encoding)


def decoded(path: str, raw: bytes) -> TextFile:
    """The text in a file's bytes, by its byte order mark or coding cookie, else UTF-8."""
    bom = raw.startswith(_BOM)
    body = raw[len(_BOM) :] if bom else raw
    is_notebook = path.endswith(NOTEBOOK)
    encoding = "utf-8" if bom or is_notebook or is_configuration(path) else cookie(body)
    try:
        text = body.decode(encoding)
    except LookupError:
        raise FileError(path, f"unknown encoding {encoding}") from None
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8" else encoding
        line = body.count(b"\n", 0, error.start) + 1
        raise FileError(path, f"is not {name} (line {line})") from None
    if "\0" in text:
        raise FileError(path, "holds a null byte, which Python does not read")
    if not is_notebook:
        return TextFile(Source(path, text), encoding, bom)
    from dladvise.advisor.notebook import NotebookError, read

    try:
        found = read(path, text)
    except NotebookError as error:
        raise FileError(path, str(error)) from None
    return TextFile(found.source, encoding, bom, found)


def cookie(body: bytes) -> str:
    """The encoding that the first two lines declare, else UTF-8."""
    first = _COOKIE.match(body)
    if first is None:
        empty = _EMPTY_LINE.match(body)
        first = _COOKIE.match(body[empty.end() :]) if empty else None
    name = first[1].decode("ascii", "replace") if first else "utf-8"
    return "utf-8" if name.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-unix") else name


def contents(path: str) -> bytes:
    """The bytes of a file; FileError says why not."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileError(path, reason(error)) from None


def text_of(path: str) -> str | None:
    """The code in a file; None where it cannot be read, or is a pipe that would be waited for."""
    try:
        return decoded(path, contents(path)).source.text if os.path.isfile(path) else None
    except FileError:
        return None


def may_matter(raw: bytes, path: str = "") -> bool:
    """Reports whether a file has to be looked at: for its code, or its suppressions."""
    if is_configuration(path):
        return may_describe_loaders(raw)
    return worth_decoding(raw) or b"dladvise:" in raw or (b"DL" in raw and b"noqa" in raw.lower())


def is_text(raw: bytes) -> bool:
    """Reports, at little cost, whether a file that does not matter is readable at all."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return cookie(raw) != "utf-8"
    return True


def replace_contents(path: str, raw: bytes) -> None:
    """Write a file, also a new one, in one step: who reads it finds the old bytes or the new."""
    import tempfile  # most checks write nothing

    place = os.path.realpath(path)  # a link stays one
    temporary = None
    try:
        mode = _mode(place)
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise FileError(path, "cannot be written: permission denied")
        handle, temporary = tempfile.mkstemp(
            prefix=".dladvise-", suffix=".tmp", dir=os.path.dirname(place)
        )
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, place)
        temporary = None
    except OSError as error:
        raise FileError(path, f"cannot be written: {reason(error)}") from None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def _mode(place: str) -> int:
    """The permissions that a file has, or that a new one gets."""
    if os.path.exists(place):
        return stat.S_IMODE(os.stat(place).st_mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def reason(error: OSError) -> str:
    """What went wrong, in the system's words, without its numbers."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


def standard_input() -> bytes:
    return sys.stdin.buffer.read()
