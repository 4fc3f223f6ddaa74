"""Writes measured settings into a construction: where its arguments come from, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from .calls import ReadCall
from .constructions import read_calls
from .edits import add_argument, removal, remove_arguments
from .following import CannotFollow
from .literals import entry_of, literal_of
from .model import Argument, LoaderCall
from .project import Imports
from .resolve import Resolver
from .text import Edit, Source, Span
from .values import Absent, Known, Value, shown

_Plain: TypeAlias = bool | int | None


class CannotWrite(Exception):
    """The settings cannot be written safely; one sentence says why."""


class Workers(NamedTuple):
    """The arguments of a loader that are about its workers.

    A `prefetch_factor` of None stands for torch's own, 2.
    """

    num_workers: int
    prefetch_factor: int | None = None
    persistent_workers: bool = False


@dataclass(frozen=True)
class Written:
    """The edits that write the settings, none where they are there already.

    `notes` tell what else changes with them.
    """

    edits: tuple[Edit, ...]
    notes: tuple[str, ...] = ()


def writing(
    source: Source,
    callee: Span,
    workers: Workers,
    now: Workers | None = None,
    imports: Imports | None = None,
) -> Written:
    """The edits that give the construction with that callee these settings.

    CannotWrite where that is unsafe. Without workers torch refuses the two other
    arguments: they are taken out then. `now` is what the loader had when the program ran:
    where the text says something else, it is not the text that decides. `imports` leads into
    the project's other modules.
    """
    _, calls = read_calls(source, imports)
    index = next(i for i, one in enumerate(calls) if one.fact.callee == callee)
    if now is not None:
        _refuse_contradiction(calls[index].fact, now)
    after = source
    options: list[str] = []
    for name in Workers._fields:
        after = _with(after, imports, index, name, workers, options)
    notes = _checked(source, after, imports, index, workers, options)
    return Written(source.edits_to(after), notes)


def _refuse_contradiction(fact: LoaderCall, now: Workers) -> None:
    said = {_plain(case.what) for case in fact.cases("num_workers")}
    if said and "?" not in said and now.num_workers not in said:
        values = " or ".join(sorted(map(str, said)))
        raise CannotWrite(
            f"num_workers is {values} in the text, but {now.num_workers} when the program ran: "
            "the command line or other code gives it"
        )


def _with(
    source: Source,
    imports: Imports | None,
    index: int,
    name: str,
    workers: Workers,
    options: list[str],
) -> Source:
    """The source with one of the arguments written; `options` grows by the defaults changed."""
    resolver, calls = read_calls(source, imports)
    call = calls[index]
    fact = call.fact
    argument = fact.arguments.get(name)
    if argument is None and fact.hidden:
        if _may_stay_hidden(name, workers):
            return source
        stars = next((one.code for one in fact.written if one.name in ("*", "**")), "a partial")
        raise CannotWrite(
            f"{name} may come from {stars}, and what that holds cannot be told from this file"
        )
    if _has(fact, name, workers):
        return source
    try:
        if not workers.num_workers and name != "num_workers":
            assert argument is not None  # torch's default is right without workers
            return source.edited(_taken_out(source, resolver, call, argument))
        code = str(_wanted(name, workers))
        if argument is None or not _in_call(fact, argument):
            return source.edited(add_argument(source, fact, name, code))
        literal = literal_of(resolver, call, argument)
    except CannotFollow as error:
        raise CannotWrite(f"{name} {error}") from None
    if literal.option is not None:
        options.append(literal.option)
    return source.edited([Edit(literal.span, code)])


def _may_stay_hidden(name: str, workers: Workers) -> bool:
    """Reports whether an argument that a `**` may hold is right whatever it is."""
    if name == "num_workers" or not workers.num_workers:
        return False
    return _wanted(name, workers) == _default(name)


def _wanted(name: str, workers: Workers) -> _Plain:
    if name == "prefetch_factor":
        return workers.prefetch_factor or 2
    value: _Plain = getattr(workers, name)
    return value


def _default(name: str) -> _Plain:
    """What the argument is where nobody gives it and there are workers."""
    return {"num_workers": 0, "prefetch_factor": 2, "persistent_workers": False}[name]


def _has(fact: LoaderCall, name: str, workers: Workers) -> bool:
    """Reports whether the argument is known to be what is wanted."""
    cases = [_plain(case.what) for case in fact.cases(name)]
    if not workers.num_workers and name != "num_workers":
        return all(case in (None, False) for case in cases)
    if name == "prefetch_factor":
        cases = [2 if case is None else case for case in cases]
    return all(case == _wanted(name, workers) for case in cases)


def _plain(what: object) -> _Plain | str:
    """A whole number, truth or None; "?" for everything else."""
    value = what.value if isinstance(what, Known) else "?"
    return value if value is None or isinstance(value, (bool, int)) else "?"


def _in_call(fact: LoaderCall, argument: Argument) -> bool:
    """Reports whether it is given in the call itself and not by functools.partial."""
    return fact.span.start <= argument.span.start and argument.span.end <= fact.span.end


def _taken_out(
    source: Source, resolver: Resolver, call: ReadCall, argument: Argument
) -> tuple[Edit, ...]:
    """The edits that leave the argument at torch's default."""
    if not argument.splatted:
        fix = removal(source, call.fact, argument)
        if fix is None:
            raise CannotFollow("cannot be taken out beside what * and ** hold")
        return fix.edits
    entry = entry_of(resolver, call, argument)
    if entry.siblings is None:
        line = source.line_at(resolver.program.span(entry.value, entry.place.scope).start)
        raise CannotFollow(f"is set by the statement on line {line}")
    display = replace(call.fact, written=entry.siblings, end=Span(entry.closing, entry.closing))
    return remove_arguments(source, display, (entry.siblings[entry.index],))


# What came of it


def _checked(
    before: Source,
    after: Source,
    imports: Imports | None,
    index: int,
    workers: Workers,
    options: list[str],
) -> tuple[str, ...]:
    """The notes on what else has changed; CannotWrite where the result is not what it should be."""
    _, old = read_calls(before, imports)
    _, new = read_calls(after, imports)
    fact = new[index].fact if len(new) == len(old) else None
    for name in Workers._fields:
        if fact is None or not (_has(fact, name, workers) or _stays_hidden(fact, name, workers)):
            raise CannotWrite(f"{name} also depends on something that cannot be followed")
    changed = [
        (one.fact, other.fact)
        for number, (one, other) in enumerate(zip(old, new, strict=True))
        if number != index and _settings(one.fact) != _settings(other.fact)
    ]
    if not changed:
        return ()
    if not options:
        raise CannotWrite(f"{_named(before, changed[0][0])} has its settings from the same place")
    for _, other in changed:
        if not workers.num_workers and not all(
            _has(other, name, workers) for name in Workers._fields
        ):
            raise CannotWrite(
                f"{_named(after, other)} has its workers from {options[0]} too, and options that "
                "torch refuses without workers"
            )
    names = ", ".join(_named(after, other) for _, other in changed)
    return (f"the default of {options[0]} is that of {names} too",)


def _stays_hidden(fact: LoaderCall, name: str, workers: Workers) -> bool:
    return name not in fact.arguments and fact.hidden and _may_stay_hidden(name, workers)


def _settings(fact: LoaderCall) -> list[list[str]]:
    """What is known of a loader's settings, in words that can be compared."""
    return [_words(fact.cases(name)) for name in Workers._fields]


def _words(value: Value) -> list[str]:
    return sorted("absent" if isinstance(c.what, Absent) else shown(c.what) for c in value)


def _named(source: Source, fact: LoaderCall) -> str:
    name = fact.names[0] if fact.names else f"the {fact.class_name}"
    return f"{name} (line {source.line_at(fact.callee.start)})"
