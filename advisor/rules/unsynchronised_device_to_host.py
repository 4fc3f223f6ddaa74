from collections.abc import Iterator

from ..findings import Fix, Hit, Severity, rule
from ..model import Module
from ..text import Edit


@rule("DL115", Severity.ERROR)
def unsynchronised_device_to_host(module: Module) -> Iterator[Hit]:
    """Reports copies to the CPU that are read while they are on their way."""
    for read in module.host_reads:
        edits = tuple(Edit(span, "") for span in read.argument)
        yield Hit(
            read.span,
            f"the copy is read before it has arrived: .{read.method}() does not wait for it",
            Fix("Wait for the copy", edits) if edits else None,
        )
