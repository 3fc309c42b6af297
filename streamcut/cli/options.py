"""Options shared by commands, made from the rows in :mod:`streamcut.core.config`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Container, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from streamcut.cli.grouped import option, spelt
from streamcut.core.config import Settings
from streamcut.core.config_file import load
from streamcut.core.errors import Named
from streamcut.core.setting import Setting

F = TypeVar("F", bound=Callable[..., Any])

_CLOCK = re.compile(r"(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d{1,12}(?:\.\d{0,18})?|\.\d{1,18})")


def section_options(
    *sections: str, without: Container[str] = (), repeated: Container[str] = ()
) -> Callable[[F], F]:
    """Add an option for every setting of some sections.

    Args:
        sections: of the configuration file.
        without: settings that the command has no use for.
        repeated: settings whose option may be given several times.
    """
    rows = Settings.rows().values()
    names = [row.name for row in rows if row.section in sections and row.name not in without]
    return setting_options(*names, repeated=repeated)


def setting_options(*names: str, repeated: Container[str] = ()) -> Callable[[F], F]:
    """Add an option for each of some settings; absent from the command line it is None."""

    def added(command: F) -> F:
        for name in reversed(names):
            for add in _options_of(Settings.rows()[name], name in repeated):
                command = add(command)
        return command

    return added


def _options_of(row: Setting, repeated: bool) -> Iterator[Callable[[F], F]]:
    if row.off:
        yield option(
            row.off,
            row.name,
            group=row.group,
            flag_value=0.0,
            type=float,
            default=None,
            help=f"The same as {row.flag} 0.",
        )
    flags = [*(flag for flag in row.short if not flag.startswith("--")), row.flag]
    flags += [flag for flag in row.short if flag.startswith("--")]
    how: dict[str, Any] = {"type": click.Choice(row.choices) if row.choices else row.kind}
    if row.kind is bool:
        how = {"is_flag": True}
        flags = [f"{flag}/--no-{flag[2:]}" if flag[:2] == "--" else flag for flag in flags]
    elif row.metavar:
        how["metavar"] = row.metavar
    yield option(
        *flags, row.name, group=row.group, default=None, multiple=repeated, help=_help(row), **how
    )


def _help(row: Setting) -> str:
    if row.kind is bool or row.default == "":
        return row.help
    default = f"{row.default:g}" if row.kind is float else row.default
    return f"{row.help}  [default: {default}]"


config_option = option(
    "--config", "config_file", metavar="FILE", help="Read settings from this file instead."
)
quiet_option = option(
    "-q",
    "--quiet",
    is_flag=True,
    help="Print nothing but errors, and warnings that concern the result.",
)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that stand on the command line; the others are None."""
    return {name: value for name, value in options.items() if value is not None}


def on_command_line(context: click.Context, name: str) -> bool:
    """Whether an option stands on the command line, also with its default."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def settings_of(config_file: str | None, options: Mapping[str, Any]) -> Settings:
    """Return the settings of a configuration file with the options given in their place.

    Args:
        config_file: its path; None takes the user's own, if there is one.
        options: settings by their names.

    Raises:
        ConfigError: if the file or a value makes no sense.
    """
    return load(Path(config_file) if config_file else None).with_options(options)


def warn_of_idle(options: Mapping[str, Any], settings: Settings) -> None:
    """Warn of options that were given and that the settings, all in all, have no use for."""
    idle: dict[Named, list[str]] = {}
    for name, value in options.items():
        needed = settings.missing(name) if value else None
        if needed is not None:
            idle.setdefault(needed, []).append(spelt(Named(name)))
    for needed, flags in idle.items():
        does = "does" if len(flags) == 1 else "do"
        told = f"{' and '.join(flags)} {does} nothing without {spelt(needed)}"
        warnings.warn(told, UserWarning, stacklevel=2)


class TimeParam(click.ParamType):  # type: ignore[type-arg]  # Not generic before click 8.4.
    """A time as seconds or as [hours:]minutes:seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Return the time in seconds, exactly."""
        if isinstance(value, Fraction):
            return value
        match = _CLOCK.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a time: write 90, 12.5 or 1:30", param, ctx)
        hours, minutes, seconds = match.groups()
        return Fraction(int(hours or 0) * 3600 + int(minutes or 0) * 60) + Fraction(seconds)


def size_text(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
