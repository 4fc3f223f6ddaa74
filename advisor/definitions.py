"""What a file gets from the other modules of the user's project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .classes_model import DatasetClass
    from .dictionaries import Entries
    from .loader_classes import LoaderClass
    from .model import LoaderCall
    from .nodes import Path
    from .project import Given, OtherModule
    from .scopes import Call, Scope
    from .values import Group, Value


@dataclass(frozen=True, slots=True)
class Definition:
    """Where it stands; what is asked of it is answered as its own module sees it.

    `path` leads to it from the left margin: a class, and what is defined in its body.
    """

    module: OtherModule = field(repr=False)
    path: tuple[str, ...]
    is_class: bool
    bound: bool = False  # a method taken from an object

    @property
    def scope(self) -> Scope | None:
        """Its body; None where that cannot be read."""
        return self.module.scope(self.path)

    def member(self, name: str, *, of_object: bool = False) -> Value | None:
        """What a class, or an object of it, has under a name; None where others cannot know."""
        if not self.is_class or self.scope is None:
            return None
        return self.module.member(self.scope, name, of_object=of_object)

    def kept_loader(self, name: str) -> KeptLoader | None:
        """The loader that its objects have under a name; None for all else."""
        if not self.is_class or self.scope is None:
            return None
        return KeptLoader(self, name) if self.module.keeps_loader(self.scope, name) else None

    def called(self) -> Value | None:
        """What calling a function gives; None where others cannot know."""
        if self.is_class or self.scope is None:
            return None
        return self.module.returned_by(self.scope)

    def loaders(self, part: Path, given: Given) -> tuple[LoaderCall, ...]:
        """The loaders that a function may give, or have in that part of what it gives.

        `given` says what the call gives for a parameter.
        """
        if self.is_class or self.scope is None:
            return ()
        return tuple(self.module.loaders_from(self.scope, part, given))

    def loader_class(self) -> LoaderClass | None:
        """What calling it constructs, if it is a class of loaders; None for all else."""
        if not self.is_class or self.scope is None:
            return None
        return self.module.loader_class(self.scope)

    def hands_on(self, name: str) -> bool:
        """Reports whether what it is given under a name is its loader's as it is."""
        return self.scope is not None and self.module.hands_on(self.scope, name)

    def dataset_class(self) -> DatasetClass | None:
        """What is known of a class of datasets; None for all else."""
        return self.module.dataset_class(self.scope) if self.is_class and self.scope else None


@dataclass(frozen=True, slots=True)
class KeptLoader:
    """A loader that objects of another module's class have under a name."""

    owner: Definition
    name: str

    def loaders(self, part: Path, given: Given) -> tuple[LoaderCall, ...]:
        """The loader, as who makes the object sees it; none where it is one of several.

        `given` says what the object is made with.
        """
        scope = self.owner.scope
        if part or scope is None:
            return ()
        kept = self.owner.module.loader_kept(scope, self.name, given)
        return () if kept is None else (kept,)


@dataclass(frozen=True, slots=True)
class HandedLoader:
    """A loader that a caller in another module hands in, as it is seen here.

    `is_own` says that the caller's module makes it.
    """

    fact: LoaderCall = field(repr=False)
    is_own: bool


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A call in another module, of a function or class of this file."""

    module: OtherModule = field(repr=False)
    call: Call

    def given(self, scope: Scope, name: str) -> Value | None:
        """What it gives for a parameter of the function; None for nothing."""
        return self.module.gives(self.call, scope, name)


@dataclass(frozen=True, slots=True)
class OutsideDictionary:
    """A dictionary that a function of another module made; nobody else holds it."""

    module: OtherModule = field(repr=False)
    made: Group

    def entries(self) -> Entries | None:
        """Its keys; None where they cannot be told."""
        return self.module.entries(self.made)
