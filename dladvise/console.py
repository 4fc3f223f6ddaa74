"""Lines to standard output, and complaints to standard error."""

from __future__ import annotations

from collections.abc import Iterable

import click


def say(lines: Iterable[str]) -> None:
    """Print lines to standard output as they are, their colours too."""
    for line in lines:
        click.echo(line, color=True)


def complain(lines: Iterable[str]) -> None:
    """Print what is wrong to standard error, one line each."""
    for line in lines:
        click.echo(f"dladvise: {line}", err=True)
