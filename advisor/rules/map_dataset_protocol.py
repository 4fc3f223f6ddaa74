"""DL010: a map-style dataset lacks what a loader calls, or has it with another signature."""

from __future__ import annotations

from collections.abc import Iterator

from ..classes_model import DatasetClass, Method
from ..findings import Fix, Hit, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit, Span
from ..usage import concrete, loaders_of
from ..values import Known, Number, What

INDEX_NAMES = frozenset({"idx", "index", "i", "item", "ind", "ix", "key", "sample_idx", "item_idx"})


@rule("DL010", Severity.ERROR)
def map_dataset_protocol(module: Module) -> Iterator[Hit]:
    """Reports datasets that raise when a loader asks them for their length or an item."""
    told: set[Span] = set()
    for dataset in concrete(module):
        if dataset.kind != "map":
            continue
        # one that is only derived from hands objects of those classes to its loaders
        is_base = dataset.subclassed and not dataset.instantiated
        loaders = () if is_base else loaders_of(module, dataset)
        for hit in (*_item(module, dataset, loaders), *_length(module, dataset, loaders)):
            if hit.span not in told:
                told.add(hit.span)
                yield hit


def _item(module: Module, dataset: DatasetClass, loaders: tuple[LoaderCall, ...]) -> Iterator[Hit]:
    if "__getitems__" in dataset.bound:
        return  # torch asks for whole batches then
    method = dataset.methods.get("__getitem__")
    if method is None:
        if loaders and not dataset.has("__getitem__", "__iter__"):
            yield _missing(module, dataset, "__getitem__", MISSPELT_ITEM, RAISES_WITHOUT_ITEM)
        return
    if method.decorated or method.signature.takes(1):
        return
    called_by_hand = ".__getitem__(" in module.source.whole.replace("super().__getitem__(", "")
    if not loaders and (method.is_abstract or called_by_hand):
        return
    certain = bool(loaders) or dataset.instantiated
    yield Hit(
        method.span,
        f"__getitem__ of {dataset.name} {_wrong(method)}: torch calls it with one index, "
        "and raises TypeError at the first batch",
        _with_index(module, method),
        severity=None if certain else Severity.WARNING,
    )


RAISES_WITHOUT_ITEM = "torch raises NotImplementedError at the first batch"
MISSPELT_ITEM = frozenset({"getitem", "getitems", "getitm", "getiem"})
MISSPELT_LENGTH = frozenset({"len", "length", "lenght", "size", "leng"})


def _wrong(method: Method) -> str:
    signature = method.signature
    if signature.required_keywords:
        return f"needs the keyword argument {signature.required_keywords[0]!r}"
    if signature.least > 1:
        return f"needs {signature.least} arguments"
    return "takes no index"


def _with_index(module: Module, method: Method) -> Fix | None:
    """Add the index as a parameter: safe where nothing that works today can change by it."""
    written = module.source.code(method.parameters)
    if method.signature.most != 0 or not written.strip() or "*" in written:
        return None
    candidates = [name for name in method.undefined_reads if name in INDEX_NAMES]
    if len(candidates) > 1:
        return None
    if candidates:
        name, safety = candidates[0], Safety.SAFE
    else:
        name = next(name for name in ("index", "idx", "i") if name not in method.mentions)
        # names that nothing binds raise before and after
        safety = Safety.SAFE if method.undefined_reads else Safety.UNSAFE
    at = method.parameters.start + len(written.rstrip())
    text = f" {name}" if written.rstrip().endswith(",") else f", {name}"
    return Fix(f"Take the index as {name}", (Edit(Span(at, at), text),), safety)


def _length(
    module: Module, dataset: DatasetClass, loaders: tuple[LoaderCall, ...]
) -> Iterator[Hit]:
    asking = [call for call in loaders if _asks_for_the_length(call)]
    method = dataset.methods.get("__len__")
    if not asking or ("__iter__" in dataset.bound and "__getitem__" not in dataset.bound):
        return
    if method is None:
        if not dataset.has("__len__"):
            line = module.source.line_at(asking[0].span.start)
            raises = f"the loader on line {line} has no sampler and raises TypeError"
            yield _missing(module, dataset, "__len__", MISSPELT_LENGTH, raises)
        return
    wrong = _wrong_length(method)
    if wrong:
        yield Hit(method.span, f"__len__ of {dataset.name} {wrong}: torch raises TypeError")


def _asks_for_the_length(call: LoaderCall) -> bool:
    scenarios = call.scenarios("sampler", "batch_sampler")
    return bool(scenarios) and all(
        one["sampler"].what == Known(None) and one["batch_sampler"].what == Known(None)
        for one in scenarios
    )


def _wrong_length(method: Method) -> str | None:
    if method.is_property:
        return "is a property, so that len() calls the number"
    if method.decorated or method.is_abstract:
        return None
    if not method.signature.takes(0):
        return "needs an argument that len() does not give"
    if method.is_generator or not method.returns:
        return None
    if all(what == Known(None) for what in method.returns):
        return "gives None"
    return "gives a float" if all(map(_is_float, method.returns)) else None


def _is_float(what: What) -> bool:
    if isinstance(what, Number):
        return what.kind == "float"
    return isinstance(what, Known) and isinstance(what.value, float)


def _missing(
    module: Module, dataset: DatasetClass, name: str, misspelt: frozenset[str], raises: str
) -> Hit:
    for method in dataset.methods.values():
        if method.name.startswith("_") and method.name.replace("_", "").lower() in misspelt:
            once = module.source.whole.count(method.name) == 1
            fix = Fix(f"Rename to {name}", (Edit(method.span, name),)) if once else None
            words = f"{method.name} of {dataset.name} stands in place of {name}: {raises}"
            return Hit(method.span, words, fix)
    return Hit(dataset.span, f"class {dataset.name} has no {name}: {raises}")
