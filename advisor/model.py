"""The facts about one module that rules read. All places are in the module's text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from .classes_model import Callback, DatasetClass, DeviceCall, Kept
from .target import Target
from .text import Edit, Source, Span
from .torch_api import DEFAULTS
from .torch_data_model import TorchData
from .values import (
    ABSENT,
    UNKNOWN,
    Case,
    Defined,
    Given,
    Known,
    Number,
    Origin,
    Unknown,
    Value,
    What,
    consistent,
    interval,
    number_kind,
)

Scenario = Mapping[str, Case]  # argument name -> what it is, in one way things can be


@dataclass(frozen=True)
class Argument:
    """One argument of a call.

    `span` is its value's place, `whole` includes the keyword; `behind` is the empty place
    behind its comma, or its end. All three are those of the `**` where `splatted`.
    """

    name: str
    span: Span
    whole: Span
    behind: Span
    value: Value
    code: str
    positional: bool = False
    splatted: bool = False

    @property
    def after(self) -> int:
        """The offset behind it and its comma."""
        return self.behind.start

    @property
    def only(self) -> Case | None:
        """Its one case; None where it has several."""
        return self.value[0] if len(self.value) == 1 else None


@dataclass(frozen=True)
class BatchClass:
    """A class of batches that is neither a mapping nor a sequence; `pins` by a pin_memory()."""

    name: str
    span: Span
    pins: bool


@dataclass(frozen=True, eq=False)
class LoaderCall:
    """A construction of a DataLoader, or of a class that takes its arguments.

    `family` is torch (DataLoader or a plain subclass that forwards everything),
    stateful, pyg, graph (one of pyg's that samples from a graph), dgl, monai, or trainer for the
    arguments of one that makes its loaders itself: theirs begin with `prefix`, and are named
    here without it. `hidden` says that a `*` or `**` which could not be followed may carry any
    argument; `ways` are the conditions under which the call is reached.
    """

    family: str
    class_name: str
    span: Span
    callee: Span
    end: Span  # the empty place before the closing parenthesis
    written: tuple[Argument, ...]  # the arguments as they stand, ** included
    arguments: Mapping[str, Argument]
    hidden: bool
    ways: tuple[Given, ...]
    unknown_keywords: tuple[Argument, ...] = ()
    repeated: tuple[Argument, ...] = ()  # given by keyword and by position
    surplus: tuple[Argument, ...] = ()  # positional ones beyond the last parameter
    names: tuple[str, ...] = ()  # what it is assigned to: `loader`, `self.train_loader`
    function: str | None = None  # the function it stands in
    keyword: str = ""  # under which it is given to a call on the spot
    given_names: tuple[str, ...] = ()  # what calls of that function, which returns it, assign to
    in_class: str | None = None
    framework_hook: bool = False  # train_dataloader() and the like, called by a framework
    handed_to: str | None = None  # accelerate and the like: who takes over the batches
    subclass: bool = False  # of a class in this file; its own methods may differ
    dataset_class: DatasetClass | None = None
    inner_classes: tuple[DatasetClass, ...] = ()  # of datasets that its dataset is made from
    dataset_kind: str | None = None  # map, iterable; None where it is not known
    in_memory: bool = False  # the dataset hands out rows of tensors that are in memory
    device_rows: DeviceCall | None = None  # what puts those tensors on a GPU
    moved: bool = False  # what it reads may have been put on a device before
    dataset_form: str | None = None  # columns (a tuple of arrays), mapping (by strings), endless
    collate: Callback | None = None
    batch_class: BatchClass | None = None  # of this file: what its collate_fn gives
    worker_init: Callback | None = None
    prefix: str = ""
    may_raise: bool = False  # the code expects that, and catches it
    # Of one that a function of another module makes, its places are in that text:
    stands: str = ""  # "data.py, line 12"
    same_order: str = ""  # where its DistributedSampler shuffles, if it is told no epoch there

    @property
    def closing(self) -> int:
        """The offset of the closing parenthesis."""
        return self.end.start

    def lacks(self, name: str) -> bool:
        """Reports whether the argument is certainly not given."""
        return name not in self.arguments and not self.hidden

    def refusal(self, option: str) -> str:
        """Who raises because of an option that needs workers, and when."""
        if not self.prefix:
            when = "at the first batch" if option == "timeout" else "when the loader is built"
            return f"torch raises {when}"
        if option == "prefetch_factor":
            return f"{self.class_name} raises"
        return "torch raises when the Trainer builds its loader"

    def cases(self, name: str) -> Value:
        """What the argument can be, torch's default where it is not given."""
        argument = self.arguments.get(name)
        default = Case(Known(DEFAULTS.get(name)))
        if argument is None:
            return (Case(UNKNOWN),) if self.hidden else (default,)
        return tuple(
            Case(default.what, case.given, case.origin) if case.what == ABSENT else case
            for case in argument.value
        )

    def scenarios(self, *names: str) -> tuple[Scenario, ...]:
        """Every consistent choice of what these arguments are; torch's defaults filled in.

        Empty where the call cannot be reached with any value known here.
        """
        known = self._scenarios.get(names)
        if known is not None:
            return known
        found: list[Scenario] = []
        for way in self.ways:
            for choice in product(*(self.cases(name) for name in names)):
                together = consistent(way, *(case.given for case in choice))
                if together is not None and _one_call(choice) and not _set_aside(choice, way):
                    found.append(dict(zip(names, choice, strict=True)))
        self._scenarios[names] = tuple(found)
        return self._scenarios[names]

    @cached_property
    def _scenarios(self) -> dict[tuple[str, ...], tuple[Scenario, ...]]:
        return {}

    @cached_property
    def misplaced(self) -> tuple[Argument, ...]:
        """Positional arguments that cannot be meant for the parameter they reach.

        A count or a function where shuffle, a sampler or a batch sampler belongs.
        """
        if self.family not in ("torch", "stateful"):
            return ()  # others have another order
        return tuple(
            one
            for one in self.written
            if one.positional
            and one.name in ("shuffle", "sampler", "batch_sampler")
            and one.value
            and all(_strays(one.name, case) for case in one.value)
        )

    @cached_property
    def workers(self) -> Workers:
        return Workers(tuple(s["num_workers"] for s in self.scenarios("num_workers")))

    @property
    def needless_workers(self) -> int:
        """How many workers it surely has that only hand on what is in memory already."""
        argument = self.arguments.get("num_workers")
        case = argument.only if argument is not None else None
        if case is None or case.origin is not None or not self.in_memory:
            return 0
        if not self.lacks("collate_fn") or self.subclass or self.may_use_threads:
            return 0
        number = case.what.value if isinstance(case.what, Known) else 0
        return number if isinstance(number, int) and number > 0 else 0

    @property
    def may_use_threads(self) -> bool:
        """Reports whether its workers may be threads, which MONAI's ThreadDataLoader can have."""
        return self.family == "monai" and any(
            case.what not in (Known(False), Known(None))
            for case in self.cases("use_thread_workers")
        )

    @property
    def may_start_processes(self) -> bool:
        """Reports whether it may have workers, and they are processes."""
        return not self.workers.surely_zero and not self.may_use_threads


def _one_call(choice: tuple[Case, ...]) -> bool:
    """Reports whether no parameter has what one call gives it and what another gives it."""
    given: dict[str, Origin] = {}
    for case in choice:
        if case.origin is None:
            continue
        words = case.origin.label.removeprefix("the default of ").partition(", as given")[0]
        if words.startswith("parameter ") and given.setdefault(words, case.origin) != case.origin:
            return False
    return True


def _set_aside(choice: tuple[Case, ...], way: Given) -> bool:
    """Reports whether a default holds only where this way to the call is not taken."""
    return any(case.origin is not None and (case.origin.label, False) in way for case in choice)


def _strays(parameter: str, case: Case) -> bool:
    if case.origin is not None:
        return False
    if isinstance(case.what, Defined):
        return case.what.kind in ("function", "lambda")
    if number_kind(case.what) != "int" or isinstance(getattr(case.what, "value", 2), bool):
        return False
    bounds = interval(case.what)
    # 0 and 1 are also a way to say whether to shuffle
    return parameter != "shuffle" or (
        bounds is not None and bounds[0] is not None and bounds[0] > 1
    )


@dataclass(frozen=True)
class DatasetUse:
    """A dataset handed to a sampler, a split or a combination of torch's.

    `taker` is its name there, such as RandomSampler or random_split.
    """

    taker: str
    find_span: Callable[[], Span]
    dataset_class: DatasetClass | None
    dataset_kind: str | None

    @property
    def span(self) -> Span:
        """The dataset's place among the arguments."""
        return self.find_span()


@dataclass(frozen=True)
class Workers:
    """What is known of num_workers."""

    cases: tuple[Case, ...]

    @property
    def surely_zero(self) -> bool:
        """Zero, and not merely by a default that may be overridden."""
        return bool(self.cases) and all(
            case.what == Known(0) and case.origin is None for case in self.cases
        )

    @property
    def surely_some(self) -> bool:
        """More than zero wherever it is known, and known: literals and defaults alike."""
        return bool(self.cases) and all(_least(case) >= 1 for case in self.cases)

    @property
    def some(self) -> Case | None:
        """More than zero for one caller or by one default, whatever it is for others."""
        return next(
            (one for one in self.cases if _least(one) >= 1 or _is_share_of_cores(one.what)), None
        )

    @property
    def surely_several(self) -> bool:
        """At least two."""
        return bool(self.cases) and all(_least(case) >= 2 for case in self.cases)

    @property
    def by_default(self) -> bool:
        """Some case is only a default."""
        return any(case.origin is not None for case in self.cases)

    @property
    def unknown(self) -> bool:
        return not self.cases or any(isinstance(case.what, Unknown) for case in self.cases)

    @property
    def exact(self) -> int | None:
        """The number, where it is one known constant (fixed or by default)."""
        values = {
            case.what.value
            for case in self.cases
            if isinstance(case.what, Known) and isinstance(case.what.value, int)
        }
        if len(values) != 1 or any(not isinstance(case.what, Known) for case in self.cases):
            return None
        return int(values.pop())

    @property
    def most(self) -> tuple[int, Origin | None] | None:
        """The greatest number, for one caller or by one default, and that default.

        Left out is what a condition decides about, or a loop over several numbers.
        """
        known = [
            (int(case.what.value), case.origin)
            for case in self.cases
            if isinstance(case.what, Known)
            and isinstance(case.what.value, int)
            and all(case.what == one.what for one in self.cases if one.origin == case.origin)
            and (not case.given or self.exact is not None)
        ]
        return max(known, key=lambda one: one[0], default=None)


def _least(case: Case) -> float:
    bounds = interval(case.what)
    if bounds is None or number_kind(case.what) != "int" or bounds[0] is None:
        return -1
    return bounds[0]


def _is_share_of_cores(what: What) -> bool:
    """Such as `os.cpu_count() // 4`, which only a machine with fewer cores makes zero."""
    return isinstance(what, Number) and "cpu_count()" in what.source and what.low == 0


@dataclass(frozen=True)
class EpochLoop:
    """A loop around the loop over batches.

    `variable` is its target where that is one plain name; `counted` says that it runs
    over a range or is an endless while; `named` that its variable is called like an
    epoch. `body` is where its first statement starts. `reseeds` says that each round seeds the
    generators anew.
    """

    span: Span  # the loop's header, from `for` to the colon
    variable: str | None
    counted: bool
    named: bool
    body: int
    indent: str
    in_function: str | None = None
    reseeds: bool = False

    @property
    def over_epochs(self) -> bool:
        return self.counted or self.named


@dataclass(frozen=True)
class Copy:
    """A batch, or a part of it, is copied to a device inside the loop.

    `device` is cuda, maybe-cuda (cuda where there is one), cpu, other or unknown, and `target` is
    the expression that says it. `stands` is the place of a copy in a function of another module,
    such as "move.py, line 4"; `span` is then the call of the function. `apart` says that it stands
    in a function of this file which the loop calls.
    """

    span: Span
    method: str  # cuda, to, or the helper's name
    device: str
    non_blocking: bool
    without_waiting: Edit | None  # what makes it non_blocking; None for one that stands elsewhere
    pinning: Span | None = None  # `.pin_memory()` right before it
    target: str = ""
    stands: str = ""
    converted: bool = False  # right before, and so perhaps from memory that is not pinned
    waited_for: bool = False  # right after, so that there is nothing to overlap with
    joined: bool = False  # the loop put it together, in memory that is not pinned
    apart: bool = False


@dataclass(frozen=True)
class Handler:
    """An except clause in or around a loop over batches.

    `inside` says that it stands in the loop's body and so cannot see loading errors.
    """

    span: Span
    exceptions: tuple[str, ...]
    inside: bool
    around_step: bool  # the try holds the body's work, not an explicit next()
    continues: bool  # ends with a `continue` that changes nothing
    continue_span: Span | None
    raises: bool
    talks_of_loading: bool
    quiet: bool  # prints, logs, passes or continues, nothing else


@dataclass(frozen=True)
class Timing:
    """A clock is read right before and right after a loop over batches."""

    first: Span
    last: Span
    clock: str  # time.time, time.perf_counter, …
    warmed_up: bool
    label_from_index: Span | None  # a worker count computed from the loop's index


@dataclass(frozen=True)
class KeptTensor:
    """A tensor of the batch, uncopied, is put into a list that outlives the loop.

    `is_array` says that it is kept as an array of numpy in the same memory.
    """

    span: Span
    is_array: bool
    container: str


@dataclass(frozen=True)
class Loop:
    """A place that takes batches from a loader.

    `kind` is for, comprehension, next (`next(iter(loader))`), step (`next(iterator)` in a
    loop) or whole (`list(loader)`).
    `epochs` is the loop that repeats it, None where it runs once as far as can be seen.
    `elsewhere` says that it stands in a function of another module, which is called at `span`;
    `told_where_made`, that a caller in another module makes the loader, and is told what it lacks.
    """

    loader: LoaderCall
    kind: str
    span: Span
    epochs: EpochLoop | None
    rebuilt: bool  # the loader is constructed anew for each repetition
    at_import: bool  # runs when the file is imported: no function, no main guard
    in_function: str | None
    copies: tuple[Copy, ...] = ()
    body_is_trivial: bool = False
    handlers: tuple[Handler, ...] = ()
    timing: Timing | None = None
    conditional: bool = False  # stands under an `if` inside the repeating loop
    breaks: bool = False  # leaves the loop in its first round, whatever happens
    trains: bool = False  # calls backward()
    reentered: Span | None = None  # where else its very loader is iterated over meanwhile
    late_set_epochs: tuple[Span, ...] = ()  # on the loader's sampler, once per batch
    kept_tensors: tuple[KeptTensor, ...] = ()
    elsewhere: bool = False
    told_where_made: bool = False
    tells_epoch: bool = False  # set_epoch is called in the other module where the loop stands


@dataclass(frozen=True)
class Transform:
    """A class of transforms that draws from the generator it keeps."""

    name: str
    generator: Kept


@dataclass(frozen=True)
class Rebuilt:
    """A loader is constructed inside an epoch loop although nothing in it changes.

    `statement` is the assignment that makes it, whole lines; None where it is no
    statement of its own.
    """

    loader: LoaderCall
    loop: EpochLoop
    seeded: bool  # a generator with a constant seed is made anew too
    statement: Span | None = None


@dataclass(frozen=True)
class DatasetChange:
    """A dataset is changed between epochs: `ds.epoch = e`, `loader.dataset.set_epoch(e)`."""

    loader: LoaderCall
    span: Span
    what: str  # the attribute or method
    epochs: EpochLoop


@dataclass(frozen=True)
class SamplerUse:
    """A DistributedSampler that a loader uses; or, under some condition, None or another one."""

    loader: LoaderCall
    span: Span
    shuffles: bool  # no literal shuffle=False
    name: str | None
    may_be_none: bool
    may_be_other: bool
    set_epoch_seen: bool
    escapes: bool
    pads: bool = True  # repeats samples until every rank has as many; no literal drop_last


@dataclass(frozen=True)
class SetEpoch:
    """`loader.sampler.set_epoch(…)`; `attribute` is sampler or batch_sampler."""

    span: Span
    loader: LoaderCall
    attribute: str


@dataclass(frozen=True)
class Taken:
    """A loader is given to a prepare() of accelerate, which divides it among the ranks."""

    loader: LoaderCall
    span: Span
    waits: bool = False  # the Accelerator is made here, and copies no batch without waiting


@dataclass(frozen=True)
class SplitChange:
    """`part.dataset.attribute = …` on one of the parts of one dataset, made by `split`."""

    span: Span
    part: str
    attribute: str
    others: tuple[str, ...]
    split: Span


@dataclass(frozen=True)
class SeedRecipe:
    """`np.random.seed(np.random.get_state()[1][0] + worker_id)` in worker code."""

    span: Span
    argument: Span
    function: str
    has_torch: bool


@dataclass(frozen=True)
class OverflowingSeed:
    """A worker_init_fn gives numpy torch's seed of the worker, which is too big for it."""

    span: Span
    argument: Span
    needs_parentheses: bool  # before an operator may follow


@dataclass(frozen=True)
class WorkerSeed:
    """A seed that is set in worker code and is the same in every epoch.

    `library` is whose generator it seeds: numpy, random or torch. `by_worker` says that
    the worker's number is part of it. It stands in the worker_init_fn of `loader`, or in
    `dataset`. `has_torch` says that torch's own seed could take its place.
    """

    span: Span
    argument: Span
    library: str
    by_worker: bool
    has_torch: bool
    loader: LoaderCall | None = None
    dataset: DatasetClass | None = None


@dataclass(frozen=True)
class RaisedThreads:
    """`torch.set_num_threads(count)` in worker code, with two threads or more.

    It stands in a callback of `loader`, or in `dataset`.
    """

    span: Span
    argument: Span
    count: str  # in words
    loader: LoaderCall | None = None
    dataset: DatasetClass | None = None


@dataclass(frozen=True)
class StartMethodCall:
    """`set_start_method("spawn")`, not forced, where nothing catches that it raises.

    `at_import` says that it runs whenever the file is imported; `earlier` is the call that
    has set the method already.
    """

    span: Span
    method: str
    at_import: bool
    earlier: Span | None


@dataclass(frozen=True)
class UnsentResult:
    """A part of what a collate_fn returns that pickle refuses; `words` say what it is.

    `in_parentheses` is said of a generator expression with a pair of its own.
    """

    span: Span
    words: str
    in_parentheses: bool
    loader: LoaderCall


@dataclass(frozen=True)
class HostRead:
    """A copy to the CPU that does not wait, and is read in the same expression.

    `method` reads it; `argument` is what has to go for the copy to wait, empty where the
    text is not plain.
    """

    span: Span
    method: str
    argument: tuple[Span, ...]


@dataclass(frozen=True)
class RunSeed:
    """Where a run seeds torch; `code` is the seed where it is a literal."""

    span: Span
    code: str | None


@dataclass(frozen=True)
class Training:
    """What the code that trains tells, where a module has any.

    `normalised` is where a BatchNorm1d is built; `stays_on_cpu` says that not a word in the
    module speaks of an accelerator.
    """

    seed: RunSeed | None = None
    normalised: Span | None = None
    stays_on_cpu: bool = False


@dataclass(frozen=True)
class Problem:
    """Code that could not be read."""

    span: Span
    message: str


@dataclass(frozen=True)
class Module:
    """Everything that rules may know of one module."""

    source: Source
    target: Target
    loaders: tuple[LoaderCall, ...]
    trainers: tuple[LoaderCall, ...] = ()  # the arguments of such
    handed: tuple[LoaderCall, ...] = ()  # calls that give a number of workers to others' loaders
    datasets: tuple[DatasetClass, ...] = ()
    dataset_uses: tuple[DatasetUse, ...] = ()
    loops: tuple[Loop, ...] = ()
    outside_loops: tuple[Loop, ...] = ()  # over loaders that other modules make
    transforms: tuple[Transform, ...] = ()  # that draw from a generator of their own
    # in each loop over what is a loader by its name alone
    copies_by_name: tuple[tuple[Copy, ...], ...] = ()
    rebuilt: tuple[Rebuilt, ...] = ()
    changes: tuple[DatasetChange, ...] = ()
    samplers: tuple[SamplerUse, ...] = ()
    set_epochs: tuple[SetEpoch, ...] = ()
    taken_by_accelerate: tuple[Taken, ...] = ()
    split_changes: tuple[SplitChange, ...] = ()
    seed_recipes: tuple[SeedRecipe, ...] = ()
    overflowing_seeds: tuple[OverflowingSeed, ...] = ()
    worker_seeds: tuple[WorkerSeed, ...] = ()
    raised_threads: tuple[RaisedThreads, ...] = ()
    start_method_calls: tuple[StartMethodCall, ...] = ()
    unsent_results: tuple[UnsentResult, ...] = ()
    host_reads: tuple[HostRead, ...] = ()
    find_training: Callable[[], Training] = Training
    problems: tuple[Problem, ...] = ()
    frameworks: frozenset[str] = frozenset()
    distributed: Span | None = None  # where torch.distributed is set up or a model wrapped
    start_method: str | None = None  # set_start_method("spawn") in this file
    start_method_conditional: bool = False
    reads_rank: bool = False
    samplers_without_iter: frozenset[str] = frozenset()  # classes of this file
    divided: tuple[LoaderCall, ...] = ()  # loaders whose dataset was made with a rank
    torch_name: str | None = None  # what `torch` is called here; None where not imported
    torch_data: TorchData = field(default_factory=TorchData)

    @cached_property
    def training(self) -> Training:
        """Looked for when it is asked for: the rules that do are off by default."""
        return self.find_training()

    @property
    def every_loop(self) -> tuple[Loop, ...]:
        """The loops over loaders of this file, and over those that other modules make."""
        return (*self.loops, *self.outside_loops)

    @property
    def meant_to_work(self) -> tuple[LoaderCall, ...]:
        """The constructions of which the code does not expect that they raise."""
        return tuple(call for call in self.loaders if not call.may_raise)

    def loops_over(self, loader: LoaderCall) -> Iterator[Loop]:
        return (loop for loop in self.loops if loop.loader is loader)

    def pickling_reason(self, loader: LoaderCall | None = None) -> str | None:
        """Why workers get a pickled copy, with the reason's words; None where they are forked."""
        if loader is not None:
            for case in loader.cases("multiprocessing_context"):
                if case.what in (Known("spawn"), Known("forkserver")):
                    assert isinstance(case.what, Known)
                    return f"multiprocessing_context is {case.what.value!r}"
        if self.start_method in ("spawn", "forkserver"):
            may = "may set" if self.start_method_conditional else "sets"
            return f"this file {may} the start method {self.start_method!r}"
        return self.target.pickling_reason

    @property
    def pickles_here(self) -> bool:
        """The code itself asks for spawn or forkserver, whatever the target."""
        return self.start_method in ("spawn", "forkserver")
