"""Functions given to a loader: collate_fn and worker_init_fn."""

from __future__ import annotations

import libcst as cst

from .classes_model import Callback
from .resolve import Resolver
from .scopes import Place
from .text import Span


def callback(
    resolver: Resolver, node: cst.BaseExpression, place: Place, span: Span
) -> Callback | None:
    """What is known of the function that `node` gives; None where it is None."""
    return None
