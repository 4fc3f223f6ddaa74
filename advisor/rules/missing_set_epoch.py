from collections.abc import Iterator

from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import EpochLoop, LoaderCall, Loop, Module, SamplerUse
from ..text import Edit, Span

EVALUATION = ("val", "test", "eval", "infer", "predict")


@rule("DL105", Severity.WARNING)
def missing_set_epoch(module: Module) -> Iterator[Hit]:
    """Reports a shuffling DistributedSampler that is never told the epoch."""
    for use in module.samplers:
        loader = use.loader
        if not use.shuffles or use.set_epoch_seen or use.escapes:
            continue
        if loader.handed_to or loader.framework_hook or module.frameworks & TELLING:
            continue
        if _evaluates(use):
            continue
        loops = list(module.loops_over(loader))
        if any(loop.tells_epoch for loop in loops):
            continue
        repeated = next((loop.epochs for loop in loops if _repeats(loop)), None)
        if repeated is not None:
            yield Hit(
                use.span,
                "every epoch draws the same order: set_epoch is never called on this sampler",
                _fix(use, repeated),
                (Related(repeated.span, "the epochs begin here"),),
            )
    for loop in module.outside_loops:
        if not loop.loader.same_order or _may_be_told(module, loop.loader):
            continue
        if loop.trains and _repeats(loop):
            assert loop.epochs is not None
            yield Hit(
                loop.span,
                "every epoch draws the same order: set_epoch is never called on the sampler of "
                f"this loader ({loop.loader.same_order})",
                related=(Related(loop.epochs.span, "the epochs begin here"),),
            )


# These call set_epoch by themselves (read in lightning 2.6, accelerate 1.15, transformers 5.23).
# The loaders of opacus 1.6 have another sampler.
TELLING = frozenset({"lightning", "accelerate", "transformers", "ray", "composer", "opacus"})


def _repeats(loop: Loop) -> bool:
    """Reports whether a loop runs over the same loader in every epoch, to train."""
    if loop.kind != "for" or loop.rebuilt or loop.epochs is None or not loop.epochs.over_epochs:
        return False
    return loop.in_function is None or not _is_evaluation(loop.in_function)


def _may_be_told(module: Module, loader: LoaderCall) -> bool:
    """Reports whether something here may tell the sampler of another module's loader."""
    if module.source.tells("set_epoch") or module.frameworks & TELLING:
        return True
    return loader.handed_to is not None


def _is_evaluation(name: str) -> bool:
    return any(word in name.lower() for word in EVALUATION)


def _evaluates(use: SamplerUse) -> bool:
    names = (*use.loader.names, use.name or "")
    return any(_is_evaluation(name) for name in names)


def _fix(use: SamplerUse, epochs: EpochLoop) -> Fix | None:
    """set_epoch as the first statement of the loop, where its names are at hand."""
    if use.name is None or use.may_be_other or epochs.variable is None:
        return None
    if epochs.in_function != use.loader.function:
        return None
    newline = f"\n{epochs.indent}"
    code = f"{use.name}.set_epoch({epochs.variable}){newline}"
    if use.may_be_none:
        code = f"if {use.name} is not None:{newline}    {code}"
    title = "Tell the sampler which epoch begins"
    return Fix(title, (Edit(Span(epochs.body, epochs.body), code),), Safety.UNSAFE)
