"""Options shared by commands; their defaults and texts come from :mod:`streamcut.core.config`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from click.core import ParameterSource

from streamcut.core import config
from streamcut.core.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

_CLOCK = re.compile(r"(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d{1,12}(?:\.\d{0,18})?|\.\d{1,18})")


def setting(name: str, *flags: str, **extra: Any) -> Callable[[F], F]:
    """Return the option for a setting: absent from the command line it is None."""
    field = config.setting(name)
    hints = {"bool": bool, "int": int, "float": float, "str": str}
    kind = hints.get(str(field.type))
    if kind is None:
        extra.setdefault("type", click.Choice(get_args(getattr(config, str(field.type)))))
    elif kind is bool:
        extra.setdefault("is_flag", True)
    else:
        extra.setdefault("type", kind)
    text = field.metadata["help"]
    shown = "" if field.default in ("", False) or kind is bool else f"  [default: {field.default}]"
    return click.option(*flags, name, default=None, help=text + shown, **extra)


def _off(name: str, flag: str, text: str) -> Callable[[F], F]:
    """Return the flag that sets a number to 0."""
    return click.option(flag, name, flag_value=0.0, type=float, default=None, help=text)


def look_options(command: F, *, backgrounds: bool = False) -> F:
    """Add the options that say how the subject is found and what is shown.

    Args:
        command: what they are added to.
        backgrounds: whether several backgrounds may be given.
    """
    for option in reversed(
        (
            setting("model", "-m", "--model", metavar="NAME|FILE"),
            setting("prompt", "--prompt", metavar="WHERE"),
            setting("cloth_category", "--cloth-category"),
            setting("screen", "--screen", metavar="COLOUR"),
            setting("plate", "--plate", metavar="FILE"),
            setting("background", "-b", "--background", metavar="WHAT", multiple=backgrounds),
            setting("cutout", "--cutout"),
            setting("decontaminate", "--decontaminate/--no-decontaminate"),
            setting("light_wrap", "--light-wrap", metavar="STRENGTH"),
            setting("only_mask", "-om", "--only-mask/--no-only-mask"),
            setting("post_process_mask", "-ppm", "--post-process-mask/--no-post-process-mask"),
            setting("threshold", "--threshold", metavar="LEVEL"),
            setting("expand", "--expand", metavar="PX"),
            setting("contract", "--contract", metavar="PX"),
            setting("feather", "--feather", metavar="PX"),
            setting("matting", "--matting"),
            setting("keyframe_interval", "--keyframe-interval", metavar="N"),
            setting(
                "alpha_matting_foreground_threshold",
                "-af",
                "--alpha-matting-foreground-threshold",
                metavar="LEVEL",
            ),
            setting(
                "alpha_matting_background_threshold",
                "-ab",
                "--alpha-matting-background-threshold",
                metavar="LEVEL",
            ),
            setting("alpha_matting_erode_size", "-ae", "--alpha-matting-erode-size", metavar="PX"),
            setting("smooth", "--smooth", metavar="STRENGTH"),
            _off("smooth", "--no-smooth", "The same as --smooth 0."),
            setting("min_area", "--min-area", metavar="PERCENT"),
            setting("invert", "--invert/--no-invert"),
            setting("stacked", "--stacked/--no-stacked"),
        )
    ):
        command = option(command)
    return command


def machine_options(command: F) -> F:
    """Add the options that say where the network runs, and on how many threads."""
    for option in reversed(
        (
            setting("threads", "--threads", metavar="N"),
            setting("device", "--device", metavar="NAME"),
            setting("require_gpu", "--require-gpu/--no-require-gpu"),
            setting("half", "--half/--no-half"),
            setting("cuda_graphs", "--cuda-graphs/--no-cuda-graphs"),
        )
    ):
        command = option(command)
    return command


config_option = click.option(
    "--config", "config_file", metavar="FILE", help="Read settings from this file instead."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")

_NEEDS: tuple[tuple[tuple[str, ...], str, Callable[[Settings], bool]], ...] = (
    (("light_wrap",), "--background", lambda settings: settings.picture.background != ""),
    (
        ("keyframe_interval",),
        "--matting keyframes",
        lambda settings: settings.matte.matting == "keyframes",
    ),
    (
        (
            "alpha_matting_foreground_threshold",
            "alpha_matting_background_threshold",
            "alpha_matting_erode_size",
        ),
        "--matting",
        lambda settings: settings.matte.matting != "off",
    ),
)
"""Options, what they are of no use without, and whether settings have it."""


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
    return config.load(Path(config_file) if config_file else None).with_options(options)


def warn_of_idle(options: Mapping[str, Any], settings: Settings) -> None:
    """Warn of options that were given and that the settings, all in all, have no use for."""
    for names, needed, met in _NEEDS:
        idle = [f"--{name.replace('_', '-')}" for name in names if options.get(name)]
        if idle and not met(settings):
            does = "does" if len(idle) == 1 else "do"
            told = f"{' and '.join(idle)} {does} nothing without {needed}"
            warnings.warn(told, UserWarning, stacklevel=2)


class Clock(click.ParamType):  # type: ignore[type-arg]  # Not generic before click 8.4.
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
            self.fail(f"{value!r} is no time: write 90, 12.5 or 1:30", param, ctx)
        hours, minutes, seconds = match.groups()
        return Fraction(int(hours or 0) * 3600 + int(minutes or 0) * 60) + Fraction(seconds)


def size_text(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
