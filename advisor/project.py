"""The other modules of the user's project, read when a name leads into them.

A name that a file imports from one of them is followed there. What it leads to comes back
without places: a constant, something of a library, or a class or function by its
`Definition`. Nothing is imported, and no line of it runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TypeAlias

from . import libcst_import  # noqa: F401  # before anybody else imports libcst
from .arguments import given_for, is_as_given
from .calling import of_call, returned
from .calls import ReadCall, loader_calls
from .calls_elsewhere import calls_of
from .classes import Classes
from .classes_model import DatasetClass
from .copies import device_of
from .definitions import Definition, HandedLoader, OutsideCall, OutsideDictionary
from .dictionaries import Entries, entries_of_value
from .handed_workers import hands_on
from .interest import LIBRARIES
from .loader_classes import LoaderClass, subclass
from .model import Argument, LoaderCall
from .modules import INSTALLED, PACKAGE, Kind, Modules, Seen, beside
from .nodes import Path, below
from .options import argparse_default, option_declared
from .pieces import part
from .program import Program
from .resolve import Resolver
from .sampling import samplers
from .scopes import Call, Scope
from .taken_loaders import TakenLoaders
from .text import Source, Span
from .torch_api import LOADERS
from .values import (
    NOTHING_KNOWN,
    UNKNOWN,
    Case,
    Defined,
    Group,
    Known,
    Made,
    Number,
    Origin,
    Symbol,
    Text,
    Value,
    What,
    united,
)

Given: TypeAlias = Callable[[Scope, str], Value | None]  # what a call gives for a parameter

LARGEST = 400_000  # characters; what is longer was generated
MOST_FOLDERS = 4  # from that of a file upwards, in which its options are looked for
SCRIPTS = ("scripts", "tools")  # folders whose modules nobody imports
MOST_MODULES = 30  # that are kept: garbage is searched for among all of them


class Project:
    """The modules around the files that are analysed.

    What was read is kept until it is forgotten. Not for two threads at the same time.
    """

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self._read: dict[str, OtherModule | None] = {}

    def imports(self, path: str) -> Imports:
        """What the file with that path imports; of its callers in other modules it knows, too."""
        return Imports(self, os.path.abspath(path), asks_callers=True)

    def forget(self, path: str) -> None:
        """Read a file anew, and the modules that depend on it."""
        self.modules.forget(path)
        for other, module in list(self._read.items()):
            if other == path or (module is not None and _depends(module, path)):
                del self._read[other]

    def module(self, path: str) -> OtherModule | None:
        """The module in a file; None where it cannot be read."""
        if path not in self._read:
            if len(self._read) >= MOST_MODULES:
                self._read.clear()
            text = self.modules.text(path)
            fits = text is not None and len(text) <= LARGEST
            self._read[path] = OtherModule(self, path, text) if text and fits else None
        return self._read[path]


def _depends(module: OtherModule, path: str) -> bool:
    subjects = {"text": path, "options": beside(path)}
    return any(subjects.get(one.kind) == one.subject for one in module.imports.seen())


class Imports:
    """What one file imports from the other modules of its project, and what they call of it."""

    def __init__(self, project: Project, path: str, *, asks_callers: bool = False) -> None:
        self._project = project
        self._path = path
        self._asks_callers = asks_callers
        self._callers: dict[str, tuple[OutsideCall, ...]] = {}
        self._values: dict[str, Value | None] = {}
        self._settings: dict[str, Value | None] = {}
        self._options: dict[str, Value | None] = {}
        self._seen: dict[tuple[Kind, str], str] = {}
        self._modules: dict[str, OtherModule] = {}  # that were led to

    def value(self, name: str) -> Value | None:
        """What a dotted name stands for; None where that is not in the project, or not known."""
        if name not in self._values:
            self._values[name] = None  # while it is looked for: modules import each other
            self._values[name] = self._find(name)
        return self._values[name]

    def setting(self, name: str) -> Value | None:
        """What a module gives to a constant, as a default: whoever imports it may set it."""
        if name not in self._settings:
            self._settings[name] = None  # while it is looked for, as above
            module, rest = self._led_to(name)
            self._settings[name] = module.setting(rest) if module is not None else None
        return self._settings[name]

    def option(self, name: str) -> Value | None:
        """The default of an option that fills `args.name`, in a module beside this file or above.

        Or in a script there. None where there is none, or several modules of one folder say
        several things.
        """
        if name not in self._options:
            self._options[name] = self._find_option(name)
        return self._options[name]

    def _find_option(self, name: str) -> Value | None:
        top = self._ask("roots", self._path).partition("\n")[0]
        for folder in self._with_scripts(top):
            pattern = os.path.join(folder, "*.py")
            paths = [one for one in self._ask("options", pattern).split("\n") if one]
            modules = [self._module(one) for one in paths if self._names_option(one, name)]
            found = [one.option(name) for one in modules if one and one.declares(name)]
            if found:
                said = {None if one is None else tuple(case.what for case in one) for one in found}
                return found[0] if len(said) == 1 else None
        return None

    def _upwards(self, top: str) -> Iterator[str]:
        """The folder of this file and those above it, up to `top`."""
        folder = os.path.dirname(self._path)
        for _ in range(MOST_FOLDERS):
            yield folder
            if folder == top or os.path.basename(os.path.dirname(folder)) in INSTALLED:
                break
            folder = os.path.dirname(folder)

    def callers(self, name: str) -> tuple[OutsideCall, ...]:
        """The calls of a function or class of this file, by its name at the left margin.

        They are looked for in the modules beside this file and above, and in the scripts there.
        """
        if not self._asks_callers:
            return ()
        if name not in self._callers:
            self._callers[name] = ()  # while they are looked for
            self._callers[name] = tuple(self._find_callers(name))
        return self._callers[name]

    def loaders_over(self, name: str) -> Iterator[LoaderCall]:
        """The loaders over objects of a class of this file, in the modules that make such."""
        modules = {id(one.module): one.module for one in self.callers(name)}
        for module in modules.values():
            yield from module.loaders_over(self._path, name)

    def _find_callers(self, name: str) -> Iterator[OutsideCall]:
        folder, file = os.path.split(self._path)
        stem = os.path.basename(folder) if file == PACKAGE else file.removesuffix(".py")
        top = min(self._ask("roots", self._path).split("\n"), key=len)
        for one in self._with_scripts(top):
            pattern = os.path.join(one, "*.py")
            for path in self._ask("naming", f"{pattern} {stem}.{name}").split("\n"):
                module = self._module(path) if path else None
                if module is not None:
                    for call in module.calls_of(self._path, name):
                        yield OutsideCall(module, call)

    def _with_scripts(self, top: str) -> Iterator[str]:
        """The folder of this file and those above it, each with the folders of scripts in it."""
        for folder in self._upwards(top):
            yield folder
            yield from (os.path.join(folder, one) for one in SCRIPTS)

    def leads_to(self, name: str, path: str, rest: str) -> bool:
        """Reports whether a dotted name stands for what a file has under a name."""
        place, parts = self._place_of(name)
        return place == path and parts == [rest]

    def _names_option(self, path: str, name: str) -> bool:
        text = self._project.modules.text(path) or ""
        return name in text or name.replace("_", "-") in text

    def seen(self) -> frozenset[Seen]:
        """What was seen of the file system, for this file and for those it led to."""
        files: dict[str, Imports] = {}
        pending = [self]
        while pending:
            one = pending.pop()
            files[one._path] = one
            pending += [m.imports for path, m in one._modules.items() if path not in files]
        return frozenset(
            Seen(kind, subject, answer)
            for one in files.values()
            for (kind, subject), answer in one._seen.items()
        )

    def _ask(self, kind: Kind, subject: str) -> str:
        answer = self._seen[kind, subject] = self._project.modules.answer(kind, subject)
        return answer

    def _module(self, path: str) -> OtherModule | None:
        """The module in a file, which is not this one."""
        if path == self._path:
            return None
        self._ask("text", path)
        module = self._project.module(path)
        if module is not None:
            self._modules[path] = module
        return module

    def _find(self, name: str) -> Value | None:
        module, rest = self._led_to(name)
        return module.value(rest) if module is not None else None

    def _led_to(self, name: str) -> tuple[OtherModule | None, list[str]]:
        """The module that a dotted name leads into, and what is left of the name there."""
        place, rest = self._place_of(name)
        return self._module(place) if rest else None, rest

    def _place_of(self, name: str) -> tuple[str, list[str]]:
        """The file that a dotted name leads into, and what is left of the name there."""
        parts = name.lstrip(".").split(".")
        if parts[0] in LIBRARIES or not parts[0]:
            return "", []
        n_dots = len(name) - len(name.lstrip("."))
        for place, rest in self._below(n_dots, parts) if n_dots else self._absolute(parts):
            if place.endswith(".py"):
                return place, rest
        return "", []

    def _below(self, n_dots: int, parts: list[str]) -> list[tuple[str, list[str]]]:
        """Where a relative import leads, which begins with that many dots."""
        folder = self._path
        for _ in range(n_dots):
            folder = os.path.dirname(folder)
        package = self._ask("module", folder)
        return [self._descend(package if package.endswith(PACKAGE) else folder, parts)]

    def _absolute(self, parts: list[str]) -> list[tuple[str, list[str]]]:
        """Where an absolute import may lead."""
        found = []
        for root in self._ask("roots", self._path).split("\n"):
            if os.path.basename(root) in INSTALLED:
                own = os.path.relpath(self._path, root).partition(os.sep)[0]
                if parts[0] != own.removesuffix(".py"):
                    continue  # somebody else's
            place = self._ask("module", os.path.join(root, parts[0]))
            if place:
                found.append(self._descend(place, parts[1:]))
        return found

    def _descend(self, place: str, parts: list[str]) -> tuple[str, list[str]]:
        """Go from a module into its submodules, as far as the name leads."""
        for index, name in enumerate(parts):
            folder = place
            if place.endswith(".py"):
                folder, file = os.path.split(place)
                if file != PACKAGE or self._binds(place, name):
                    return place, parts[index:]
            child = self._ask("module", os.path.join(folder, name))
            if not child:
                return place, parts[index:]
            place = child
        return place, []

    def _binds(self, place: str, name: str) -> bool:
        module = self._module(place)
        return module is not None and bool(module.program.module_bindings(name))


class OtherModule:
    """A module that names of another one lead to."""

    def __init__(self, project: Project, path: str, text: str) -> None:
        self.path = path
        self.program = Program(Source(path, text))
        self.imports = Imports(project, path)
        self.resolver = Resolver(self.program, self.imports)
        folder, file = os.path.split(path)
        self._name = os.path.basename(folder) if file == PACKAGE else file.removesuffix(".py")

    @cached_property
    def _classes(self) -> Classes:
        return Classes(self.resolver, self.path)

    def value(self, parts: list[str]) -> Value | None:
        """What `parts`, joined by dots, stand for in the finished module; None where unknown."""
        first, *rest = parts
        found = self.program.definition(first) if not rest else None
        if found is not None:
            definition = Definition(self, (first,), is_class=found[0] == "class")
            return (Case(Symbol(f"{self._name}.{first}", definition)),)
        if not self.program.module_bindings(first):
            return self._of_stars(parts)
        value = self.resolver.at_the_end(first)
        for name in rest:
            value = self.resolver.member(value, name)
        return self._carried(value)

    def setting(self, parts: list[str]) -> Value | None:
        """The same, of a constant: a default, with its place."""
        name = ".".join(parts)
        bindings = self.program.module_bindings(name) if len(parts) == 1 else ()
        if not bindings:
            stars = (self.imports.setting(below(star, name)) for star in self.program.stars)
            return next((found for found in stars if found is not None), None)
        value = self._carried(self.resolver.at_the_end(name))
        last = bindings[-1]
        if value is None or last.value is None:
            return None
        origin = self._there(self.resolver.origin(name, last.value, last.place.scope))
        return tuple(replace(case, origin=case.origin or origin) for case in value)

    def _of_stars(self, parts: list[str]) -> Value | None:
        for star in self.program.stars:
            found = self.imports.value(below(star, ".".join(parts)))
            if found is not None:
                return found
        return None

    def scope(self, path: tuple[str, ...]) -> Scope | None:
        """The body of what is defined under a name at the left margin, or within a class."""
        for binding in self.program.module_bindings(path[0]):
            scope = binding.defined
            for name in path[1:]:
                inner = scope.bindings.get(name, ()) if scope is not None else ()
                scope = inner[-1].defined if inner else None
            if scope is not None:
                return scope
        return None

    def member(self, scope: Scope, name: str, *, of_object: bool) -> Value | None:
        """What a class of this module, or an object of it, has under a name.

        None where others cannot know: also what its body sets, which anybody may set anew,
        unlike its functions and classes.
        """
        whole = Made(scope.name, None, scope) if of_object else Defined("class", scope.name, scope)
        found = self._carried(self.resolver.member((Case(whole),), name))
        if found is None or any(
            one.origin is None and not isinstance(one.what, Symbol) for one in found
        ):
            return None
        return found

    def option(self, name: str) -> Value | None:
        """The default of the option of this module's command line with that name."""
        found = argparse_default(self.resolver, name)
        return None if found is None else self._carried(found)

    def declares(self, option: str) -> bool:
        """Reports whether this module's command line has an option of that name."""
        return option_declared(self.resolver, option)

    def returned_by(self, scope: Scope) -> Value | None:
        """What calling a function of this module gives; None where others cannot know."""
        value = returned(self.resolver, scope)
        match value:
            case (Case(Group("dict", where) as made),) if where and self._is_of_settings(made):
                return (Case(Group("dict", OutsideDictionary(self, made))),)
        found = self._carried(value)
        # a default of its own parameters is not what the caller gives
        if found is None or any(one.origin is not None for one in found):
            return self._as_device(value)
        return found

    def _as_device(self, value: Value) -> Value | None:
        """A GPU, or what there is instead, by its name; None for what is no device."""
        named = (
            one.what.name == "torch.device"
            if isinstance(one.what, Made)
            else isinstance(one.what, Known) and str(one.what.value).startswith("cuda")
            for one in value
        )
        kind = device_of(self.resolver, value) if any(named) else ""
        if kind not in ("cuda", "maybe-cuda"):
            return None
        return tuple(Case(Known(one)) for one in ("cuda", "cpu")[: 1 + (kind != "cuda")])

    def _is_of_settings(self, made: Group) -> bool:
        """Reports whether no object of torch's or the project's stands in a dictionary."""
        found = entries_of_value(self.resolver, (Case(made),))
        return found is not None and not any(
            isinstance(case.what, Made)
            and (case.what.within is not None or case.what.name.startswith(("torch", "monai")))
            for case in found.all_cases()
        )

    def entries(self, made: Group) -> Entries | None:
        """The keys of a dictionary that is made here, as others see what stands under them."""
        found = entries_of_value(self.resolver, (Case(made),))
        if found is None:
            return None
        keys = {
            key: list(self._carried(tuple(cases)) or NOTHING_KNOWN)
            for key, cases in found.keys.items()
        }
        return Entries(keys, found.open)

    def loaders_from(self, scope: Scope, path: Path, given: Given) -> Iterator[LoaderCall]:
        """The loaders in that part of what a function here gives, as its caller sees them.

        `given` says what the caller gives for a parameter; None for nothing.
        """
        value = part(self.resolver, returned(self.resolver, scope), path)
        for case in of_call(self.resolver, value, scope, lambda name: given(scope, name)):
            made = case.what
            if not isinstance(made, Made) or made.where is None:
                continue
            read = self._loaders.get(id(made.where[0])) if not made.part else None
            if read is not None:
                yield self._seen_from_outside(read, scope, given)
            elif isinstance(made.within, Definition) and made.within.module is not self:
                yield from made.within.loaders(made.part, lambda scope, name: NOTHING_KNOWN)

    def keeps_loader(self, scope: Scope, name: str) -> bool:
        """Reports whether objects of a class of this module have a loader of torch's there."""
        match self._of_object(scope, name):
            case (Case(Made(maker, where, None, ())),) if where is not None:
                return maker in LOADERS
        return False

    def loader_kept(self, scope: Scope, name: str, given: Given) -> LoaderCall | None:
        """That loader, as who makes the object with what `given` says sees it."""
        match self._of_object(scope, name):
            case (Case(Made(where=(node, _))),) if read := self._loaders.get(id(node)):
                function = read.call.place.scope
                made_with = function if function.name == "__init__" else scope
                return self._seen_from_outside(read, made_with, given)
        return None

    def _of_object(self, scope: Scope, name: str) -> Value:
        """What an object of a class of this module has under a name."""
        return self.resolver.member((Case(Made(scope.name, None, scope)),), name)

    def calls_of(self, path: str, name: str) -> Iterator[Call]:
        """The calls here of what the module in another file has under a name."""
        return calls_of(self.resolver, self.imports, path, name)

    def loaders_over(self, path: str, name: str) -> Iterator[LoaderCall]:
        """The loaders here over objects of a class of another module."""
        for read in self._loaders.values():
            fed = (read.fact.dataset_class, *read.fact.inner_classes)
            if any(one is not None and (one.path, one.name) == (path, name) for one in fed):
                yield self._told_elsewhere(read.fact, self._with_places)

    def gives(self, call: Call, scope: Scope, name: str) -> Value | None:
        """What a call here gives for a parameter of a function of another module.

        None for nothing. A loader comes as a HandedLoader, a device as its name.
        """
        value = given_for(self.resolver, call, scope, name)
        if value is None:
            return None
        words = f"parameter {name!r}, as given"
        origin = self._there(self.resolver.origin(words, call.node.func, call.place.scope))
        return united(Case(self._given(case), origin=origin) for case in value)

    def _given(self, case: Case) -> What:
        """What can be said elsewhere of what a call here gives."""
        if isinstance(case.what, Known | Number | Text):
            return case.what
        if not isinstance(case.what, Made):
            return UNKNOWN
        for taken in self._taken.of((case,)):
            if taken.path:
                return UNKNOWN
            is_own = not taken.fact.stands
            told = self._told_elsewhere(taken.fact, self._with_places) if is_own else taken.fact
            return Made(told.class_name, within=HandedLoader(told, is_own))
        device = device_of(self.resolver, (case,)).removeprefix("maybe-")
        return Known(device) if device in ("cuda", "cpu") else UNKNOWN

    def _told_elsewhere(
        self, fact: LoaderCall, value: Callable[[Argument], Iterable[Case]]
    ) -> LoaderCall:
        """A loader of this module without its names here, and with those values."""
        arguments = {
            name: replace(one, value=united(value(one))) for name, one in fact.arguments.items()
        }
        return replace(fact, arguments=arguments, names=(), stands=self.stands(fact.span))

    def _with_places(self, argument: Argument) -> Iterator[Case]:
        """What an argument receives here, with the places of defaults."""
        return map(self._with_place, argument.value)

    def _with_place(self, case: Case) -> Case:
        """The same, with a default's place as it is told in other files."""
        return case if case.origin is None else replace(case, origin=self._there(case.origin))

    def loader_class(self, scope: Scope) -> LoaderClass | None:
        """What calling a class of this module constructs; None where it is none of loaders."""
        return subclass(self.resolver, scope)

    def hands_on(self, scope: Scope, name: str) -> bool:
        """Reports whether a function or class gives its loader what it is given under a name."""
        return hands_on(self.resolver, self._loaders.values(), scope, name)

    @cached_property
    def _taken(self) -> TakenLoaders:
        return TakenLoaders(self.resolver, self._loaders.values())

    @cached_property
    def _loaders(self) -> dict[int, ReadCall]:
        """The constructions of loaders in this module, by the ids of their nodes."""
        self.program.read_first()  # all blocks with loaders, whatever else was asked for
        return {id(one.call.node): one for one in loader_calls(self.resolver, self._classes)}

    def _seen_from_outside(self, read: ReadCall, scope: Scope, given: Given) -> LoaderCall:
        """A loader as the caller of the function that makes it sees it, without its names here."""
        told = self._told_elsewhere(
            read.fact, lambda one: self._for_caller(read.call, one, scope, given)
        )
        for use in samplers(self.resolver, [read]):
            if use.shuffles and not use.set_epoch_seen and not use.escapes:
                return replace(told, same_order=self.stands(use.span))
        return told

    def _for_caller(
        self, call: Call, argument: Argument, scope: Scope, given: Given
    ) -> Iterator[Case]:
        """What the loader that `call` makes receives where a call of `scope` gives that."""
        maker = call.place.scope.enclosing("function")
        inner = None if maker is scope or (maker and maker.name == "__init__") else maker
        if is_as_given(scope, argument.code):
            received = given(scope, argument.code)
            if received is not None:
                yield from map(_without_place, received)
                return
        for case in argument.value:
            origin = case.origin
            if origin is None or not origin.is_of_caller:
                yield self._with_place(case)
                continue
            name = _parameter(scope, origin)
            left_out = name is not None and given(scope, name) is None
            if left_out or (inner is not None and _parameter(inner, origin) is not None):
                yield replace(case, origin=self._there(origin))
            else:
                yield Case(UNKNOWN, case.given)

    def stands(self, span: Span) -> str:
        """A place of this module, as it is told in other files."""
        return f"{os.path.basename(self.path)}, line {self.program.source.line_at(span.start)}"

    def dataset_class(self, scope: Scope) -> DatasetClass | None:
        """What is known of a class of this module; None where it is none of datasets."""
        return self._classes.of_scope(scope)

    def _carried(self, value: Value) -> Value | None:
        """The value as others see it; None where it depends on what only this module knows.

        A default that holds under a condition is one of several.
        """
        found = []
        for case in value:
            what = self._alone(case.what)
            if what is None or case.via or (case.given and case.origin is None):
                return None
            found.append(
                Case(what, origin=None if case.origin is None else self._there(case.origin))
            )
        return tuple(found)

    def _there(self, origin: Origin) -> Origin:
        """The same, as it is told in other files."""
        return replace(origin, file=origin.file or os.path.basename(self.path))

    def _alone(self, what: What) -> What | None:
        """What can be said without a place in this module; None for all else."""
        match what:
            case Symbol(name, None) if name.startswith("."):
                return None  # a module, as it is called from here
            case Known() | Number() | Text() | Symbol():
                return what
            case Made("argparse.Namespace", within=None):
                return Made("argparse.Namespace", within=self)
            case Made("argparse.Namespace"):
                return what
            case Defined("class" | "function" as kind, _, scope, bound):
                path = tuple(one.name for one in _outward(scope))[::-1]
                if self.scope(path) is scope:
                    name = ".".join((self._name, *path))
                    return Symbol(name, Definition(self, path, kind == "class", bound))
        return None


def _parameter(scope: Scope, origin: Origin) -> str | None:
    """The parameter of a function that a default belongs to."""
    for name, bindings in scope.bindings.items():
        if bindings[0].kind == "parameter" and bindings[0].node is origin.node:
            return name
    return None


def _without_place(case: Case) -> Case:
    return case if isinstance(case.what, Known | Number | Text) else Case(UNKNOWN, case.given)


def _outward(scope: Scope) -> Iterator[Scope]:
    """A definition, and the classes that it stands in."""
    one: Scope | None = scope
    while one is not None and one.kind != "module":
        yield one
        one = one.parent


__all__ = ["Imports", "OtherModule", "Project"]
