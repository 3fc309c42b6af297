"""``streamcut video INPUT OUTPUT``."""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand, option
from streamcut.cli.options import (
    Clock,
    config_option,
    given,
    quiet_option,
    section_options,
    settings_of,
    warn_of_idle,
)
from streamcut.cli.say import safe, say_json
from streamcut.core.config_file import user_file
from streamcut.core.errors import OutputExistsError
from streamcut.core.interrupts import Interrupts

if TYPE_CHECKING:
    from streamcut.jobs.file import Job

_EPILOG = (
    "OUTPUT's ending chooses the format: .webm (VP9 with alpha), .mov (ProRes 4444), .mkv "
    "(FFV1, lossless), .mp4 (with a background, --only-mask or --stacked), .gif, .webp, .apng, "
    "a pattern such as out_%04d.png or a folder (out/) for PNG images. Settings are also read from "
    f"{user_file()}."
)


_EXAMPLES = (
    ("streamcut video in.mp4 out.webm", "transparent, with the sound"),
    ("streamcut video in.mp4 out.mov", "for editors: ProRes 4444"),
    ("streamcut video in.mp4 out.mp4 -b beach.jpg", "over an image"),
    ("streamcut video in.mp4 part.webm --start 1:30 --duration 10", "ten seconds of it"),
    ("streamcut video in.mp4 out.webm -m rvm-mobilenetv3", "with another model"),
)


@click.command("video", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@click.argument("input")
@click.argument("output")
@option("--start", type=Clock(), group="Input", help="Skip the beginning: 90, 12.5 or 1:30.")
@option(
    "--duration", type=Clock(), group="Input", help="Convert no more than this: 90, 12.5 or 1:30."
)
@section_options("matte", "picture", "output", "run")
@option("-y", "--overwrite", is_flag=True, group="Output", help="Replace OUTPUT if it exists.")
@config_option
@quiet_option
@option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    input: str,
    output: str,
    start: Fraction | None,
    duration: Fraction | None,
    overwrite: bool,
    config_file: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove the background of the video INPUT and write OUTPUT.

    Sound, timing and colours stay as they are.
    """
    settings = settings_of(config_file, given(options))
    warn_of_idle(options, settings)

    from streamcut.jobs.file import Job

    new_job = partial(Job, input, output, settings, start=start, duration=duration)
    try:
        job = new_job(overwrite=overwrite)
    except OutputExistsError:
        if not _may_overwrite(output):
            raise
        job = new_job(overwrite=True)
    ready(settings, quiet)
    _run(job, quiet, as_json)


def _run(job: Job, quiet: bool, as_json: bool) -> None:
    from streamcut.cli.progress import shown, summary_text

    try:
        with shown(quiet) as tick:
            summary = job.run(tick)
    except KeyboardInterrupt as stop:
        if job.state is not None and job.state.frames:
            stop.args = (f"stopped after {job.state.frames} frames; {job.output} holds them",)
        raise
    if as_json:
        from dataclasses import asdict

        say_json(asdict(summary))
    elif not quiet:
        click.echo(summary_text(summary), err=True)


def _may_overwrite(output: str) -> bool:
    """Ask, where there is a terminal that can answer."""
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        return False
    try:
        with Interrupts() as interrupts, interrupts.released():
            return click.confirm(f"{safe(output)} exists. Overwrite it?", err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
