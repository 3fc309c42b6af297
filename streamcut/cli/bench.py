"""``streamcut bench [CLIP]``."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand
from streamcut.cli.options import given, on_command_line, section_options, setting_options
from streamcut.cli.say import say, say_json
from streamcut.core import config_file
from streamcut.core.config import Settings
from streamcut.core.interrupts import Interrupts

_FILES_ONLY = ("ending", "frames", "rounds", "quality", "codec")
_LIVE_ONLY = ("seconds",)
_LIVE_FRAMES = 64
_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}


@click.command("bench", cls=GroupedCommand)
@click.argument("clip", required=False)
@setting_options("model", "background", "quality", "codec")
@section_options("run")
@click.option(
    "--size",
    type=click.Choice(tuple(_SIZES)),
    default="720p",
    help="Size of the generated clip; a given CLIP keeps its own.  [default: 720p]",
)
@click.option(
    "--format", "ending", default=".webm", metavar="ENDING", help="Output format.  [default: .webm]"
)
@click.option("--frames", type=click.IntRange(2, 100_000), default=100, help="[default: 100]")
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    default=3,
    help="How often each part is measured; medians are shown.  [default: 3]",
)
@click.option(
    "--live",
    is_flag=True,
    help="Measure live work instead: whether a camera's frames get lost, and how late they are.",
)
@click.option(
    "--seconds", type=click.FloatRange(1, 86_400), default=20.0, help="With --live.  [default: 20]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    clip: str | None,
    size: str,
    ending: str,
    frames: int,
    rounds: int,
    live: bool,
    seconds: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure decoding, network and encoding alone, and the whole job beside their sum.

    CLIP is a video of yours; without it one is generated. Its first frames are kept in memory,
    some 5 MB each at 1080p. What the configuration file says is left aside, so that the figures
    of two machines compare.
    """
    _refuse(ctx, *(_FILES_ONLY if live else _LIVE_ONLY), live=live)
    if live and options["background"] is None:
        options["background"] = "blur"  # What calls want.
    settings = Settings().with_options(given(options))
    ready(config_file.load().with_options({"model": settings.matte.model}))
    with (
        tempfile.TemporaryDirectory(prefix="streamcut-bench-") as folder,
        Interrupts() as interrupts,
        interrupts.released(),
    ):
        if clip is None:
            clip = _generated(folder, size, _LIVE_FRAMES if live else frames)
        if live:
            report, table = _live(clip, settings, seconds, as_json), _live_table
        else:
            report, table = _parts(clip, settings, ending, frames, rounds, as_json), _table
    if as_json:
        say_json(asdict(report))
    else:
        say(*table(report).splitlines(), out=True)


def _refuse(ctx: click.Context, *names: str, live: bool) -> None:
    """Refuse options that would do nothing."""
    for name in names:
        if on_command_line(ctx, name):
            flag = next(p.opts[-1] for p in ctx.command.params if p.name == name)
            raise click.UsageError(f"{flag} is for {'files: not with' if live else ''} --live")


def _generated(folder: str, size: str, frames: int) -> str:
    from streamcut.diagnostics.bench.clip import generate

    path = Path(folder) / f"generated-{size}.mp4"
    generate(path, *_SIZES[size], frames)
    return str(path)


def _live(clip: str, settings: Settings, seconds: float, quiet: bool) -> Any:
    from streamcut.diagnostics.bench import live

    if not quiet:
        _tell(f"a camera for {seconds:g} seconds")
    return live.run(clip, settings, seconds=seconds)


def _parts(
    clip: str, settings: Settings, ending: str, frames: int, rounds: int, quiet: bool
) -> Any:
    from streamcut.diagnostics.bench import parts

    tell = None if quiet else _tell
    return parts.run(clip, settings, ending=ending, frames=frames, rounds=rounds, tell=tell)


def _tell(text: str) -> None:
    say(f"{text} ...")


def _table(report: Any) -> str:
    width, height = report.size
    rows = [
        f"{report.clip}: {report.frames} frames of {width}x{height}, model {report.model}, "
        f"quality {report.quality}, {report.cores} cores",
        "",
        f"{'':10}{'CPU ms':>10}{'wall ms':>10}{'fps alone':>11}",
    ]
    for name in ("decode", "network", "encode", "job"):
        cost = getattr(report, name)
        rows.append(f"{name:10}{cost.cpu:10.1f}{cost.wall:10.1f}{1000 / cost.wall:11.1f}")
    return "\n".join(
        [
            *rows,
            "",
            f"the job's CPU time is {report.ratio:.2f} times that of its parts alone",
            f"the job runs at {report.fps:.1f} fps; its parts alone would allow {report.bound:.1f}",
        ]
    )


def _live_table(report: Any) -> str:
    width, height = report.size
    behind = f"over {report.background}" if report.background else "transparent"
    return "\n".join(
        [
            f"{Path(report.clip).name} as a camera: {width}x{height} at {report.rate:g} fps, "
            f"model {report.model}, {behind}, {report.cores} cores",
            "",
            f"frames     {report.offered} taken, {report.handed} handed over, "
            f"{report.dropped} dropped, {report.mistaken} mistaken",
            f"latency    {report.latency_p50:.0f} ms from capture to hand-over, "
            f"95% below {report.latency_p95:.0f} ms, all below {report.latency_worst:.0f} ms",
            f"CPU        {report.cpu:.1f} ms per frame, of "
            f"{1000 * report.cores / report.rate:.1f} ms that there are",
            *report.messages,
        ]
    )
