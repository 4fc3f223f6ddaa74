"""What else of torch.utils.data a module uses: gathered from the modules that read it."""

from __future__ import annotations

from .calls import ReadCall
from .classes import Classes
from .loader_uses import loader_uses
from .one_shot import spent_samplers, spent_streams, stray_stops
from .resolve import Resolver
from .samples import uncollatable_samples
from .torch_data_calls import data_calls
from .torch_data_model import TorchData
from .torch_subclasses import sampler_inits, subset_overrides


def torch_data(resolver: Resolver, calls: list[ReadCall], classes: Classes) -> TorchData:
    """All the facts of torch_data_model about one module."""
    return TorchData(
        sampler_inits=sampler_inits(resolver),
        subset_overrides=subset_overrides(resolver),
        calls=data_calls(resolver, classes),
        loader_uses=loader_uses(resolver, calls),
        spent=(*spent_samplers(resolver, calls), *spent_streams(resolver, calls)),
        uncollatable=uncollatable_samples(resolver, classes, calls),
        stray_stops=tuple(stray_stops(resolver, classes, calls)),
    )
