"""What a rule looks at before it decides to say nothing of a construction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dladvise.advisor import Finding, Rule
from dladvise.advisor.model import Argument, LoaderCall, Loop, Module, Scenario
from dladvise.advisor.values import Value

# The facts of a construction beside its arguments, in words; what is not here is only its place.
FACTS = {
    "workers": "num_workers",
    "collate": "collate_fn",
    "batch_class": "collate_fn",
    "worker_init": "worker_init_fn",
    "family": "its class",
    "class_name": "its class",
    "subclass": "its class",
    "written": "its arguments",
    "unknown_keywords": "its arguments",
    "repeated": "its arguments",
    "surplus": "its arguments",
    "misplaced": "its arguments",
    "arguments": "its arguments",
    "hidden": "its arguments",
    "names": "its name",
    "in_class": "where it stands",
    "function": "where it stands",
    "framework_hook": "where it stands",
    "handed_to": "who takes it over",
    "dataset_class": "its dataset",
    "inner_classes": "its dataset",
    "dataset_kind": "its dataset",
    "dataset_form": "its dataset",
    "in_memory": "its dataset",
    "device_rows": "its dataset",
}
LOOPS = "the loops over it"


class Watch:
    """Notes what rules read of the constructions of a module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._seen: list[tuple[LoaderCall, str]] = []
        # the very same objects, since rules tell loaders apart by identity
        for call in module.loaders:
            object.__setattr__(call, "__class__", _watched_call(self._seen, call))
        object.__setattr__(module, "__class__", _watched_module(self._seen))

    def judgement(self, rule: Rule, call: LoaderCall) -> tuple[list[Finding], str | None]:
        """What a rule finds on a construction, and what it looked at last of it."""
        self._seen.clear()
        found = []
        for finding in rule(self._module):
            looked_at_it = bool(self._seen) and self._seen[-1][0] is call
            if looked_at_it or _is_at(finding, call):
                found.append(finding)
        facts = [fact for one, fact in self._seen if one is call]
        return found, facts[-1] if facts else None


def _is_at(finding: Finding, call: LoaderCall) -> bool:
    """Reports whether a finding is at the construction, or refers to it."""
    places = [finding.span, *(one.span for one in finding.related)]
    return any(place.overlaps(call.span) for place in places)


def _watched_call(seen: list[tuple[LoaderCall, str]], call: LoaderCall) -> type[LoaderCall]:
    class WatchedCall(LoaderCall):
        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            if name in FACTS:
                seen.append((call, FACTS[name]))
            return Noted(value) if name == "arguments" else value

        def lacks(self, name: str) -> bool:
            found = super().lacks(name)
            seen.append((call, name))
            return found

        def cases(self, name: str) -> Value:
            found = super().cases(name)
            seen.append((call, name))
            return found

        def scenarios(self, *names: str) -> tuple[Scenario, ...]:
            found = super().scenarios(*names)
            seen.extend((call, name) for name in names)
            return found

    class Noted(dict[str, Argument]):
        """The arguments; one that is given is noted when it is asked for."""

        def __getitem__(self, name: str) -> Argument:
            seen.append((call, name))
            return super().__getitem__(name)

        def get(self, name: str, default: Any = None) -> Any:
            if name not in self:
                return default
            return self[name]

    return WatchedCall


def _watched_module(seen: list[tuple[LoaderCall, str]]) -> type[Module]:
    class WatchedModule(Module):
        def loops_over(self, loader: LoaderCall) -> Iterator[Loop]:
            seen.append((loader, LOOPS))
            return super().loops_over(loader)

    return WatchedModule
