"""Text to facts: the one place where a module is read as a whole."""

from __future__ import annotations

from .calls import dataset_uses, loader_calls
from .classes import dataset_classes
from .loops import Consumption
from .model import Module, Problem
from .program import Program
from .resolve import Resolver
from .sampling import changes, samplers
from .surroundings import surroundings
from .target import Target
from .text import Source, Span


def read(source: Source, target: Target) -> Module:
    """The facts about `source`, for `target`."""
    program = Program(source)
    resolver = Resolver(program)
    classes = dataset_classes(resolver)
    calls = loader_calls(resolver, classes)
    consumption = Consumption(resolver, calls)
    around = surroundings(resolver)
    problems = tuple(
        Problem(Span(problem.span.start + start, problem.span.end + start), problem.message)
        for index, start in enumerate(block.start for block in program.blocks)
        if index in program.read_blocks
        for problem in program.read(index).tree.problems
    )
    return Module(
        source=source,
        target=target,
        loaders=tuple(call.fact for call in calls),
        datasets=tuple(classes.facts),
        dataset_uses=tuple(dataset_uses(resolver, classes)),
        loops=consumption.loops,
        rebuilt=consumption.rebuilt,
        changes=changes(resolver, calls, consumption),
        samplers=samplers(resolver, calls, consumption),
        split_changes=around.split_changes,
        problems=problems,
        frameworks=around.frameworks,
        distributed=around.distributed,
        start_method=around.start_method,
        reads_rank=around.reads_rank,
        torch_name=around.torch_name,
    )
