from collections.abc import Iterator

from ..edits import removal
from ..findings import Hit, Safety, Severity, rule
from ..model import DatasetUse, LoaderCall, Module
from ..values import Case, Known, is_none, truth


@rule("DL007", Severity.ERROR)
def iterable_dataset_sampling(module: Module) -> Iterator[Hit]:
    for call in module.meant_to_work:
        if call.dataset_kind != "iterable":
            continue
        name = call.dataset_class.name if call.dataset_class else "the dataset"
        for option in ("shuffle", "sampler", "batch_sampler"):
            argument = call.arguments.get(option)
            if argument is None or not _refused(call, option):
                continue
            if option != "shuffle" and argument in call.misplaced:
                continue
            yield Hit(
                argument.whole,
                f"{option} is about the order, and {name} is an IterableDataset with its own: "
                "torch raises ValueError",
                removal(module.source, call, argument, Safety.UNSAFE),
            )
    for use in module.dataset_uses:
        if use.dataset_kind == "iterable" and _fails(use):
            demand, effect = DEMANDS[use.taker]
            name = use.dataset_class.name if use.dataset_class else "the dataset"
            yield Hit(use.span, f"{demand}, and {name} is an IterableDataset: {effect}")


def _refused(call: LoaderCall, option: str) -> bool:
    scenarios = call.scenarios(option)
    return bool(scenarios) and all(
        one[option].origin is None and _set(option, one[option]) for one in scenarios
    )


def _set(option: str, case: Case) -> bool:
    if option != "shuffle":
        return is_none(case.what) is False
    # torch lets False and None pass, and 0 equals False
    if isinstance(case.what, Known):
        return case.what.value is not None and case.what.value != 0
    return truth(case.what) is True


def _fails(use: DatasetUse) -> bool:
    if use.taker in ("Subset", "ConcatDataset"):
        return True
    fact = use.dataset_class  # the others ask for no more than a length
    return fact is not None and not fact.has("__len__")


DEMANDS = {
    "Subset": (
        "a Subset asks for samples by index",
        "the first one raises NotImplementedError",
    ),
    "ConcatDataset": (
        "a ConcatDataset takes map-style datasets only",
        "torch raises AssertionError",
    ),
    "RandomSampler": ("a RandomSampler asks for the length", "torch raises TypeError"),
    "DistributedSampler": ("a DistributedSampler asks for the length", "torch raises TypeError"),
    "random_split": ("random_split asks for the length", "torch raises TypeError"),
}
