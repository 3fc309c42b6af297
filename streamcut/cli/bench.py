"""``streamcut bench [CLIP]``."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from streamcut import config
from streamcut.cli.fetching import ready
from streamcut.cli.options import machine_options, setting
from streamcut.interrupts import Interrupts

_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}


@click.command("bench")
@click.argument("clip", required=False)
@setting("model", "-m", "--model", metavar="NAME|FILE")
@setting("background", "-b", "--background", metavar="WHAT")
@setting("quality", "--quality")
@setting("codec", "--codec", metavar="NAME")
@machine_options
@click.option(
    "--size",
    type=click.Choice(tuple(_SIZES)),
    default="720p",
    help="Size of the generated clip; a given CLIP keeps its own.  [default: 720p]",
)
@click.option(
    "--format", "ending", default=".webm", metavar="ENDING", help="Output format.  [default: .webm]"
)
@click.option("--frames", type=click.IntRange(2), default=100, help="[default: 100]")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=3,
    help="How often each part is measured; medians are shown.  [default: 3]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    clip: str | None,
    size: str,
    ending: str,
    frames: int,
    rounds: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure decoding, network and encoding alone, and the whole job beside their sum.

    CLIP is a video of yours; without it one is generated. Its first frames are kept in memory,
    some 5 MB each at 1080p.
    """
    given = {name: value for name, value in options.items() if value is not None}
    settings = config.Settings().with_options(given)

    from streamcut.bench import clip as drawing
    from streamcut.bench import parts

    ready(config.load().with_options({"model": settings.matte.model}))
    with (
        tempfile.TemporaryDirectory(prefix="streamcut-bench-") as folder,
        Interrupts() as interrupts,
        interrupts.released(),
    ):
        if clip is None:
            clip = str(Path(folder) / f"generated-{size}.mp4")
            drawing.generate(Path(clip), *_SIZES[size], frames)
        report = parts.run(
            clip,
            settings,
            ending=ending,
            frames=frames,
            rounds=rounds,
            tell=None if as_json else _tell,
        )
    click.echo(json.dumps(asdict(report), indent=2) if as_json else _table(report))


def _tell(text: str) -> None:
    click.echo(f"{text} ...", err=True)


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
