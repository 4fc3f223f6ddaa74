"""The command line, run as its users run it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import dladvise as package
from dladvise.advisor import all_rules
from dladvise.probe import usable_cores
from tests.front_door import (
    CLEAN,
    IMPORT,
    PROGRAM,
    REPAIRED,
    WRONG,
    dladvise,
    environment,
    findings,
    written,
)

ON_WINDOWS = sys.platform == "win32"
N_CORES = min(12, usable_cores().usable)
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
UNSAFE = PROGRAM.replace(WRONG, "DataLoader(ds, num_workers=64)")
FOR_UNSAFE = ("--select", "DL300", "--target-cores", "2")


def a_notebook(*cells: str) -> str:
    listed: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for cell in cells
    ]
    markdown = {"cell_type": "markdown", "metadata": {}, "source": ["# é"]}
    table = {"cells": [markdown, *listed], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def test_the_exit_status_says_how_it_came_out(tmp_path: Path) -> None:
    written(tmp_path, {"bad.py": PROGRAM, "good.py": CLEAN})
    assert dladvise("check", "good.py", cwd=tmp_path).returncode == 0
    assert dladvise("check", cwd=tmp_path).returncode == 1
    assert dladvise("check", "--exit-zero", cwd=tmp_path).returncode == 0
    done = dladvise("check", "--nonsense", cwd=tmp_path)
    assert done.returncode == 2
    assert b"No such option" in done.stderr


def test_findings_come_with_their_lines(tmp_path: Path) -> None:
    written(tmp_path, {"src/bad.py": PROGRAM})
    done = dladvise("check", cwd=tmp_path)
    shown = done.stdout.decode().splitlines()
    assert shown[0].startswith("error[DL003] worker-option-without-workers: ")
    assert shown[1] == f" --> {Path('src/bad.py')}:5:{PROGRAM.splitlines()[4].index('persi') + 1}"
    assert shown[3] == f"5 |     return {WRONG}"
    assert shown[4].count("^") == len("persistent_workers=True")
    assert "1 finding in 1 of 1 file (1 error)" in shown
    assert "1 fixable with --fix" in shown
    assert done.stderr == b""
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("name", ["json", "jsonl", "sarif", "github", "gitlab", "junit"])
def test_every_machine_format_is_whole_and_alone_on_standard_output(
    tmp_path: Path, name: str
) -> None:
    written(tmp_path, {"bad.py": PROGRAM, "worse.py": b"\xff"})
    done = dladvise("check", "--output-format", name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().strip() == "dladvise: worse.py: is not UTF-8"
    text = done.stdout.decode()
    if name == "junit":
        assert ElementTree.fromstring(text).get("failures") == "1"
    elif name == "github":
        assert text.startswith("::error ") and text.count("\n") == 1
    elif name == "sarif":
        assert len(json.loads(text)["runs"][0]["results"]) == 1
    else:
        entry = json.loads(text) if name == "jsonl" else json.loads(text)[0]
        assert entry["fingerprint" if name == "gitlab" else "code"]


def test_json_findings_are_the_contract(tmp_path: Path) -> None:
    written(tmp_path, {"bad.py": PROGRAM})
    (entry,) = findings(cwd=tmp_path)
    line = PROGRAM.splitlines()[4]
    (edit,) = entry["fix"]["edits"]
    fixed = line[: edit["column"] - 1] + edit["text"] + line[edit["end_column"] - 1 :]
    assert fixed == REPAIRED.splitlines()[4]
    place = {key: entry[key] for key in ("line", "column", "end_line", "end_column")}
    assert line[place["column"] - 1 : place["end_column"] - 1] == "persistent_workers=True"
    assert (entry["code"], entry["severity"], entry["cell"]) == ("DL003", "error", None)


def test_concise_is_a_line_for_each_finding(tmp_path: Path) -> None:
    written(tmp_path, {"bad.py": PROGRAM})
    first = dladvise("check", "--output-format", "concise", cwd=tmp_path).stdout.decode()
    assert first.startswith("bad.py:5:27: DL003 [*] persistent_workers needs ")


def test_fix_repairs_the_file_and_nothing_else(tmp_path: Path) -> None:
    crlf = PROGRAM.replace("\n", "\r\n")
    files: dict[str, str | bytes] = {
        "a.py": PROGRAM,
        "bom.py": b"\xef\xbb\xbf" + PROGRAM.encode(),
        "crlf.py": crlf,
        "latin.py": f"# coding: latin-1\n# \xe9\n{PROGRAM}".encode("latin-1"),
        "tail.py": PROGRAM.rstrip("\n"),
        "tabs.py": PROGRAM.replace("    ", "\t") + "\x0c\n# 日本 🙂\n",
    }
    written(tmp_path, files)
    (tmp_path / "a.py").chmod(0o755)
    done = dladvise("check", "--fix", "--show-fixes", cwd=tmp_path)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        repaired = raw.replace(b", persistent_workers=True", b"")
        assert (tmp_path / name).read_bytes() == repaired
    assert ON_WINDOWS or stat.S_IMODE((tmp_path / "a.py").stat().st_mode) == 0o755
    shown = done.stdout.decode()
    assert "6 findings in 6 of 6 files (6 fixed, 0 left)" in shown
    assert shown.count("1 x DL003 worker-option-without-workers") == 6
    assert dladvise("check", cwd=tmp_path).returncode == 0


def test_a_notebook_is_checked_by_cell_and_written_back_as_it_was(tmp_path: Path) -> None:
    raw = a_notebook(IMPORT, f"%matplotlib inline\n!ls\nloader = {WRONG}", "%%bash\nls ((")
    written(tmp_path, {"a.ipynb": raw})
    (entry,) = findings(cwd=tmp_path)
    assert (entry["cell"], entry["line"], entry["column"]) == (3, 3, 25)
    assert b"a.ipynb:cell 3:3:25" in dladvise("check", cwd=tmp_path).stdout
    diff = dladvise("check", "--diff", cwd=tmp_path).stdout.decode()
    assert "--- a.ipynb:cell 3\n" in diff
    assert dladvise("check", "--fix", cwd=tmp_path).returncode == 0
    expected = raw.replace(", persistent_workers=True", "")
    assert (tmp_path / "a.ipynb").read_text(encoding="utf-8") == expected


def test_diff_shows_what_fix_would_do_and_changes_nothing(tmp_path: Path) -> None:
    written(tmp_path, {"bad.py": PROGRAM, "good.py": CLEAN})
    done = dladvise("check", "--diff", cwd=tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "bad.py").read_text() == PROGRAM
    assert done.stderr == b"1 finding would be fixed in 1 file\n"
    patch = ["git", "apply", "-p0", "-"]
    subprocess.run(patch, check=True, input=done.stdout, cwd=tmp_path)
    assert (tmp_path / "bad.py").read_text() == REPAIRED
    done = dladvise("check", "--diff", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")


def test_unsafe_fixes_are_made_only_when_asked_for_twice(tmp_path: Path) -> None:
    written(tmp_path, {"bad.py": UNSAFE})
    (entry,) = findings(*FOR_UNSAFE, cwd=tmp_path)
    assert entry["fix"] is not None and entry["fix"]["safe"] is False
    for arguments in (["--fix"], ["--unsafe-fixes"]):
        assert dladvise("check", *FOR_UNSAFE, *arguments, cwd=tmp_path).returncode == 1
        assert (tmp_path / "bad.py").read_text() == UNSAFE
    both = ("--unsafe-fixes", *FOR_UNSAFE)
    assert dladvise("check", "--diff", *both, cwd=tmp_path).returncode == 1
    assert dladvise("check", "--fix", *both, cwd=tmp_path).returncode == 0
    assert (tmp_path / "bad.py").read_text() == UNSAFE.replace("64", "2")


def test_statistics_count_instead_of_listing(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": PROGRAM, "b.py": PROGRAM})
    shown = dladvise("check", "--statistics", cwd=tmp_path).stdout.decode().splitlines()
    assert shown[0] == "2  DL003  [*]  worker-option-without-workers"
    done = dladvise("check", "--statistics", "--output-format", "json", cwd=tmp_path)
    (entry,) = json.loads(done.stdout)
    assert entry == {
        "code": "DL003",
        "name": "worker-option-without-workers",
        "count": 2,
        "fixable": 2,
    }


def test_rules_are_chosen_on_the_command_line_and_in_files(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "pyproject.toml": '[tool.dladvise]\nper-file-ignores = {"tests/**" = ["DL003"]}\n',
            "a.py": PROGRAM,
            "tests/b.py": PROGRAM,
            "old/dladvise.toml": 'ignore = ["DL0"]\n',
            "old/c.py": PROGRAM,
            "new/dladvise.toml": 'exclude = ["gen", "x_*.py"]\n',
            "new/gen/d.py": PROGRAM,
            "new/x_1.py": PROGRAM,
            "new/y.py": PROGRAM,
        },
    )

    def paths(*arguments: str) -> list[str]:
        return [entry["path"].replace("\\", "/") for entry in findings(*arguments, cwd=tmp_path)]

    assert paths() == ["a.py", "new/y.py"]
    assert paths("--select", "DL003") == ["a.py", "new/y.py", "old/c.py"]
    assert paths("--ignore", "DL00") == []
    assert paths("new/gen/d.py") == ["new/gen/d.py"]


def test_a_misspelt_rule_is_wrong_use(tmp_path: Path) -> None:
    for option in ("--select", "--ignore", "--extend-select"):
        done = dladvise("check", option, "DL033", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.decode().startswith(f"dladvise: {option} has the unknown rule DL033")
        assert "did you mean DL0" in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1
    done = dladvise("rule", "DL03", cwd=tmp_path)
    assert done.returncode == 2
    assert b"there is no rule DL03, did you mean DL0" in done.stderr


def test_fail_on_moves_the_line(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": "x = 1  # dladvise: ignore[DL003]\n"})
    assert dladvise("check", cwd=tmp_path).returncode == 1
    assert dladvise("check", "--fail-on", "error", cwd=tmp_path).returncode == 0
    assert dladvise("check", "--fail-on", "info", cwd=tmp_path).returncode == 1


def test_standard_input_is_checked_under_the_name_given(tmp_path: Path) -> None:
    written(tmp_path, {"sub/dladvise.toml": 'ignore = ["DL003"]\n'})
    program = PROGRAM.encode()
    (entry,) = findings("-", "--stdin-filename", "a.py", cwd=tmp_path, stdin=program)
    assert entry["path"] == "a.py"
    assert findings("--stdin-filename", "sub/a.py", cwd=tmp_path, stdin=program) == []
    notebook = a_notebook(PROGRAM).encode()
    (entry,) = findings("-", "--stdin-filename", "a.ipynb", cwd=tmp_path, stdin=notebook)
    assert entry["cell"] == 2
    assert findings("-", cwd=tmp_path) == []


def test_standard_input_is_fixed_to_standard_output(tmp_path: Path) -> None:
    crlf = PROGRAM.replace("\n", "\r\n").encode()
    done = dladvise("check", "--fix", "-", cwd=tmp_path, stdin=crlf)
    assert (done.returncode, done.stdout) == (0, REPAIRED.replace("\n", "\r\n").encode())
    done = dladvise("check", "--fix", "-", *FOR_UNSAFE, cwd=tmp_path, stdin=UNSAFE.encode())
    assert (done.returncode, done.stdout) == (1, UNSAFE.encode())
    assert b"DL300" in done.stderr
    done = dladvise("check", "--diff", "-", cwd=tmp_path, stdin=PROGRAM.encode())
    assert done.returncode == 1
    assert b"\n+    return DataLoader(ds)\n" in done.stdout
    done = dladvise("check", "-", cwd=tmp_path, stdin=b"\xff DataLoader")
    assert done.returncode == 2
    assert done.stderr == b"dladvise: stdin.py: is not UTF-8 (line 1)\n"


def test_suppressions_hold_and_unused_ones_are_found_and_removed(tmp_path: Path) -> None:
    used = PROGRAM.replace(WRONG, f"{WRONG}  # dladvise: ignore[DL003]")
    written(tmp_path, {"used.py": used, "unused.py": "x = 1  # noqa: DL003\n"})
    (entry,) = findings(cwd=tmp_path)
    assert (entry["path"], entry["code"]) == ("unused.py", "DL099")
    assert dladvise("check", "--fix", cwd=tmp_path).returncode == 0
    assert (tmp_path / "unused.py").read_text() == "x = 1\n"
    assert (tmp_path / "used.py").read_text() == used


def test_add_ignore_suppresses_everything_and_only_once(tmp_path: Path) -> None:
    several = (
        f"{IMPORT}a = {WRONG}  # why\n"
        "b = DataLoader(\n    ds,\n    persistent_workers=True,  # dladvise: ignore[DL008]\n)\n"
        "c = DataLoader(ds, \\\n    persistent_workers=True)\n"
    )
    written(tmp_path, {"a.py": several, "b.ipynb": a_notebook(IMPORT, f"!ls\nx = {WRONG}\n")})
    done = dladvise("check", "--add-ignore", "--ignore", "DL099", cwd=tmp_path)
    assert done.stdout == b"4 findings suppressed in 2 files\n"
    assert done.returncode == 0
    lines = (tmp_path / "a.py").read_text().splitlines()
    assert lines[1] == f"a = {WRONG}  # why  # dladvise: ignore[DL003]"
    assert lines[2] == "b = DataLoader(  # dladvise: ignore[DL003]"
    assert lines[4] == "    persistent_workers=True,  # dladvise: ignore[DL008]"
    assert lines[7] == "    persistent_workers=True)  # dladvise: ignore[DL003]"
    assert findings("--ignore", "DL099", cwd=tmp_path) == []
    done = dladvise("check", "--add-ignore", "--ignore", "DL099", cwd=tmp_path)
    assert done.stdout == b"0 findings suppressed in 0 files\n"


def test_a_baseline_hides_what_was_there_also_when_it_moves(tmp_path: Path) -> None:
    written(tmp_path, {"src/a.py": PROGRAM, "src/b.py": PROGRAM})
    done = dladvise("check", "--baseline", "known.json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("dladvise: known.json: no such baseline; --write-b")
    done = dladvise("check", "--write-baseline", "known.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"2 findings recorded in known.json\n")
    done = dladvise("check", "--baseline", "known.json", cwd=tmp_path)
    assert done.returncode == 0
    assert b"2 findings of the baseline not shown" in done.stdout
    moved = "# moved\n\n" + PROGRAM + f"\n\ndef again(ds):\n    return {WRONG}\n"
    (tmp_path / "src" / "a.py").write_text(moved)
    (entry,) = findings("--baseline", "../known.json", cwd=tmp_path / "src")
    assert entry["line"] == 11
    written(tmp_path, {"broken.json": "{}"})
    done = dladvise("check", "--baseline", "broken.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, b"dladvise: broken.json: is not a baseline\n")


def test_the_cache_is_used_ignored_by_git_and_never_trusted(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": PROGRAM, "pyproject.toml": ""})
    cache = tmp_path / ".dladvise_cache"
    dladvise("check", "--no-cache", cwd=tmp_path)
    assert not cache.exists()
    first = findings(cwd=tmp_path)
    assert (cache / ".gitignore").read_text().endswith("*\n")
    (entry,) = cache.rglob("*.json")
    kept = entry.read_bytes()
    entry.write_bytes(kept.replace(b"persistent_workers needs", b"from the cache"))
    assert "from the cache" in findings(cwd=tmp_path)[0]["message"]
    for broken in (b"", b"{", b"[1]", b'[{"finding": {}}]', kept[: len(kept) // 2], b"\xff"):
        entry.write_bytes(broken)
        assert findings(cwd=tmp_path) == first
    assert findings("--target-cores", "3", cwd=tmp_path) == first
    assert len(list(cache.rglob("*.json"))) == 2
    (tmp_path / "a.py").write_text(REPAIRED)
    assert findings(cwd=tmp_path) == []


def test_runs_at_the_same_time_share_the_cache(tmp_path: Path) -> None:
    written(tmp_path, {f"m{number}.py": PROGRAM for number in range(20)})
    written(tmp_path, {"pyproject.toml": ""})
    command = [sys.executable, "-m", "dladvise", "check", "--output-format", "json"]
    running = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env=environment())
        for _ in range(3)
    ]
    for process in running:
        out, _ = process.communicate(timeout=60)
        assert len(json.loads(out)) == 20
    left = [path.name for path in (tmp_path / ".dladvise_cache").rglob("*") if path.is_file()]
    assert all(name.endswith(".json") or name == ".gitignore" for name in left)


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    padding = "\n\ndef f(a):\n    return a\n" * 2500
    written(tmp_path, {f"m{number:02}.py": PROGRAM + padding for number in range(16)})
    many = findings("--no-cache", cwd=tmp_path)
    single = [findings("--no-cache", f"m{number:02}.py", cwd=tmp_path)[0] for number in (0, 9, 15)]
    assert [entry["path"] for entry in many] == [f"m{number:02}.py" for number in range(16)]
    assert [many[0], many[9], many[15]] == single


IMPORT_BYTES = IMPORT.encode()
BAD_INPUT: dict[str, tuple[str | bytes, str]] = {
    "latin.py": (b"# \xe9\n", "is not UTF-8"),
    "loader.py": (IMPORT_BYTES + b"# \xe9\n", "is not UTF-8 (line 2)"),
    "cookie.py": (f"# coding: nonsense\n{IMPORT}", "unknown encoding nonsense"),
    "null.py": (IMPORT_BYTES + b"\0\n", "holds a null byte, which Python does not read"),
    "empty.ipynb": ("", "is not JSON, so no notebook"),
    "list.ipynb": ("[]", "is not JSON, so no notebook"),
    "broken.ipynb": (f'{{"cells": [{IMPORT}', "is not JSON: Expecting"),
    "old.ipynb": (json.dumps({"worksheets": IMPORT}), 'has no "cells"'),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_line_and_the_rest_is_checked(tmp_path: Path, name: str) -> None:
    content, words = BAD_INPUT[name]
    written(tmp_path, {name: content, "zz.py": PROGRAM})
    done = dladvise("check", "--output-format", "concise", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"dladvise: {name}: {words}")
    assert done.stderr.count(b"\n") == 1
    assert b"zz.py:5:27: DL003" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\x0c\n",
        "\ufeff",
        "x = (\n",
        "def f(:\n  pass\n",
        "DataLoader = '''\n",
        f"{PROGRAM}\n\x0c\nif 1:\n\tx = 1\n",
        f"{PROGRAM}\nclass A\n    pass\n",
        f"def broken(:\n    pass\n\n\n{PROGRAM}",
        f"{PROGRAM}\ny = {'(' * 300}1{')' * 300}\n",
        f"{PROGRAM}\ny = {'(' * 5000}1{')' * 5000}\n",
        f"{PROGRAM}\ny = {'-' * 50000}1\n",
        f"{PROGRAM}\ny = 1{'+1' * 50000}\n",
        PROGRAM.replace("\n", "\r"),
        PROGRAM.replace("ds", "données"),
    ],
)
def test_odd_text_is_checked_as_far_as_it_goes(tmp_path: Path, text: str) -> None:
    written(tmp_path, {"odd.py": text, "zz.py": PROGRAM})
    done = dladvise("check", "--output-format", "json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr.decode()
    assert done.stderr == b""
    found = [entry["path"] for entry in json.loads(done.stdout) if entry["code"] == "DL003"]
    assert found == (["odd.py", "zz.py"] if "persistent" in text else ["zz.py"])


def test_what_does_not_exist_is_told(tmp_path: Path) -> None:
    written(tmp_path, {"zz.py": PROGRAM})
    done = dladvise("check", "nowhere", "zz.py", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == b"dladvise: nowhere: no such file or directory\n"
    assert b"DL003" in done.stdout
    empty = tmp_path / "empty"
    empty.mkdir()
    done = dladvise("check", "empty", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        0,
        b"dladvise: no Python files and no notebooks in empty\n",
    )
    done = dladvise("config", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        b"dladvise: nowhere: no such file or directory\n",
    )


@pytest.mark.skipif(IS_ROOT or ON_WINDOWS, reason="root may read everything")
def test_what_may_not_be_read_or_written_is_told(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": PROGRAM, "b.py": PROGRAM})
    (tmp_path / "a.py").chmod(0)
    (tmp_path / "b.py").chmod(0o444)
    done = dladvise("check", "--fix", "--no-cache", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "dladvise: a.py: permission denied",
        "dladvise: b.py: cannot be written: permission denied",
    ]


def test_a_broken_configuration_is_told_and_other_files_checked(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "one/dladvise.toml": 'slect = ["DL003"]\n',
            "one/a.py": PROGRAM,
            "two/pyproject.toml": "[tool.dladvise\n",
            "two/a.py": PROGRAM,
            "three/a.py": PROGRAM,
        },
    )
    done = dladvise("check", "--output-format", "json", cwd=tmp_path)
    assert done.returncode == 2
    first, second = done.stderr.decode().replace("\\", "/").splitlines()
    assert first == "dladvise: one/dladvise.toml:1: unknown key slect, did you mean select?"
    assert second.startswith("dladvise: two/pyproject.toml: ")
    assert [Path(entry["path"]).parts[0] for entry in json.loads(done.stdout)] == ["three"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-", "a.py"], "standard input (-) is checked alone"),
        (["a.py", "--stdin-filename", "b.py"], "--stdin-filename goes with standard input"),
        (["--add-ignore", "--fix"], "--add-ignore goes without --fix"),
        (["--watch", "-"], "standard input cannot be watched"),
        (["--watch", "--output-format", "json"], "--watch writes text"),
        (["--target-cores", "0"], "0 is not in the range x>=1"),
        (["--output-format", "yaml"], "'yaml' is not one of"),
    ],
)
def test_contradictions_are_wrong_use(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = dladvise("check", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_config_shows_each_value_and_where_it_comes_from(tmp_path: Path) -> None:
    written(
        tmp_path,
        {"pyproject.toml": '[tool.dladvise]\nignore = ["DL003"]\n\ntarget = { cores = 6 }\n'},
    )
    shown = dladvise("config", cwd=tmp_path).stdout.decode()
    assert 'ignore = ["DL003"]  # pyproject.toml:2\n' in shown
    assert "cores = 6  # pyproject.toml:4\n" in shown
    assert 'platforms = ["linux"]  # default\n' in shown
    assert "DL003" in shown.partition("# off: ")[2]
    done = dladvise("config", "--output-format", "json", cwd=tmp_path)
    values = json.loads(done.stdout)["values"]
    assert values["target.cores"] == {"value": 6, "source": "pyproject.toml:4"}
    assert values["select"] == {"value": None, "source": "default"}
    (tmp_path / "pyproject.toml").unlink()
    here = json.loads(dladvise("config", "--output-format", "json", cwd=tmp_path).stdout)
    assert here["values"]["target.cores"]["source"].endswith(", here")
    in_ci = dladvise("config", "--output-format", "json", cwd=tmp_path, CI="true")
    assert json.loads(in_ci.stdout)["values"]["target.cores"] == {
        "value": None,
        "source": "not assumed in CI; set target.cores or --target-cores",
    }
    written(tmp_path, {"dladvise.toml": "slect = 1\n"})
    done = dladvise("config", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")


def test_machine_says_what_a_loader_gets_here(tmp_path: Path) -> None:
    facts = json.loads(dladvise("machine", "--output-format", "json", cwd=tmp_path).stdout)
    assert list(facts)[:7] == [
        "usable_cores",
        "cores_from",
        "memory_mb",
        "shm_mb",
        "start_method",
        "torch",
        "python",
    ]
    shown = dladvise("machine", cwd=tmp_path, LOCAL_WORLD_SIZE="2").stdout.decode()
    assert "shared by 2 ranks" in shown


def test_rule_prints_documents(tmp_path: Path) -> None:
    rule = next(rule for rule in all_rules() if rule.code == "DL099")
    shown = dladvise("rule", "DL099", cwd=tmp_path).stdout.decode()
    assert shown.startswith("DL099 unused-suppression\nwarning, on by default\n")
    assert "```" not in shown
    markdown = dladvise("rule", rule.name, "--output-format", "markdown", cwd=tmp_path).stdout
    assert markdown.startswith(b"# DL099 unused-suppression")
    entry = json.loads(dladvise("rule", "DL099", "--output-format", "json", cwd=tmp_path).stdout)
    assert (entry["code"], entry["severity"]) == ("DL099", "warning")
    every = json.loads(dladvise("rule", "--all", "--output-format", "json", cwd=tmp_path).stdout)
    assert [entry["code"] for entry in every] == [rule.code for rule in all_rules()]
    assert dladvise("rule", cwd=tmp_path).returncode == 2
    assert dladvise("rule", "DL099", "--all", cwd=tmp_path).returncode == 2


def test_version_and_help(tmp_path: Path) -> None:
    version = dladvise("--version", cwd=tmp_path).stdout.decode()
    assert version == f"dladvise {package.__version__}\n"
    shown = dladvise("check", "--help", cwd=tmp_path).stdout.decode()
    for option in ("--select", "--fix", "--unsafe-fixes", "--diff", "--baseline", "--watch"):
        assert option in shown


def test_the_shell_completes_commands_options_and_codes(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        script = dladvise("completion", shell, cwd=tmp_path).stdout.decode()
        assert "_DLADVISE_COMPLETE" in script

    def completions(line: str) -> list[str]:
        done = dladvise(
            cwd=tmp_path,
            _DLADVISE_COMPLETE="bash_complete",
            COMP_WORDS=line,
            COMP_CWORD=str(len(line.split(" ")) - 1),
        )
        return [entry.partition(",")[2] for entry in done.stdout.decode().splitlines()]

    assert "check" in completions("dladvise c")
    assert "--select" in completions("dladvise check --se")
    assert "DL003" in completions("dladvise rule DL00")
    assert "DL099,DL003" in completions("dladvise check --select DL099,DL00")


@pytest.mark.skipif(ON_WINDOWS, reason="signals are POSIX's")
def test_watch_checks_again_and_ends_quietly(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": PROGRAM})
    command = [sys.executable, "-u", "-m", "dladvise", "check", "--watch", "--no-cache"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        text=True,
    ) as process:
        assert process.stdout is not None
        too_late = threading.Timer(60, process.kill)
        too_late.start()

        def until(words: str) -> None:
            assert process.stdout is not None
            for line in process.stdout:
                if words in line:
                    return
            pytest.fail(f"ended before saying {words!r}")

        until("1 finding in 1 of 1 file")
        until("watching for changes")
        (tmp_path / "a.py").write_text(REPAIRED)
        until("nothing found in 1 file")
        until("watching for changes")
        (tmp_path / "b.py").write_text(PROGRAM)
        until("1 finding in 1 of 2 files")
        until("watching for changes")
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.stdout.read()
        assert process.wait(timeout=20) == 0
        too_late.cancel()


def _children(process_id: int) -> set[int]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True
    ).stdout.split()
    pairs = zip(map(int, listed[::2]), map(int, listed[1::2]), strict=True)
    return {child for child, parent in pairs if parent == process_id}


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process_id}/stat")
    return not (status.exists() and ") Z " in status.read_text())


@pytest.mark.skipif(ON_WINDOWS, reason="signals are POSIX's")
@pytest.mark.skipif(N_CORES < 2, reason="one core gets no workers")
@pytest.mark.parametrize(("ending", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_however_it_ends_no_process_is_left(
    tmp_path: Path, ending: signal.Signals, status: int
) -> None:
    block = f"\n\ndef make(ds, n):\n    return {WRONG.replace('ds', 'ds, num_workers=n')}\n"
    text = IMPORT + "".join(block.replace("make", f"make_{number}") for number in range(3000))
    written(tmp_path, {f"m{number}.py": text for number in range(12)})
    process = subprocess.Popen(
        [sys.executable, "-m", "dladvise", "check", "--no-cache"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    workers: set[int] = set()
    while len(workers) < N_CORES and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        workers = _children(process.pid)
    assert len(workers) == N_CORES, process.communicate()
    if ending is signal.SIGINT:
        os.killpg(process.pid, ending)  # as a terminal does it
    else:
        process.send_signal(ending)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == status
    assert b"Traceback" not in stderr
    deadline = time.monotonic() + 5
    while any(map(_is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_is_alive, workers))


@pytest.mark.parametrize("command", [["check"], ["explain", "train.py:4"], ["config"]])
def test_modules_of_the_user_are_not_taken_for_those_of_python(
    tmp_path: Path, command: list[str]
) -> None:
    names = ("json", "types", "queue", "logging", "server", "probe", "advisor")
    files = {f"{name}.py": "raise SystemExit('this runs user code')\n" for name in names}
    folder = written(tmp_path, {**files, "train.py": PROGRAM})
    run = dladvise(*command, cwd=folder)
    assert run.stderr == b""
    assert run.returncode == (1 if command == ["check"] else 0)


def _on_a_terminal(folder: Path, *arguments: str, **environ: str) -> str:
    """What the command shows on a terminal."""
    import pty

    shown = b""
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "dladvise", *arguments]
    env = environment(TERM="xterm", **environ)
    with subprocess.Popen(
        command, cwd=folder, stdin=child, stdout=child, stderr=child, env=env
    ) as process:
        os.close(child)
        while True:
            try:
                piece = os.read(parent, 65536)
            except OSError:  # Linux says so when the last writer is gone
                break
            if not piece:
                break
            shown += piece
        process.wait(timeout=60)
    os.close(parent)
    return shown.decode()


@pytest.mark.skipif(ON_WINDOWS, reason="needs a pseudo-terminal")
def test_a_terminal_gets_colours_and_a_pipe_does_not(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": PROGRAM})
    assert "\x1b[1;31merror[DL003]\x1b[0m" in _on_a_terminal(tmp_path, "check")
    assert "\x1b" not in _on_a_terminal(tmp_path, "check", NO_COLOR="1")
    assert b"\x1b[1;31m" in dladvise("check", cwd=tmp_path, FORCE_COLOR="1").stdout
    assert "\x1b" not in _on_a_terminal(tmp_path, "check", "--output-format", "json")


@pytest.mark.slow
@pytest.mark.skipif(ON_WINDOWS, reason="needs a pseudo-terminal")
def test_a_long_scan_shows_a_bar_and_takes_it_away(tmp_path: Path) -> None:
    text = PROGRAM + "\n\ndef f(a, ds):\n    return DataLoader(ds, 1 + a)\n" * 1000
    written(tmp_path, {f"m{number:02}.py": text for number in range(8)})
    shown = _on_a_terminal(tmp_path, "check", "--no-cache", "--statistics")
    bars, _, rest = shown.rpartition("\r\x1b[K")
    assert "[#" in bars
    assert "/8 files" in bars
    assert "DL003" in rest
    written(tmp_path, {"quick/a.py": CLEAN})
    assert "\r\x1b[K" not in _on_a_terminal(tmp_path, "check", "quick")


def test_output_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": PROGRAM.replace("(ds, ", "(日本, ")})
    done = dladvise("check", cwd=tmp_path, PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert done.returncode == 1
    assert b"\\u65e5\\u672c" in done.stdout


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    written(tmp_path, {f"m{number}.py": PROGRAM for number in range(50)})
    command = [sys.executable, "-m", "dladvise", "check"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
