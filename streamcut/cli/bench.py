"""``streamcut bench [CLIP]``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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
from streamcut.core.errors import StreamcutError
from streamcut.core.interrupts import Interrupts

_FILES_ONLY = ("ending", "frames", "rounds", "quality", "codec")
_LIVE_ONLY = ("seconds",)
_LIVE_FRAMES = 64
_SIZES = {"360p": 360, "720p": 720, "1080p": 1080}
_DISTURBED = 0.2  # Cores.
_EXAMPLES = (
    ("streamcut bench", "the sample, as `video` does it"),
    ("streamcut bench talk.mp4 --size 1080p --quality fast", "a clip of yours, scaled first"),
    ("streamcut bench talk.mp4 --at-least 0.8", "for CI: fails where the pipeline wastes time"),
    ("streamcut bench --live", "whether a camera's frames get lost, and how late they are"),
)


@click.command("bench", cls=GroupedCommand, examples=_EXAMPLES)
@click.argument("clip", required=False)
@setting_options("model", "background", "quality", "codec")
@section_options("run")
@click.option(
    "--size",
    type=click.Choice(tuple(_SIZES)),
    help="Scale the clip to this before anything is measured; without, it keeps its size.",
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
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="RATIO",
    help="Fail where the job is slower than this share of what its parts allow, such as 0.8; with "
    "--live, where less than this share of the camera's frames comes out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    clip: str | None,
    size: str | None,
    ending: str,
    frames: int,
    rounds: int,
    live: bool,
    seconds: float,
    at_least: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure decoding, network and encoding alone, and the whole job beside what they allow.

    CLIP is a video of yours; without it the sample is taken. Its first frames are kept in memory,
    some 8 MB each at 1080p. What the configuration file says is left aside, so that the figures
    of two machines compare.
    """
    _refuse(ctx, *(_FILES_ONLY if live else _LIVE_ONLY), live=live)
    if live and options["background"] is None:
        options["background"] = "blur"  # What calls want.
    settings = Settings().with_options(given(options))
    ready(config_file.load().with_options({"model": settings.matte.model}))
    _load()
    with (
        tempfile.TemporaryDirectory(prefix="streamcut-bench-") as folder,
        Interrupts() as interrupts,
        interrupts.released(),
    ):
        clip = _clip(clip, size, Path(folder), _LIVE_FRAMES if live else frames)
        if live:
            report, table, reached = _live(clip, settings, seconds, as_json), _live_table, _kept
        else:
            report = _parts(clip, settings, ending, frames, rounds, as_json)
            table, reached = _table, _reached
    if as_json:
        say_json(asdict(report))
    else:
        say(*table(report).splitlines(), out=True)
    share, told = reached(report)
    if at_least is not None and not share >= at_least:
        raise StreamcutError(f"{told}: less than the {at_least:g} that --at-least asks for")


def _refuse(ctx: click.Context, *names: str, live: bool) -> None:
    """Refuse options that would do nothing."""
    for name in names:
        if on_command_line(ctx, name):
            flag = next(p.opts[-1] for p in ctx.command.params if p.name == name)
            raise click.UsageError(f"{flag} is for {'files: not with' if live else ''} --live")


def _load() -> None:
    """Import what it takes, before Ctrl-C may rise: a library that is struck crashes."""
    from streamcut.diagnostics.bench import clip, live, parts  # noqa: F401


def _clip(given: str | None, size: str | None, folder: Path, frames: int) -> str:
    """Return the path of what is measured, made if it is to have another size."""
    from streamcut.diagnostics.bench.clip import sample, scaled

    clip = given or str(sample())
    if size is None:
        return clip
    path = folder / f"{Path(clip).stem}-{size}.mp4"
    scaled(clip, path, _SIZES[size], frames)
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
        f"{'':12}{'CPU ms':>10}{'wall ms':>10}{'fps':>10}",
    ]
    for name in ("decode", "network", "encode", "parts", "job"):
        cost = getattr(report, name)
        rows.append(f"{name:12}{cost.cpu:10.1f}{cost.wall:10.1f}{1000 / cost.wall:10.1f}")
    slower = 1 / report.reached
    return "\n".join(
        [
            *rows,
            f"{'job / parts':12}{report.ratio:10.2f}{slower:10.2f}{report.reached:10.2f}",
            "",
            _reached(report)[1],
            *_disturbed(report.others),
        ]
    )


def _disturbed(others: float | None) -> Iterator[str]:
    """Say that other programs ran, where they took time that the job could have had."""
    if others is not None and others >= _DISTURBED:
        yield (
            f"other programs kept {others:.1f} cores busy meanwhile: "
            "by the clock all of this can be faster"
        )


def _reached(report: Any) -> tuple[float, str]:
    """Return how much of what its parts allow the job reaches, and the words for it."""
    told = f"the job runs at {report.fps:.1f} fps, {report.reached:.2f} of the {report.bound:.1f} "
    return report.reached, f"{told}that its parts alone allow"


def _kept(report: Any) -> tuple[float, str]:
    """Return which share of a camera's frames came out as they should, and the words for it."""
    good = max(0, report.handed - report.mistaken)
    share = good / report.offered
    return share, f"{good} of the camera's {report.offered} frames came out, {share:.3f}"


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
