"""A module as its blocks, and who is called what in it.

Blocks are read when a name leads to them; a block that nothing leads to is never
parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import TypeVar

import libcst as cst

from .blocks import words
from .interest import CLASS_HEADER, Subjects, subjects
from .memory import NEVER_AGAIN, Anchor, Key, Memory, Question, Questions
from .reaching import AT_THE_END, Order, Reaching, in_force
from .scopes import Binding, Call, Place, Scope
from .text import Source, Span
from .values import ALWAYS
from .walk_statements import read_block

_T = TypeVar("_T")
_HEADER = re.compile(r"\s*(?:#[^\n]*\n\s*|@[^\n]*\n\s*)*(?:async\s+)?(def|class)\s+(\w+)")
_GLOBAL = re.compile(r"global\b([^\n]*)")
_OPENING = re.compile(r"\s*\(")


class Program:
    """One module: its blocks, read on demand.

    It is the only way from one block to another. What was asked of it is noted in `asked`,
    and answered in `memory`.
    """

    def __init__(self, source: Source, memory: Memory | None = None) -> None:
        self.source = source
        self.memory = memory = memory or Memory()
        self.blocks = memory.split(source.text)
        self.asked: Questions = {}
        self._read: dict[int, Scope] = {}
        self._index: dict[int, int] = {}  # id of a block's scope -> its number
        self.searched: dict[tuple[str, str], None] = {}  # patterns of blocks, with their words
        self.unread_attributes: frozenset[str] | None = None  # those set in unread blocks
        self.looked_beside = False  # which block stands beside another one
        seen: dict[str, int] = {}
        self._keys: list[Key] = []  # of the blocks; those that begin alike are counted
        for block in self.blocks:
            begin = block.text.partition("\n")[0]
            self._keys.append((block.text, seen.get(begin, 0)))
            seen[begin] = self._keys[-1][1] + 1
        self._bindings: dict[str, list[Binding]] = {}
        self._globals: dict[str, list[Binding]] = {}
        memory.begin(self, self._keys)

    def end(self) -> None:
        """Leave what was read to the next analysis."""
        roots = {self._keys[index]: scope for index, scope in self._read.items()}
        self.memory.end(roots, self.source.told)

    def noting(self, find: Callable[[], _T]) -> tuple[_T, Questions]:
        """What `find` gives, and the questions that it asks."""
        outer, self.asked = self.asked, {}
        found = find()
        questions, self.asked = self.asked, outer
        outer |= questions
        return found, questions

    def read_again(self, keys: Iterable[Key]) -> None:
        """Read the blocks that an earlier text had as well."""
        for key in keys:
            self.read(self._numbers[key])

    @cached_property
    def _numbers(self) -> dict[Key, int]:
        return {key: number for number, key in enumerate(self._keys)}

    def ask(self, question: Question) -> None:
        """Ask once more what was asked of an earlier text."""
        kind, name = question
        match kind:
            case "bindings":
                self.module_bindings(name)
            case "calls":
                self.calls_named(name)
            case "stars":
                _ = self.stars

    def read_first(self) -> None:
        """Read the blocks that decide what there is to say on the file."""
        found = subjects(self.source.text)
        if found is None:
            return
        for index, block in enumerate(self.blocks):
            if _is_first(found, block.text):
                self.read(index)

    def read(self, index: int) -> Scope:
        """What happens in the block with that number."""
        scope = self._read.get(index)
        if scope is None:
            key = self._keys[index]
            scope = self.memory.roots.get(key) or read_block(*key, self.memory.is_warm)
            self._read[index] = scope
            self._index[id(scope)] = index
            anchors = self.memory.anchors
            anchor = anchors.get(id(scope)) or anchors.setdefault(id(scope), Anchor(self.memory))
            anchor.offset = self.blocks[index].start
        return scope

    def calls_beside(self, scope: Scope, step: int) -> list[Call]:
        """The calls of the block before (-1) or after (1) that of `scope`."""
        self.looked_beside = True
        index = self.index_of(scope) + step
        return self.read(index).calls if 0 <= index < len(self.blocks) else []

    def read_where(self, pattern: str, word: str = "") -> None:
        """Read the blocks whose text matches `pattern`."""
        self.searched[pattern, word] = None
        for index, block in enumerate(self.blocks):
            if index not in self._read and word in block.text and occurs(pattern, block.text):
                self.read(index)

    # Another text

    def is_unread(self, blocks: slice) -> bool:
        """Reports whether nothing led to any of these blocks."""
        return self._read.keys().isdisjoint(range(blocks.start, blocks.stop))

    def is_unaffected(self, gone: slice, new: Sequence[str]) -> bool:
        """Reports whether all that was asked has the same answers with other unread blocks there.

        What is asked of the text as a whole is not looked at, and its subjects are the same.
        """
        old = [block.text for block in self.blocks[gone]]
        if self.looked_beside and len(old) != len(new):
            return False
        if self.unread_attributes is not None and attributes_set(old) != attributes_set(new):
            return False
        return not any(True for text in new for _ in self._leading_to(text))

    def is_told_the_same(self, old: str, new: str) -> bool:
        """Reports whether all that was asked leads to a block with one text as with another."""
        return [*self._leading_to(old)] == [*self._leading_to(new)]

    def _leading_to(self, block: str) -> Iterator[object]:
        """What was asked that leads to a block with that text."""
        found = subjects(self.source.text)
        if found is not None and _is_first(found, block):
            yield found
        for pattern, word in self.searched:
            if word in block and occurs(pattern, block):
                yield pattern
        names = words(block)
        for question in self.memory.asked:
            kind, name = question
            if kind == "calls":
                if name in block and _is_called(name, block):
                    yield question
            elif (word := name.partition(".")[0]) in names and not _only_uses(block, word):
                yield question

    @property
    def read_blocks(self) -> set[int]:
        """The numbers of the blocks read so far."""
        return set(self._read)

    @property
    def roots(self) -> list[Scope]:
        """The blocks read so far, in order."""
        self.asked[NEVER_AGAIN] = None
        return self._roots()

    def _roots(self) -> list[Scope]:
        return [self._read[index] for index in sorted(self._read)]

    def scopes(self) -> Iterator[Scope]:
        """Everything in the blocks read so far, in order; blocks read meanwhile are left out."""
        for root in self.roots:
            yield from root.inside

    def frame(self, scope: Scope) -> list[Scope]:
        """The scopes that share one namespace: all blocks at the left margin, or one function."""
        return self.roots if scope.kind == "module" else [scope]

    def index_of(self, scope: Scope) -> int:
        """The number of the block that `scope` stands in."""
        return self._index[id(scope.root)]

    def span(self, node: cst.CSTNode, scope: Scope) -> Span:
        """The place of `node`, which stands in `scope`, in the module's text."""
        return scope.tree.span(node).in_block(self.memory.anchors[id(scope.root)])

    def finding(self, node: cst.CSTNode, scope: Scope) -> Callable[[], Span]:
        """What gives the place of `node`, which few ask for: to find it takes its time."""
        memory = self.memory
        return lambda: memory.present.span(node, scope)

    def block_span(self, scope: Scope) -> Span:
        """The statement at the left margin that `scope` stands in, with the comments after it."""
        block = self.blocks[self.index_of(scope)]
        return Span(block.start, block.start + len(block.text))

    def in_order(self, place: Place) -> Order:
        """A key that sorts places at the left margin as they run."""
        return self.index_of(place.scope), place.order

    def next_code(self, at: int) -> int:
        """The offset of the first character from `at` that is no blank, comment or continuation."""
        text = self.source.text
        while at < len(text):
            if text[at] == "#":
                while at < len(text) and text[at] not in "\r\n":
                    at += 1
            elif text[at].isspace() or text[at] == "\\":
                at += 1
            else:
                break
        return at

    def behind(self, span: Span) -> Span:
        """The empty place before the next such character behind another place in its block."""
        end = span.now[1]
        return span.behind(self.next_code(end) - end)

    # Names

    def module_bindings(self, name: str) -> list[Binding]:
        """Everything that binds a name at the left margin, in order."""
        question = ("bindings", name)
        self.asked[question] = None
        found = self._bindings.get(name)
        if found is not None:
            return found
        word = name.partition(".")[0]
        found = self._bindings[name] = []
        by_functions = self._globals[name] = []
        read = self.memory.read_for(question)
        if read is None:
            read = [
                key
                for key, block in zip(self._keys, self.blocks, strict=True)
                if word in words(block.text) and not _only_uses(block.text, word)
            ]
        for key in read:
            root = self.read(self._numbers[key])
            found += root.bindings.get(name, ())
            if "global" in root.tree.text:
                by_functions += (
                    binding
                    for scope in root.inside
                    if word in scope.global_names
                    for binding in scope.bindings.get(name, ())
                )
        self.memory.told(question, [*found, *by_functions], read)
        return found

    def set_by_functions(self, name: str) -> list[Binding]:
        """What binds a name at the left margin from within a function: `global loader`."""
        self.module_bindings(name)
        return self._globals[name]

    def definition(self, name: str) -> tuple[str, int] | None:
        """The block that alone binds a name, by a definition: class or def, and its number.

        It is not read for that, and that it was asked for is not noted: only of other modules
        is it. None where it is not that simple.
        """
        binding = [
            index
            for index, block in enumerate(self.blocks)
            if name in words(block.text) and not _only_uses(block.text, name)
        ]
        if len(binding) != 1:
            return None
        header = _HEADER.match(self.blocks[binding[0]].text)
        if header is None or header.group(2) != name:
            return None
        return header.group(1), binding[0]

    def reaching(self, name: str, place: Place) -> list[Reaching] | None:
        """The bindings of `name` that may be in force at `place`; None where it has none."""
        scope: Scope | None = place.scope
        at: Place | None = place  # None for what runs at any time
        while scope is not None:
            if scope.kind == "module":
                return self._reaching_module(name, at)
            if name.partition(".")[0] in scope.global_names:
                return self._reaching_global(name, scope, at)
            if name.partition(".")[0] in scope.outer_names:
                return self._reaching_module(name, None)
            bindings = scope.bindings.get(name)
            if bindings and (scope.kind != "class" or scope is place.scope):
                assert at is not None
                return in_force(bindings, at, _local(at), _local)
            # a comprehension runs where it stands, a function at any time
            at = scope.place if scope.kind == "comprehension" else None
            scope = scope.parent
            if at is None and scope is not None and scope.kind not in ("module", "class"):
                at = scope.end
        return None

    def only_assignment(self, name: str, place: Place) -> Binding | None:
        """The plain assignment that alone may give a name its value; None where there is none."""
        reaching = self.reaching(name, place) or ()
        only = reaching[0].binding if len(reaching) == 1 else None
        return only if only is not None and only.kind == "assign" and not only.path else None

    def at_the_end(self, name: str) -> list[Reaching]:
        """The bindings of a name at the left margin that may be in force once all has run."""
        return self._reaching_module(name, None) or []

    def _reaching_module(self, name: str, place: Place | None) -> list[Reaching] | None:
        bindings = self.module_bindings(name)
        found = [Reaching(one, ALWAYS) for one in self.set_by_functions(name)]
        if not bindings:
            return found or None
        if place is None:
            nowhere = Place(bindings[-1].place.scope.root, 0)
            return found + in_force(bindings, nowhere, AT_THE_END, self.in_order)
        return found + in_force(bindings, place, self.in_order(place), self.in_order)

    def _reaching_global(
        self, name: str, scope: Scope, place: Place | None
    ) -> list[Reaching] | None:
        """The same in a function that may have set the name itself before."""
        bindings = scope.bindings.get(name)
        if bindings and place is not None:
            own = in_force(bindings, place, _local(place), _local)
            if any(not one.given for one in own):
                return own
        return self._reaching_module(name, None)

    @property
    def stars(self) -> list[str]:
        """The modules imported with `*`."""
        self.asked["stars", ""] = None
        return self._stars

    @cached_property
    def _stars(self) -> list[str]:
        self.read_where(r"import\s+\*")
        found = [scope for root in self._roots() for scope in root.inside if scope.stars]
        self.memory.told(("stars", ""), found, None)
        return [module for scope in found for module in scope.stars]

    def imported(self, packages: Iterable[str]) -> frozenset[str]:
        """Those of the packages that are imported anywhere."""
        words = "|".join(map(re.escape, packages))
        self.read_where(rf"\b(?:import|from)\b(?:[^\n#]|\\\r?\n)*\b(?:{words})\b", "import")
        found = {
            binding.target.partition(".")[0]
            for scope in self.scopes()
            for bindings in scope.bindings.values()
            for binding in bindings
            if binding.kind == "import"
        }
        return frozenset(packages) & (found | {star.partition(".")[0] for star in self.stars})

    @property
    def set_in_unread(self) -> frozenset[str]:
        """The attributes that blocks assign which nothing led to so far, but on `self`."""
        self.asked[NEVER_AGAIN] = None
        unread = (b.text for index, b in enumerate(self.blocks) if index not in self._read)
        self.unread_attributes = attributes_set(unread)
        return self.unread_attributes

    # Calls

    def calls_named(self, name: str) -> list[Call]:
        """Every call whose callee ends with `name`."""
        question = ("calls", name)
        self.asked[question] = None
        found = self._by_tail.get(name)
        if found is None:
            found = self._by_tail[name] = []
            read = self.memory.read_for(question)
            if read is None:
                read = [
                    key
                    for key, block in zip(self._keys, self.blocks, strict=True)
                    if name in block.text and _is_called(name, block.text)
                ]
            for key in read:
                found += self.read(self._numbers[key]).calls_by_tail.get(name, ())
            self.memory.told(question, found, read)
        return found

    @cached_property
    def _by_tail(self) -> dict[str, list[Call]]:
        return {}


def _is_first(found: Subjects, block: str) -> bool:
    """Reports whether a block is one of those that are read first."""
    header = CLASS_HEADER.match(block)
    is_class = header is not None and found.suspects(header.group(2))
    return is_class or found.first.search(block)


@lru_cache(maxsize=4096)
def occurs(pattern: str, text: str) -> bool:
    """Reports whether the pattern is found in a block; most blocks are asked again and again."""
    return re.search(pattern, text) is not None


@lru_cache(maxsize=4096)
def _is_called(name: str, text: str) -> bool:
    """Reports whether a block has the name with a parenthesis behind it."""
    at = text.find(name)
    while at >= 0:  # a pattern that begins with the edge of a word takes much longer
        end = at + len(name)
        is_tail = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
        if not is_tail and _OPENING.match(text, end):
            return True
        at = text.find(name, end)
    return False


def attributes_set(blocks: Iterable[str]) -> frozenset[str]:
    """The attributes that blocks assign, but on `self`."""
    return frozenset().union(*map(_attributes_set, blocks))


@lru_cache(maxsize=1024)
def _attributes_set(text: str) -> frozenset[str]:
    """The attributes that a block assigns, but on `self`."""
    return frozenset(re.findall(r"(?<!\bself)\.(\w+)\s*=(?!=)", text))


def forget() -> None:
    """Drop what is kept of blocks."""
    occurs.cache_clear()
    _attributes_set.cache_clear()
    _is_called.cache_clear()
    _only_uses.cache_clear()
    _said_global.cache_clear()


def _local(place: Place) -> Order:
    """A key that sorts places of one scope."""
    return 0, place.order


@lru_cache(maxsize=1024)
def _only_uses(text: str, word: str) -> bool:
    """Reports whether a block that mentions `word` surely does not bind it."""
    match = _HEADER.match(text)
    if match is None or match.group(2) == word:
        return False
    return "global" not in text or word not in _said_global(text)


@lru_cache(maxsize=512)
def _said_global(text: str) -> frozenset[str]:
    """The words behind `global` in a block, be it in prose."""
    return words(" ".join(_GLOBAL.findall(text)))
