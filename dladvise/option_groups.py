"""Options under headings in a command's help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class GroupedOption(click.Option):
    """An option that belongs to a group."""

    def __init__(self, *arguments: Any, group: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.group = group


def option_of(group: str, *names: str, **more: Any) -> Callable[[F], F]:
    """`click.option` under the heading `group`."""
    return click.option(*names, cls=GroupedOption, group=group, **more)


class Grouped(click.Command):
    """A command whose help has a section for each group, in the order of its options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                group = parameter.group if isinstance(parameter, GroupedOption) else "Other"
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)
