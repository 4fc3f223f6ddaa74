"""Which files are checked, how their bytes become text, and how they are written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dladvise.advisor.interest import worth_decoding
from dladvise.files import (
    FileError,
    contents,
    cookie,
    decoded,
    is_text,
    may_matter,
    replace_contents,
)
from dladvise.walk import found
from tests.front_door import written

NO_SYMLINKS = sys.platform == "win32"
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def names(folder: Path, *arguments: str) -> list[str]:
    """The files found from inside the folder."""
    problems: list[FileError] = []
    before = Path.cwd()
    os.chdir(folder)
    try:
        paths = found(arguments or (".",), lambda where, path: False, problems.append)
    finally:
        os.chdir(before)
    assert not problems
    return [path.replace(os.sep, "/") for path in paths]


def test_python_and_notebooks_in_order_of_path(tmp_path: Path) -> None:
    written(tmp_path, {"b/a.py": "", "a.ipynb": "", "a/z.pyi": "", "a/c.txt": "", "b.py": ""})
    assert names(tmp_path) == ["a/z.pyi", "a.ipynb", "b/a.py", "b.py"]
    assert names(tmp_path, "b", "b/a.py", "./b.py", "b.py") == ["b/a.py", "b.py"]


def test_a_named_file_is_checked_whatever_it_is_called(tmp_path: Path) -> None:
    written(tmp_path, {"train": "", "build/a.py": "", ".gitignore": "build\n"})
    assert names(tmp_path, "train", "build/a.py") == ["build/a.py", "train"]
    assert names(tmp_path, "build") == ["build/a.py"]
    assert names(tmp_path) == []


def test_folders_that_hold_no_own_code_are_left_out(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "env39/pyvenv.cfg": "",
            "env39/lib/a.py": "",
            "node_modules/a.py": "",
            "__pycache__/a.py": "",
            "src/.venv/a.py": "",
            "src/a.py": "",
        },
    )
    assert names(tmp_path) == ["src/a.py"]


GITIGNORE: dict[str, str | bytes] = {
    ".gitignore": "*.tmp.py\n/top.py\nout/\n!keep.tmp.py\nlogs/**/x.py\n# note\n\\#odd.py\n",
    "a.tmp.py": "",
    "keep.tmp.py": "",
    "top.py": "",
    "sub/top.py": "",
    "sub/out/a.py": "",
    "logs/a/b/x.py": "",
    "logs/a/b/y.py": "",
    "#odd.py": "",
    "sub/.gitignore": "/only_here.py\n!important.tmp.py\n",
    "sub/only_here.py": "",
    "sub/deep/only_here.py": "",
    "sub/important.tmp.py": "",
    "excluded.py": "",
}


def test_what_git_ignores_is_what_we_leave_out(tmp_path: Path) -> None:
    """git itself is asked, in a repository with ignore files of every kind."""
    written(tmp_path, GITIGNORE)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    exclude = tmp_path / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("excluded.py\n")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    ).stdout.split("\n")
    assert names(tmp_path) == sorted(filter(None, listed), key=lambda path: path.split("/"))
    below = [path for path in listed if path.startswith("sub/")]
    assert names(tmp_path, "sub") == sorted(below, key=lambda path: path.split("/"))


def test_ignore_files_above_the_folder_count_up_to_the_repository(tmp_path: Path) -> None:
    written(
        tmp_path,
        {".gitignore": "*.py\n", "repo/.git/x": "", "repo/.gitignore": "b.py\n", "repo/s/a.py": ""},
    )
    written(tmp_path, {"repo/s/b.py": ""})
    assert names(tmp_path / "repo" / "s") == ["a.py"]


def test_a_pattern_that_git_passes_over_is_passed_over(tmp_path: Path) -> None:
    written(tmp_path, {".gitignore": "!\na[\n/b.py\n", "a.py": "", "b.py": ""})
    assert names(tmp_path) == ["a.py"]


@pytest.mark.skipif(NO_SYMLINKS, reason="links need rights there")
def test_links_are_harmless(tmp_path: Path) -> None:
    written(tmp_path, {"src/a.py": "", "elsewhere/c.py": ""})
    src = tmp_path / "src"
    (src / "loop").symlink_to(src, target_is_directory=True)
    (src / "self.py").symlink_to(src / "self.py")
    (src / "nowhere.py").symlink_to(src / "missing")
    (src / "same.py").symlink_to(src / "a.py")
    (src / "b.py").symlink_to(tmp_path / "elsewhere" / "c.py")
    assert names(src) == ["a.py", "b.py"]


def test_what_is_not_there_is_told_and_the_rest_found(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": ""})
    problems: list[FileError] = []
    arguments = [str(tmp_path / "nothing"), str(tmp_path)]
    paths = found(arguments, lambda where, path: False, problems.append)
    assert paths == [str(tmp_path / "a.py")]
    assert [problem.reason for problem in problems] == ["no such file or directory"]


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": "", "closed/b.py": ""})
    (tmp_path / "closed").chmod(0)
    problems: list[FileError] = []
    try:
        paths = found([str(tmp_path)], lambda where, path: False, problems.append)
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert paths == [str(tmp_path / "a.py")]
    assert [problem.reason for problem in problems] == ["permission denied"]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"", "utf-8"),
        (b"# -*- coding: latin-1 -*-\n", "latin-1"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n", "cp1252"),
        (b"x = 1\n# coding: latin-1\n", "utf-8"),
        (b"\n\n# coding: latin-1\n", "utf-8"),
        (b"# coding: UTF_8\n", "utf-8"),
        (b"# coding: utf-8-unix\r\n", "utf-8"),
    ],
)
def test_the_coding_cookie_counts_where_python_reads_it(raw: bytes, encoding: str) -> None:
    assert cookie(raw) == encoding


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        "x = 'é日本🙂'\r\ny = 1\r".encode(),
        b"\xef\xbb\xbfx = 1\n",
        b"\xef\xbb\xbf# coding: utf-8\nx = 1\n",
        "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
        b"x = 1\x0c\n\ty = 2",
    ],
)
def test_text_goes_back_into_the_same_bytes(raw: bytes) -> None:
    file = decoded("a.py", raw)
    assert "\ufeff" not in file.source.text
    assert file.encoded(file.source) == raw


@pytest.mark.parametrize(
    ("path", "raw", "reason"),
    [
        ("a.py", b"x = 1\ny = '\xff'\n", "is not UTF-8 (line 2)"),
        ("a.py", b"# coding: nonsense\n", "unknown encoding nonsense"),
        ("a.py", b"# coding: ascii\nx = '\xe9'\n", "is not ascii (line 2)"),
        ("a.py", b"x = 1\0\n", "holds a null byte, which Python does not read"),
        ("a.ipynb", b"DataLoader", "is not JSON: Expecting '{': line 1 column 1 (char 0)"),
    ],
)
def test_what_cannot_be_read_says_why(path: str, raw: bytes, reason: str) -> None:
    with pytest.raises(FileError) as error:
        decoded(path, raw)
    assert error.value.reason == reason


def test_only_files_with_a_word_of_interest_are_looked_at() -> None:
    assert worth_decoding(b"from torch.utils.data import DataLoader")
    assert not worth_decoding(b"from paddle.io import DataLoader")
    assert not worth_decoding(b"import os\n" * 1000)
    assert may_matter(b"x = 1  # dladvise: ignore")
    assert may_matter(b"x = 1  # NOQA: DL003")
    assert not may_matter(b"x = 1  # noqa: E501")


def test_a_file_that_does_not_matter_must_still_be_text() -> None:
    assert is_text(b"x = 1")
    assert is_text("é".encode())
    assert not is_text(b"\xff")
    assert is_text("# coding: latin-1\né".encode("latin-1"))


def test_writing_keeps_the_mode_and_the_link_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o751)
    link = tmp_path / "link.py"
    if not NO_SYMLINKS:
        link.symlink_to(path)
        replace_contents(str(link), b"new")
        assert link.is_symlink()
    replace_contents(str(path), b"newer")
    assert path.read_bytes() == b"newer"
    assert NO_SYMLINKS or path.stat().st_mode & 0o777 == 0o751
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry != link) == ["a.py"]


def test_writing_where_it_is_impossible_says_so_and_leaves_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written: no such file"):
        replace_contents(str(tmp_path / "gone" / "a.py"), b"new")
    with pytest.raises(FileError, match="no such file or directory"):
        contents(str(tmp_path / "gone"))
    with pytest.raises(FileError, match="is a directory"):
        contents(str(tmp_path))
