from collections.abc import Iterator

from ..edits import add_argument, editable
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..values import Known


@rule("DL904", Severity.HINT, opt_in=True)
def unseeded_loader(module: Module) -> Iterator[Hit]:
    """Reports shuffling loaders of a seeded run that draw from torch's global generator."""
    seed = module.training.seed
    if seed is None or module.frameworks:
        return
    for call in module.loaders:
        if not _draws_globally(call) or not any(loop.trains for loop in module.loops_over(call)):
            continue
        yield Hit(
            call.arguments["shuffle"].whole,
            "the order of the batches changes with everything else that draws from torch's "
            "generator, although the run is seeded",
            _fix(module, call, seed.code),
            (Related(seed.span, "the run is seeded here"),),
        )


def _draws_globally(call: LoaderCall) -> bool:
    """Reports whether it shuffles, by torch's own sampler and without a generator."""
    if call.family not in ("torch", "stateful") or call.subclass or call.hidden:
        return False
    if call.handed_to or call.framework_hook or call.dataset_kind == "iterable":
        return False
    shuffle = call.arguments.get("shuffle")
    if shuffle is None or shuffle.splatted or any(case.origin for case in shuffle.value):
        return False
    if any(case.what != Known(True) for case in shuffle.value):
        return False
    return all(call.lacks(name) for name in ("sampler", "batch_sampler", "generator"))


def _fix(module: Module, call: LoaderCall, seed: str | None) -> Fix | None:
    """A generator of its own, where the loader is surely built once: else it begins anew."""
    once = bool(call.names) and call.function in (None, "main")
    once = once and not any(one.loader is call for one in module.rebuilt)
    once = once and not any(loop.rebuilt for loop in module.loops_over(call))
    if seed is None or not once or module.torch_name is None or not editable(call):
        return None
    code = f"{module.torch_name}.Generator().manual_seed({seed})"
    edits = add_argument(module.source, call, "generator", code)
    return Fix("Give the loader its own generator", edits, Safety.UNSAFE)
