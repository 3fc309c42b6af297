"""Help with headings and examples, and the spelling of settings as options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from streamcut.core.config import Settings
from streamcut.core.errors import Named, StreamcutError
from streamcut.core.setting import GROUPS

F = TypeVar("F", bound=Callable[..., Any])

_OTHERS = "Options"


class GroupedOption(click.Option):
    """An option below a heading of its command's help.

    Args:
        group: the heading; "" puts it among the others, at the end.
    """

    def __init__(self, *args: Any, group: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


def option(*flags: str, **how: Any) -> Callable[[F], F]:
    """Return the decorator that adds an option to a command, with a heading if ``group`` says so.

    Args:
        *flags: as for :func:`click.option`.
        **how: as for :func:`click.option`, and ``group``.
    """
    return click.option(*flags, cls=GroupedOption, **how)


class GroupedCommand(click.Command):
    """A command whose options stand below headings in its help, after some examples.

    Args:
        examples: lines of (command line, what it does).
    """

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the options by their groups."""
        if self.examples:
            with formatter.section("Examples"):
                for line, meaning in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                    formatter.write(f"{'':{formatter.current_indent}}    {meaning}\n")
        for heading, parameters in grouped(self.get_params(ctx)):
            records = [parameter.get_help_record(ctx) for parameter in parameters]
            with formatter.section(heading):
                formatter.write_dl([record for record in records if record is not None])


def grouped(
    parameters: Iterable[click.Parameter],
) -> list[tuple[str, list[click.Option]]]:
    """Return a command's options by their headings, those of no group last."""
    found: dict[str, list[click.Option]] = {group: [] for group in (*GROUPS, _OTHERS)}
    for parameter in parameters:
        if isinstance(parameter, click.Option):
            found[getattr(parameter, "group", "") or _OTHERS].append(parameter)
    return [(heading, options) for heading, options in found.items() if options]


def message_of(error: StreamcutError, parameters: Iterable[click.Parameter] = ()) -> str:
    """Return an error's message with settings and arguments spelt as options.

    Args:
        error: as the library raised it.
        parameters: of the command that was run.
    """
    known = list(parameters)
    return error.told(lambda named: spelt(named, known))


def spelt(named: Named, parameters: Iterable[click.Parameter] = ()) -> str:
    """Return what a setting or an argument is called on the command line."""
    on, off = _flags(named.name, parameters)
    if named.value is False:
        return _long(off)
    if named.value is True:  # To be typed: the short spelling, if there is one.
        return on[0]
    return _long(on) if named.value is None else f"{_long(on)} {named.value}"


def _flags(name: str, parameters: Iterable[click.Parameter]) -> tuple[list[str], list[str]]:
    """Return the spellings that switch a setting on or give its value, and that switch it off."""
    for parameter in parameters:
        if parameter.name == name and isinstance(parameter, click.Option):
            return parameter.opts, parameter.secondary_opts
    row = Settings.rows().get(name)
    return ([row.flag], [f"--no-{row.flag[2:]}"]) if row else ([name], [name])


def _long(spellings: Sequence[str]) -> str:
    return next((s for s in spellings if s.startswith("--")), spellings[0])
