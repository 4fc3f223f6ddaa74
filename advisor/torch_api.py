"""What is known about torch and the libraries around it: signatures, classes, versions.

Read in torch 1.7.1 to 2.15.0 (torch/utils/data/dataloader.py and sampler.py) and in
the wheels of the libraries named below.
"""

from __future__ import annotations

from collections.abc import Mapping

LOADER = "torch.utils.data.DataLoader"

# DataLoader.__init__ in the order of its positional parameters, with torch's defaults.
# Everything after multiprocessing_context is keyword-only since 1.7.
POSITIONAL = (
    "dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers",
    "collate_fn", "pin_memory", "drop_last", "timeout", "worker_init_fn",
    "multiprocessing_context", "generator",
)  # fmt: skip
DEFAULTS: Mapping[str, bool | int | str | None] = {
    "batch_size": 1,
    "shuffle": None,
    "sampler": None,
    "batch_sampler": None,
    "num_workers": 0,
    "collate_fn": None,
    "pin_memory": False,
    "drop_last": False,
    "timeout": 0,
    "worker_init_fn": None,
    "multiprocessing_context": None,
    "generator": None,
    "prefetch_factor": None,
    "persistent_workers": False,
    "pin_memory_device": "",
    "in_order": True,
}
# The first version with a keyword that is not as old as 1.7.
SINCE: Mapping[str, tuple[int, int]] = {"pin_memory_device": (1, 12), "in_order": (2, 6)}

# Classes that take torch's arguments, each with its own order of positional ones
# and the keywords it adds.
PYG_LOADER = "torch_geometric.loader.DataLoader"
DGL_LOADER = "dgl.dataloading.GraphDataLoader"  # read in dgl 2.1
STATEFUL_LOADER = "torchdata.stateful_dataloader.StatefulDataLoader"
# These sample from one graph in their workers, take more keywords than torch's, of which each
# version has its own, and hand the others on (read in torch_geometric 2.8); with what they take
# by position and torch's has as well.
GRAPH_LOADERS: Mapping[str, tuple[str, ...]] = {
    f"torch_geometric.loader.{name}": positional
    for name, positional in {
        "ClusterLoader": (), "GraphSAINTEdgeSampler": ("", "batch_size"),
        "GraphSAINTNodeSampler": ("", "batch_size"),
        "GraphSAINTRandomWalkSampler": ("", "batch_size"), "HGTLoader": (), "LinkLoader": (),
        "LinkNeighborLoader": (), "NeighborLoader": (), "NeighborSampler": (), "NodeLoader": (),
        "RandomNodeLoader": (), "ShaDowKHopSampler": (), "TemporalDataLoader": ("", "batch_size"),
    }.items()
}  # fmt: skip
LOADERS: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
    LOADER: (POSITIONAL, frozenset()),
    STATEFUL_LOADER: (POSITIONAL, frozenset({"snapshot_every_n_steps"})),
    PYG_LOADER: (
        ("dataset", "batch_size", "shuffle", "follow_batch", "exclude_keys"),
        frozenset({"follow_batch", "exclude_keys"}),
    ),
    DGL_LOADER: (
        ("dataset", "collate_fn", "use_ddp", "ddp_seed"),
        frozenset({"use_ddp", "ddp_seed"}),
    ),
    "monai.data.DataLoader": (("dataset", "num_workers"), frozenset()),
    "monai.data.ThreadDataLoader": (
        ("dataset", "buffer_size", "buffer_timeout", "repeats", "use_thread_workers"),
        frozenset({"buffer_size", "buffer_timeout", "use_thread_workers", "repeats"}),
    ),
    **{name: (positional, frozenset()) for name, positional in GRAPH_LOADERS.items()},
}  # fmt: skip

# Classes of arguments of a Trainer, which hands those named dataloader_… on to its loaders
# (read in transformers 5.23, trl 0.24 and sentence-transformers 5.1).
TRAINER_PREFIX = "dataloader_"
TRAINER_ARGUMENTS = frozenset(
    {
        "transformers.TrainingArguments", "transformers.Seq2SeqTrainingArguments",
        "transformers.training_args.TrainingArguments",
        "transformers.training_args_seq2seq.Seq2SeqTrainingArguments",
        "trl.SFTConfig", "trl.DPOConfig", "trl.GRPOConfig", "trl.RewardConfig",
        "sentence_transformers.SentenceTransformerTrainingArguments",
        "sentence_transformers.training_args.SentenceTransformerTrainingArguments",
    }
)  # fmt: skip

DATASET = "torch.utils.data.Dataset"
ITERABLE_DATASET = "torch.utils.data.IterableDataset"
SAMPLER = "torch.utils.data.Sampler"
DISTRIBUTED_SAMPLER = "torch.utils.data.DistributedSampler"

# torch.utils.data.__all__ (2.13), and what else people import from there.
TORCH_DATA_NAMES = frozenset(
    {
        "BatchSampler", "ChainDataset", "ConcatDataset", "DataChunk", "DataLoader", "Dataset",
        "DFIterDataPipe", "DistributedSampler", "IterableDataset", "IterDataPipe", "MapDataPipe",
        "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
        "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "argument_validation",
        "default_collate", "default_convert", "functional_datapipe", "get_worker_info",
        "guaranteed_datapipes_determinism", "non_deterministic", "random_split",
        "runtime_validation", "runtime_validation_disabled",
    }
)  # fmt: skip
_HOMES = (
    "torch.utils.data.dataloader",
    "torch.utils.data.dataset",
    "torch.utils.data.sampler",
    "torch.utils.data.distributed",
    "torch.utils.data._utils.worker",
    "torch.utils.data._utils.collate",
)

SAMPLERS = frozenset(
    f"torch.utils.data.{name}"
    for name in (
        "BatchSampler", "DistributedSampler", "RandomSampler", "Sampler", "SequentialSampler",
        "SubsetRandomSampler", "WeightedRandomSampler",
    )
)  # fmt: skip
MAP_DATASETS = frozenset(
    {
        "torch.utils.data.TensorDataset",
        "torch.utils.data.Subset",
        "torch.utils.data.ConcatDataset",
        "torch.utils.data.StackDataset",
    }
)
ITERABLE_DATASETS = frozenset({ITERABLE_DATASET, "torch.utils.data.ChainDataset"})

# Libraries that move batches, wrap samplers or call set_epoch by themselves.
FRAMEWORKS: Mapping[str, str] = {
    "lightning": "lightning",
    "pytorch_lightning": "lightning",
    "lightning_fabric": "lightning",
    "accelerate": "accelerate",
    "transformers": "transformers",
    "ignite": "ignite",
    "ray": "ray",
    "fastai": "fastai",
    "composer": "composer",
    "catalyst": "catalyst",
    "poptorch": "poptorch",
    "deepspeed": "deepspeed",
    "colossalai": "colossalai",
    "horovod": "horovod",
    "torch_xla": "xla",
    "opacus": "opacus",
}


def canonical(name: str) -> str:
    """One name for each thing that torch exports from several places."""
    if name.startswith("torch.utils.data"):
        for home in _HOMES:
            if name.startswith(home + "."):
                return "torch.utils.data" + name[len(home) :]
    if name.startswith("torch_geometric."):
        tail = name.rpartition(".")[2]
        if tail == "DataLoader":
            return PYG_LOADER
        own = f"torch_geometric.loader.{tail}"
        if own in GRAPH_LOADERS and name.split(".")[1] in ("data", "loader"):
            return own
    if name.startswith("monai.data.") and name.rpartition(".")[2] in (
        "DataLoader",
        "ThreadDataLoader",
    ):
        return "monai.data." + name.rpartition(".")[2]
    if name.startswith("dgl.dataloading.") and name.endswith(".GraphDataLoader"):
        return DGL_LOADER
    if name.startswith("torchdata.stateful_dataloader."):
        return STATEFUL_LOADER if name.endswith(".StatefulDataLoader") else name
    if name.startswith("pytorch_lightning"):
        return "lightning.pytorch" + name[len("pytorch_lightning") :]
    return name


def family(loader: str) -> str:
    """What a class of LOADERS is akin to: torch, stateful, pyg, graph, dgl or monai."""
    if loader in GRAPH_LOADERS:
        return "graph"
    known = {LOADER: "torch", STATEFUL_LOADER: "stateful", PYG_LOADER: "pyg", DGL_LOADER: "dgl"}
    return known.get(loader, "monai")


def is_published(name: str) -> bool:
    """Reports whether it names a dataset of torchvision or the like, that never changes."""
    libraries = ("torchvision.datasets.", "torchaudio.datasets.", "torchtext.datasets.")
    return name.startswith(libraries) and not name.endswith("Folder")
