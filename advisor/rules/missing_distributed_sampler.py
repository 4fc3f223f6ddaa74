from collections.abc import Iterator

from ..edits import editable
from ..findings import Fix, Hit, Related, Safety, Severity, rule
from ..model import LoaderCall, Module
from ..text import Edit
from ..values import Known

# These shard a loader by themselves, or leave it to the user on purpose.
SHARDING = frozenset(
    {"lightning", "accelerate", "transformers", "ignite", "ray", "composer", "deepspeed",
     "colossalai", "horovod", "xla", "fastai", "catalyst",
     "opacus"}
)  # fmt: skip


@rule("DL118", Severity.WARNING)
def missing_distributed_sampler(module: Module) -> Iterator[Hit]:
    """Reports a training loader of a distributed program that gives every rank all samples."""
    if module.distributed is None or module.frameworks & SHARDING:
        return
    divided = [use.loader for use in module.samplers]
    for call in module.loaders:
        if call.handed_to or call.framework_hook or call in module.divided:
            continue
        if not _gives_everything(call) or any(_is_other_way(call, one) for one in divided):
            continue
        if not any(loop.trains for loop in module.loops_over(call)):
            continue
        yield Hit(
            call.callee,
            "every rank trains on the same samples: this loader has no sampler that divides them "
            "among the ranks",
            _fix(module, call),
            (Related(module.distributed, "the program runs on several ranks"),),
        )


def _is_other_way(call: LoaderCall, divided: LoaderCall) -> bool:
    """Reports whether a loader is made in place of one that has a sampler of ranks."""
    return call.function == divided.function and not set(call.names).isdisjoint(divided.names)


def _gives_everything(call: LoaderCall) -> bool:
    scenarios = call.scenarios("shuffle", "sampler", "batch_sampler")
    if not scenarios or "use_ddp" in call.arguments:  # of dgl's, which then makes a sampler
        return False
    alone = all(s["sampler"].surely_none and s["batch_sampler"].surely_none for s in scenarios)
    shuffled = all(s["shuffle"].what == Known(True) for s in scenarios)
    return alone and (shuffled or call.dataset_kind == "map") and not _ranked(call)


def _ranked(call: LoaderCall) -> bool:
    """Reports whether the dataset's own class knows of ranks."""
    if call.dataset_class is None:
        return False
    return any("rank" in name.lower() for name in call.dataset_class.mentions)


def _fix(module: Module, call: LoaderCall) -> Fix | None:
    shuffle, dataset = call.arguments.get("shuffle"), call.arguments.get("dataset")
    if not editable(call) or dataset is None or module.torch_name is None:
        return None
    if shuffle is None or shuffle.positional or shuffle.splatted or dataset.splatted:
        return None
    if any(character in dataset.code for character in "()\n"):
        return None
    sampler = f"{module.torch_name}.utils.data.DistributedSampler({dataset.code})"
    edits = (Edit(shuffle.whole, f"sampler={sampler}"),)
    return Fix("Divide the samples among the ranks", edits, Safety.UNSAFE)
