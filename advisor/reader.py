"""Text to facts: the one place where a module is read as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from .calls import loader_calls, trainer_calls
from .classes import dataset_classes
from .datasets import dataset_uses
from .epoch_calls import set_epochs
from .epochs import Epochs
from .handed_workers import handed_workers
from .host_reads import host_reads
from .loops import batch_loops
from .loops_by_name import copies_by_name
from .memory import Memory
from .model import Module, Problem
from .overflowing_seeds import overflowing_seeds
from .parsing import parse
from .program import Program
from .project import Imports
from .ranks import divided_by_rank
from .readable import Readable, readable
from .rebuilding import rebuilt
from .resolve import Resolver
from .sampler_classes import samplers_without_iter
from .sampling import changes, samplers
from .seeds import seed_recipes
from .sharding import taken_by_accelerate
from .start_methods import start_method_calls
from .surroundings import surroundings
from .target import Target
from .text import Source, Span
from .torch_data import torch_data
from .training import training
from .transforms import random_transforms
from .trees import SyntaxProblem
from .unsent_results import unsent_results
from .worker_seeds import worker_seeds
from .worker_threads import raised_threads


def read(
    source: Source, target: Target, memory: Memory | None = None, imports: Imports | None = None
) -> Module:
    """The facts about `source`, for `target`; `memory` is what earlier analyses left.

    `imports` leads into the project's other modules.
    """
    program = Program(source, memory)
    program.read_first()
    resolver = Resolver(program, imports)
    classes = dataset_classes(resolver)
    calls = loader_calls(resolver, classes)
    around = surroundings(resolver)
    epochs = Epochs(resolver)
    uses = dataset_uses(resolver, classes)
    every_loop = batch_loops(resolver, calls, epochs)
    loops = tuple(loop for loop in every_loop if not loop.loader.stands)
    module = Module(
        source=source,
        target=target,
        loaders=tuple(call.fact for call in calls),
        trainers=trainer_calls(resolver, classes),
        handed=handed_workers(resolver, classes, calls),
        datasets=tuple(classes.facts),
        dataset_uses=tuple(uses),
        loops=loops,
        outside_loops=tuple(loop for loop in every_loop if loop.loader.stands),
        copies_by_name=copies_by_name(resolver, (loop.span for loop in every_loop)),
        transforms=random_transforms(resolver),
        rebuilt=tuple(rebuilt(resolver, calls, epochs)),
        changes=changes(resolver, calls, loops, epochs),
        samplers=samplers(resolver, calls),
        set_epochs=set_epochs(resolver, calls),
        taken_by_accelerate=taken_by_accelerate(resolver, calls),
        samplers_without_iter=samplers_without_iter(resolver),
        split_changes=around.split_changes,
        seed_recipes=seed_recipes(resolver),
        overflowing_seeds=overflowing_seeds(resolver, calls),
        worker_seeds=worker_seeds(resolver, calls, classes),
        raised_threads=raised_threads(resolver, calls, classes),
        start_method_calls=start_method_calls(resolver),
        unsent_results=unsent_results(resolver, calls),
        host_reads=host_reads(resolver),
        find_training=lambda: training(resolver, loops),
        problems=tuple(_problems(program)),
        frameworks=around.frameworks,
        distributed=around.distributed,
        start_method=around.start_method,
        start_method_conditional=around.start_method_conditional,
        reads_rank=around.reads_rank,
        divided=divided_by_rank(resolver, calls) if around.distributed is not None else (),
        torch_name=around.torch_name,
        torch_data=torch_data(resolver, calls, classes),
    )
    program.end()
    return module


def _problems(program: Program) -> Iterator[Problem]:
    """What cannot be read, also in blocks that no fact was looked for in."""
    read = program.read_blocks
    for index, block in enumerate(program.blocks):
        found: tuple[SyntaxProblem, ...] = ()
        if index in read:
            found = program.read(index).tree.problems
        elif readable(block.text) is Readable.TOO_DEEP:
            found = (SyntaxProblem("the code is nested too deeply to be read", Span(0, 0)),)
        elif readable(block.text) is Readable.MAYBE:
            found = parse(block.text).problems
        for problem in found:
            yield Problem(problem.span.moved(block.start), problem.message)
