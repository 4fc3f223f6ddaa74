"""However a text is edited, the server has the one that the client has, and judges that."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp

from dladvise.advisor import Memory, Source, Target, analyze
from dladvise.advisor.engine import all_rules, forget
from dladvise.server.documents import Document
from tests.editor import IMPORT, able, editor, soon

ROOT = Path(__file__).resolve().parent.parent

PIECES = (
    IMPORT,
    "loader = DataLoader(ds, persistent_workers=True)\n",
    "loader = DataLoader(\n    ds,\n    prefetch_factor=2,\n)\n",
    "for epoch in range(3):\n    for batch in loader:\n        x = batch.cuda(non_blocking=True)\n",
    "class Data(Dataset):\n    def __len__(self):\n        return 3\n\n"
    "    def __getitem__(self, index):\n        return np.random.rand()\n\n",
    "def make(n):\n    return DataLoader(ds, shuffle=True, sampler=s, num_workers=n)\n",
    "name = '😀 é 漢'  # ☃\n",
    '"""\nFor example:\n\n    DataLoader(ds, persistent_workers=True)\n"""\n',
    "x = (\n",
    ")\n",
    "'''",
    '"',
    "    ",
    "\f",
    "\r",
    "\r\n",
    "\u2028",
    "\x85",
    "\x0b",
    "@decorated\n",
    "else:\n",
    "",
)

SOUND = PIECES[:7]  # whole statements


def utf16(text: str, at: int) -> lsp.Position:
    """The position of an offset, counted anew from the whole text."""
    lines = text[:at].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lsp.Position(len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2)


def an_edit(text: str, dice: random.Random) -> tuple[int, int, str]:
    """What is replaced, and by what; never within \\r\\n, where no client can put a cursor."""
    start = dice.randrange(len(text) + 1)
    end = min(len(text), start + dice.choice((0, 0, 0, 1, 2, 9, 80)))
    while text[start - 1 : start + 1] == "\r\n":
        start -= 1
    while text[end - 1 : end + 1] == "\r\n":
        end += 1
    return start, max(start, end), dice.choice(PIECES)


def test_two_thousand_edits_keep_the_text() -> None:
    dice = random.Random(5)
    text = "".join(PIECES)
    document = Document("file:///t.py", Source("t.py", text), 1)
    for number in range(2_000):
        start, end, new = an_edit(text, dice)
        if number % 40 == 39:
            text = "".join(dice.sample(PIECES, 9))
            document.change([lsp.TextDocumentContentChangeWholeDocument(text)])
        else:
            range_ = lsp.Range(utf16(text, start), utf16(text, end))
            text = text[:start] + new + text[end:]
            document.change([lsp.TextDocumentContentChangePartial(range_, new)])
        assert document.source.text == text
        at = dice.randrange(len(text) + 1)
        if text[at - 1 : at + 1] != "\r\n":
            assert document.position(at) == utf16(text, at)
            assert document.offset(utf16(text, at)) == at


def test_positions_beyond_the_end_mean_the_end() -> None:
    document = Document("file:///t.py", Source("t.py", "ab\r\ncd"), 1)
    assert document.offset(lsp.Position(0, 99)) == 2
    assert document.offset(lsp.Position(1, 99)) == 6
    assert document.offset(lsp.Position(9, 0)) == 6


TOGGLED = """\
from torch.utils.data import DataLoader

from photos import photos


N = 0
M = N


def workers():
    return M  # for the loader


def build():
    loader = DataLoader(photos, num_workers=workers(), prefetch_factor=2)
    return loader


def main():
    for epoch in range(9):
        for batch in build():
            print(batch)
"""


def judged(text: str, memory: Memory | None = None) -> list[Any]:
    rules = [rule for rule in all_rules() if not rule.opt_in]
    report = analyze(Source("t.py", text), Target(8), rules, memory)
    return [(one.rule.code, one.span, one.message, one.fix) for one in report.findings]


def test_what_is_kept_of_earlier_texts_changes_no_finding() -> None:
    """Findings of a text that was edited a thousand times are those of a text never seen."""
    dice = random.Random(6)
    text = "".join(PIECES)
    edited = []
    memory = Memory()
    for number in range(1_000):
        start, end, new = an_edit(text, dice)
        text = text[:start] + new + text[end:]
        if number % 60 == 59:
            text = "".join(dice.sample(PIECES, 12))
        edited.append((text, judged(text, memory)))
    assert sum(bool(found) for _, found in edited) > 200
    for text, found in edited[::3]:
        forget()
        assert judged(text) == found


def test_what_is_remembered_of_a_program_changes_no_finding() -> None:
    """Lines of a program are deleted, copied, moved, changed, and brought back."""
    dice = random.Random(8)
    first = (ROOT / "benchmarks" / "training_script.txt").read_text(encoding="utf-8")
    written = ["num_workers = 4", "loader = None", "pass", "return", "for _ in loader: pass"]
    memory = Memory()
    texts = [first]
    found = 0
    for number in range(100):
        lines = dice.choice(texts[-3:]).splitlines(keepends=True)
        at, size, to = dice.randrange(len(lines)), dice.randrange(1, 14), dice.randrange(len(lines))
        some = lines[at : at + size]
        match number % 5:
            case 0:
                del lines[at]
            case 1:
                lines[to:to] = some
            case 2:
                del lines[at : at + size]
                lines[to:to] = some
            case 3:
                indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
                lines.insert(at, indent.rstrip("\n") + dice.choice(written) + "\n")
            case _:
                lines = dice.choice(texts).splitlines(keepends=True)
        texts.append("".join(lines))
        told = judged(texts[-1], memory)
        forget()
        assert told == judged(texts[-1])
        found += bool(told)
    assert found > 30


def test_what_was_remembered_before_an_edit_and_its_undoing_is_not_believed() -> None:
    """A few lines are changed and brought back, one of them at a time, in any order."""
    dice = random.Random(9)
    lines = TOGGLED.splitlines(keepends=True)
    changed = {
        5: "N = 4\n",
        10: "    return 2\n",
        14: "    loader = DataLoader(photos, num_workers=0)\n",
        20: "    pass\n",
    }
    memory = Memory()
    now: set[int] = set()
    told = []
    for _ in range(400):
        now ^= {dice.choice(list(changed))}
        text = "".join(changed[at] if at in now else line for at, line in enumerate(lines))
        told.append((text, judged(text, memory)))
    assert len({str(found) for _, found in told}) > 4
    fresh = {}
    for text, found in told:
        if text not in fresh:
            forget()
            fresh[text] = judged(text)
        assert found == fresh[text]


@pytest.mark.asyncio
async def test_the_server_says_what_a_check_of_its_text_says(tmp_path: Path) -> None:
    """Hundreds of edits on the wire; whenever the text can be read, both agree."""
    dice = random.Random(7)
    capabilities = able()
    async with editor(tmp_path, capabilities) as window:
        text = "".join(PIECES[:8])
        uri = window.open("t.py", text)
        compared = 0
        for _ in range(300):
            if dice.random() < 0.2:
                text = "".join(dice.sample(SOUND, len(SOUND)))
                window.set(uri, text)
            else:
                start, end, new = an_edit(text, dice)
                if dice.random() < 0.6:  # a whole piece at the start of a line
                    start = end = text.rfind("\n", 0, start) + 1
                    new = dice.choice(SOUND)
                window.edit(uri, lsp.Range(utf16(text, start), utf16(text, end)), new)
                text = text[:start] + new + text[end:]
                assert window.texts[uri] == text
            rules = [r for r in all_rules() if not r.opt_in and r.code != "DL000"]
            report = analyze(Source("t.py", text), Target(), rules)
            found = await soon(window.diagnostics(uri))
            if not report.broken:
                here = {(one.rule.code, one.message) for one in report.findings}
                there = {(str(one.code), one.message) for one in found}
                # how many cores there are is known to the server alone
                assert {one for one in there ^ here if one[0] != "DL300"} == set()
                compared += bool(here)
        assert compared > 40
