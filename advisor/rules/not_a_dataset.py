from collections.abc import Iterator

from ..edits import editable
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import Argument, LoaderCall, Module
from ..text import Edit
from ..torch_api import ITERABLE_DATASETS, LOADERS, MAP_DATASETS, SAMPLERS
from ..values import Case, Defined, Group, Known, Made, Number, Symbol, Text, shown


@rule("DL009", Severity.ERROR)
def not_a_dataset(module: Module) -> Iterator[Hit]:
    classes = {fact.name for fact in module.datasets}
    for call in module.meant_to_work:
        for parameter in ("dataset", "sampler", "batch_sampler"):
            argument = call.arguments.get(parameter)
            if argument is None or argument in call.misplaced:
                continue
            scenarios = call.scenarios(parameter)
            troubles = {
                _of_dataset(call, argument, one[parameter], classes)
                if parameter == "dataset"
                else _of_sampler(call, one[parameter], module.samplers_without_iter)
                for one in scenarios
            }
            if not troubles or None in troubles:
                continue
            yield Hit(argument.span, str(min(map(str, troubles))), _repaired(call, argument))


def _of_dataset(call: LoaderCall, argument: Argument, case: Case, classes: set[str]) -> str | None:
    """What is wrong with the dataset; None where nothing is known to be."""
    what = case.what
    if case.origin is not None:
        return None
    if (isinstance(what, Defined) and what.kind == "class" and what.name in classes) or (
        isinstance(what, Symbol) and what.name in MAP_DATASETS | ITERABLE_DATASETS
    ):
        # with a sampler: Dataset[3] is a type, as list[int] is one
        raises = "the first batch raises TypeError" if _in_order(call) else "it was never called"
        return f"the class {shown(what)} is no dataset yet: {raises}"
    if isinstance(what, Defined) and what.kind != "class":
        return f"the function {what.name} is no dataset: the first batch raises TypeError"
    if isinstance(what, Group) and what.kind in ("generator", "set"):
        return f"a {what.kind} has no samples by index: the first batch raises TypeError"
    if isinstance(what, Made) and what.name in WITHOUT_INDEX and not what.part:
        return (
            f"what {shown(what)}() gives has no samples by index: the first batch raises TypeError"
        )
    if isinstance(what, Made) and what.name in LOADERS and not what.part and what.within is None:
        return "a loader has no samples by index: the first batch raises TypeError"
    if isinstance(what, (Text, Known, Number)) and "." in argument.code:
        return None  # an attribute may keep the place for what a subclass or a framework sets
    if isinstance(what, Text) or (isinstance(what, Known) and isinstance(what.value, (str, bytes))):
        return "a string is no dataset: every batch is made of its characters"
    if isinstance(what, (Known, Number)):
        return f"the dataset is {shown(what)}: the first batch raises TypeError"
    if call.dataset_form == "columns":
        return "a tuple of arrays is a dataset of its columns: a sample is one whole array"
    if call.dataset_form == "mapping" and _in_order(call):
        return "the dict has strings for keys and torch asks for 0: the first batch raises KeyError"
    return None


def _in_order(call: LoaderCall) -> bool:
    """Whether torch draws the indices itself."""
    scenarios = call.scenarios("sampler", "batch_sampler")
    return bool(scenarios) and all(
        case.what == Known(None) for one in scenarios for case in one.values()
    )


def _of_sampler(call: LoaderCall, case: Case, without_iter: frozenset[str]) -> str | None:
    what = case.what
    if case.origin is not None or call.dataset_kind == "iterable":
        return None
    if isinstance(what, Made) and what.within is not None and what.name in without_iter:
        return (
            f"the sampler {what.name} defines no __iter__: the first batch raises "
            "NotImplementedError"
        )
    raises = "torch cannot iterate over it and the first batch raises TypeError"
    if (isinstance(what, Defined) and what.kind == "class") or (
        isinstance(what, Symbol) and what.name in SAMPLERS
    ):
        return f"the class {shown(what)} is no sampler yet: {raises}"
    if isinstance(what, Defined):
        return f"the function {what.name} is no sampler: {raises}"
    if isinstance(what, Number) or (
        isinstance(what, Known) and isinstance(what.value, (int, float, complex))
    ):
        return f"the sampler is {shown(what)}: {raises}"
    if isinstance(what, Known) and isinstance(what.value, str) and what.value:
        if isinstance(call.cases("dataset")[0].what, Group):
            return None  # a dict's keys may be its letters
        return f"the sampler is {shown(what)}: its characters are taken for indices"
    return None


WITHOUT_INDEX = frozenset(f"builtins.{name}" for name in ("enumerate", "filter", "map", "zip"))


def _repaired(call: LoaderCall, argument: Argument) -> Fix | None:
    case = argument.only
    if not editable(call) or argument.splatted or case is None or argument.name != "dataset":
        return None
    what = case.what
    if isinstance(what, (Defined, Symbol)) and what != Defined("lambda", "<lambda>", None):
        if argument.code.replace(".", "").isidentifier():
            return Fix("Call it", (Edit(argument.span, f"{argument.code}()"),), Safety.UNSAFE)
        return None
    if isinstance(what, Group) and what.kind == "generator":
        if call.dataset_form == "endless":
            return None
        code = argument.code if argument.code.startswith("(") else f"({argument.code})"
        return Fix("Make it a list", (Edit(argument.span, f"list{code}"),), Safety.UNSAFE)
    if isinstance(what, Made) and what.name in WITHOUT_INDEX:
        edit = Edit(argument.span, f"list({argument.code})")
        return Fix("Make it a list", (edit,), Safety.UNSAFE)
    return None
