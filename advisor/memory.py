"""What was found out about a text, kept for the next analysis of it, after an edit.

The blocks that an edit leaves alone stay the same objects. What was found out in one of
them holds as long as what was asked of other blocks meanwhile has the same answers: who
binds a name at the left margin, and where something is called.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .blocks import different, split, words

if TYPE_CHECKING:
    from .blocks import Block
    from .findings import Finding, Rule
    from .model import LoaderCall
    from .modules import Seen
    from .program import Program
    from .project import Imports
    from .scopes import Place, Scope
    from .target import Target
    from .text import Check, Source
    from .unaffected import Settled

Question: TypeAlias = tuple[str, str]  # its kind, and the name it is about
Key: TypeAlias = tuple[str, int]  # a block's text, and its number among those that begin alike
Questions: TypeAlias = dict[Question, None]  # in the order they were asked
# Whoever asks it has looked at all that was read so far, or where something stands in the text,
# or has broken off an endless search.
NEVER_AGAIN: Question = ("never again", "")
LONGEST_UNASKED = 8  # analyses


@dataclass(slots=True)
class Found:
    """What was found; what it is about is kept alive, since its ids are the key."""

    value: Any  # a Value, or facts about a class or loop
    about: tuple[object, Place]
    questions: Questions
    held: int  # the last analysis in which it is known to hold


@dataclass(slots=True)
class _Answer:
    """What was answered to a question, since which analysis, and when it was asked last."""

    found: Sequence[object]
    since: int
    asked: int
    read: Sequence[Key] | None  # the blocks that were read for it; None where it asks for all


class Anchor:
    """Where a block of the text starts: what is found in it moves with it.

    Who asks for `start` has looked at where something stands in the text.
    """

    __slots__ = ("_memory", "offset")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.offset = 0

    @property
    def start(self) -> int:
        self._memory.present.asked[NEVER_AGAIN] = None
        return self.offset


class Memory:
    """What the analyses of one text leave to the next; not for two at the same time."""

    def __init__(self) -> None:
        self.program: Program | None = None  # of the analysis that goes on
        self.values: dict[tuple[Hashable, int], Found] = {}
        self.now = 0  # the number of that analysis
        self.roots: dict[Key, Scope] = {}  # the blocks that the last one read
        self.imports: Imports | None = None  # what the text has from other modules
        self.anchors: dict[int, Anchor] = {}  # of those blocks, by the id of their scope
        self.settled: Settled | None = None  # the last analysis, where it is of use to the next
        self.of_whole: dict[Check, bool] = {}  # what was asked of the text as a whole
        self._answers: dict[Question, _Answer] = {}
        self._blocks: Sequence[Block] = ()
        self._split: tuple[str, list[Block]] | None = None  # a text, and its blocks
        self._keys: list[Key] = []
        self._changed: frozenset[str] = frozenset()  # the words in blocks that are new or gone

    def split(self, text: str) -> list[Block]:
        """The blocks of a text that is much like the one that was analysed last."""
        if self._split is None or self._split[0] is not text:
            self._split = text, split(text, self._blocks)
        return self._split[1]

    @property
    def is_warm(self) -> bool:
        """Whether the text is being edited: an earlier one was analysed."""
        return self.now > 1

    @property
    def present(self) -> Program:
        """The text as it is now, for what is found in it when it is asked for."""
        assert self.program is not None
        return self.program

    def prepare(self) -> None:
        """Parse the blocks as the first edit will need them; before it nobody waits."""
        from .parsing import parse

        if not self.is_warm:
            for text, occurrence in self.roots:
                parse(text, occurrence, in_pieces=True)

    def clear(self) -> None:
        """Be as new: what is kept refers to itself, and would stay until garbage is collected."""
        self.__dict__ = Memory().__dict__

    def begin(self, program: Program, keys: list[Key]) -> None:
        """Another analysis begins; `keys` tell the blocks of its text apart."""
        gone, new = different(self._keys, keys)
        before, after = self._keys[gone], keys[new]
        is_moved = not set(before).isdisjoint(after)  # a block: its order may be new
        lines = (text for text, _ in after)
        if is_moved or not program.source.tells_the_same(self.of_whole, lines):
            self.values.clear()
            self._answers.clear()
            self.of_whole.clear()
        self.settled = None
        self._changed = frozenset().union(*(words(text) for text, _ in (*before, *after)))
        self.now += 1
        self.program = program
        self._blocks = program.blocks
        self._keys = keys

    def told(self, question: Question, found: Sequence[object], read: Sequence[Key] | None) -> None:
        """Note the answer that the present text gives, and the blocks that were read for it."""
        known = self._answers.get(question)
        if known is not None and _same(known.found, found):
            known.asked, known.read = self.now, read
        else:
            self._answers[question] = _Answer(found, self.now, self.now, read)

    def holds(self, found: Found) -> bool:
        """Reports whether all questions have the answers that they had.

        They are asked in their order and no further than to the first new answer: just what
        would be asked, and read, without a memory.
        """
        now = self.now
        if found.held == now:
            return True
        for question in found.questions:
            known = self._answers.get(question)
            if known is None:
                return False
            if known.asked != now:
                known = self._asked_again(question, known)
            if known.since > found.held:
                return False
        found.held = now
        return True

    def read_for(self, question: Question) -> Sequence[Key] | None:
        """The blocks that were read for its answer, where that is still the answer.

        It is where the last text gave it, and no block with that name was changed since.
        """
        known = self._answers.get(question)
        if known is None or known.read is None or question[1].partition(".")[0] in self._changed:
            return None
        return known.read if known.asked >= self.now - 1 else None

    def _asked_again(self, question: Question, known: _Answer) -> _Answer:
        """The present answer."""
        read = self.read_for(question)
        if read is None:
            self.present.ask(question)
            return self._answers[question]
        self.present.read_again(read)
        known.asked = self.now
        return known

    def settle(
        self,
        source: Source,
        target: Target,
        chosen: tuple[Rule, ...],
        findings: tuple[Finding, ...],
        loaders: tuple[LoaderCall, ...],
        seen: frozenset[Seen],
    ) -> None:
        """Keep what an analysis has found, for texts in which all that it looked at is the same."""
        from .unaffected import Settled

        told = self.of_whole | source.told
        self.settled = Settled(self.present, target, chosen, findings, loaders, seen, told)

    @property
    def asked(self) -> Iterator[Question]:
        """What was asked in the last analysis."""
        return (question for question, one in self._answers.items() if one.asked == self.now)

    def end(self, roots: dict[Key, Scope], told: dict[Check, bool]) -> None:
        """Keep the blocks that were read, and of what was found what can be of use."""
        self.roots = roots
        self.of_whole |= told
        alive = set(map(id, roots.values()))
        self.anchors = {key: one for key, one in self.anchors.items() if key in alive}
        gone = [
            key
            for key, found in self.values.items()
            if NEVER_AGAIN in found.questions
            or (found.held != self.now and id(found.about[1].scope.root) not in alive)
        ]
        for key in gone:
            del self.values[key]
        old = [
            question
            for question, answer in self._answers.items()
            if answer.asked < self.now - LONGEST_UNASKED
        ]
        for question in old:
            del self._answers[question]


def _same(before: Sequence[object], now: Sequence[object]) -> bool:
    return len(before) == len(now) and all(map(_is, before, now))


def _is(one: object, other: object) -> bool:
    return one is other
