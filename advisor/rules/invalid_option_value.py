import re
from collections.abc import Callable, Iterator

from ..edits import editable
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Argument, LoaderCall, Module, Scenario
from ..text import Edit, Span
from ..values import (
    Defined,
    Group,
    Known,
    Made,
    Number,
    Symbol,
    Text,
    What,
    is_none,
    shown,
    truth,
)


@rule("DL008", Severity.ERROR)
def invalid_option_value(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        for option, (refused, beside, demand) in OPTIONS.items():
            argument = call.arguments.get(option)
            if argument is None:
                continue
            scenarios = call.scenarios(option, *beside)
            if not scenarios or not all(_refused(one, option, refused) for one in scenarios):
                continue
            if _reported_elsewhere(call, option):
                continue
            yield Hit(
                argument.whole,
                f"{option} is {_described(argument)}, and torch takes only {demand}",
                _repaired(call, argument),
            )


def _refused(one: Scenario, option: str, refused: Callable[[Scenario], bool]) -> bool:
    return one[option].origin is None and refused(one)


def _batch_size(one: Scenario) -> bool:
    what = one["batch_size"].what
    if not _no_count(what, least=1) or (is_none(what) is not False and not _is_numpy(what)):
        return False  # None is a batch size of its own
    if isinstance(what, Known) and what.value == 1:  # True or 1.0
        return one["batch_sampler"].what == Known(None)
    return True  # beside a batch sampler it raises too


def _num_workers(one: Scenario) -> bool:
    what = one["num_workers"].what
    if isinstance(what, Known) and isinstance(what.value, (bool, float)):
        return bool(what.value) and not isinstance(what.value, bool)  # 0.0 counts as 0
    return _no_count(what, least=0) and not isinstance(what, Made)


def _prefetch_factor(one: Scenario) -> bool:
    what = one["prefetch_factor"].what
    if what in (Known(None), Known(1)):  # True counts as 1
        return isinstance(what, Known) and isinstance(what.value, float)
    return _no_count(what, least=1) and is_none(what) is False and not isinstance(what, Made)


def _timeout(one: Scenario) -> bool:
    what = one["timeout"].what
    if isinstance(what, Known) and isinstance(what.value, (int, float)):
        return what.value < 0
    if isinstance(what, Number):
        return what.high is not None and what.high < 0
    return isinstance(what, (Known, Text, Group, Defined)) or (
        isinstance(what, Made) and what.name == "datetime.timedelta"
    )


def _drop_last(one: Scenario) -> bool:
    what = one["drop_last"].what
    if isinstance(what, Known) and isinstance(what.value, bool):
        return False
    if not isinstance(what, (Known, Number, Text, Group, Defined)) and not _is_numpy(what):
        return False
    if truth(what) is True and is_none(one["batch_size"].what) is False:
        return True  # a batch sampler refuses it as well
    return one["batch_sampler"].what == Known(None) and is_none(one["batch_size"].what) is False


def _generator(one: Scenario) -> bool:
    what = one["generator"].what
    if isinstance(what, Made):
        return what.name in OTHER_GENERATORS and not what.part
    if isinstance(what, Known):
        return what.value is not None
    return isinstance(what, (Number, Group, Defined)) or (
        isinstance(what, Text) and not what.source
    )


def _multiprocessing_context(one: Scenario) -> bool:
    what = one["multiprocessing_context"].what
    if isinstance(what, Known):
        return what.value is not None and what.value not in ("fork", "spawn", "forkserver")
    if isinstance(what, Symbol):
        return what.name in ("multiprocessing", "torch.multiprocessing")
    return isinstance(what, (Number, Group, Defined))


def _no_count(what: What, least: int) -> bool:
    """Reports whether it is certainly no int of at least that."""
    if isinstance(what, Known):
        whole = isinstance(what.value, int) and not isinstance(what.value, bool)
        return not whole or what.value < least  # type: ignore[operator]
    if isinstance(what, Number):
        return what.kind == "float" or (what.high is not None and what.high < least)
    if isinstance(what, Text):
        return True
    return isinstance(what, (Group, Defined)) or _is_numpy(what)


def _is_numpy(what: What) -> bool:
    return isinstance(what, Made) and not what.part and what.name in SCALARS


SCALARS = frozenset(
    {"torch.tensor", "numpy.bool_"}
    | {f"numpy.{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)}
)
OTHER_GENERATORS = frozenset(
    {"numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.Generator",
     "random.Random"}
)  # fmt: skip

# Each option: what is refused, the options that matter to that, and what is taken.
OPTIONS: dict[str, tuple[Callable[[Scenario], bool], tuple[str, ...], str]] = {
    "batch_size": (_batch_size, ("batch_sampler",), "an int above 0, or None"),
    "num_workers": (_num_workers, (), "an int of at least 0"),
    "prefetch_factor": (_prefetch_factor, (), "an int above 0, or None"),
    "timeout": (_timeout, (), "a number of seconds of at least 0"),
    "drop_last": (_drop_last, ("batch_size", "batch_sampler"), "True or False"),
    "generator": (_generator, (), "a torch.Generator"),
    "multiprocessing_context": (
        _multiprocessing_context,
        (),
        "'fork', 'spawn', 'forkserver' or a context from get_context()",
    ),
}


def _reported_elsewhere(call: LoaderCall, option: str) -> bool:
    """Whether a conflict with another option raises first, and has its own rule."""
    if option in ("prefetch_factor", "multiprocessing_context"):
        return call.workers.surely_zero
    if option in ("batch_size", "drop_last"):
        cases = [one["batch_sampler"] for one in call.scenarios("batch_sampler")]
        return all(is_none(case.what) is False for case in cases)
    return False


def _described(argument: Argument) -> str:
    case = argument.only
    what = case.what if case is not None else None
    if what is None or isinstance(what, (Group, Defined)):
        return argument.code
    if isinstance(what, Text):
        return "a string"
    if isinstance(what, Number):
        return f"{'an' if what.kind == 'int' else 'a'} {what.kind}"
    return f"a {what.name}" if isinstance(what, (Made, Symbol)) else shown(what)


def _repaired(call: LoaderCall, argument: Argument) -> Fix | None:
    case = argument.only
    if case is None or argument.splatted or not editable(call):
        return None
    value = case.what.value if isinstance(case.what, Known) else None
    literal = _literal(argument, value)
    if literal is not None:
        return Fix(f"Write {literal}", (Edit(argument.span, literal),))
    if isinstance(case.what, Text) and READS_ENVIRONMENT.fullmatch(argument.code):
        if argument.name in COUNTS:
            return Fix("Make it an int", (Edit(argument.span, f"int({argument.code})"),))
    elif (
        isinstance(case.what, Number) and argument.code.count("/") == 1 and argument.name in COUNTS
    ):
        at = argument.span.start + argument.code.index("/")
        return Fix("Divide without remainder", (Edit(Span(at, at), "/"),), Safety.UNSAFE)
    return None


def _literal(argument: Argument, value: object) -> str | None:
    """The same thing in the type that torch takes."""
    if argument.name == "drop_last" and argument.code in ("0", "1", "None"):
        return "True" if argument.code == "1" else "False"
    if argument.name not in COUNTS or isinstance(value, bool):
        return None
    least = 0 if argument.name == "num_workers" else 1
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,6}", value) and int(value) >= least:
        return str(int(value)) if argument.code[:1] in "'\"" else None
    if isinstance(value, float) and value.is_integer() and value >= least:
        return str(int(value)) if argument.code[:1].isdigit() else None
    return None


COUNTS = ("batch_size", "num_workers", "prefetch_factor")
READS_ENVIRONMENT = re.compile(r"os\.(environ\[[^\]]+\]|(environ\.get|getenv)\([^()]+,[^()]+\))")
