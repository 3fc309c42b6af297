"""Measure whole jobs at three sizes and three qualities, and write the table in measurements.md.

    python docs/measure_jobs.py                 with the sample
    python docs/measure_jobs.py a.mp4 b.mp4     with other clips
    python docs/measure_jobs.py --print         prints the table and writes nothing

A row is what ``streamcut bench CLIP --size SIZE --quality QUALITY`` prints. Nothing else should run
meanwhile; where something does, the table says so.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import product
from pathlib import Path

import click

from streamcut.core.config import Settings, setting
from streamcut.diagnostics.bench.clip import sample, scaled
from streamcut.diagnostics.bench.machine import processor
from streamcut.diagnostics.bench.parts import BenchReport, run

PAGE = Path(__file__).with_name("measurements.md")
_BLOCK = re.compile(r"(<!-- measured: jobs -->\n).*?(<!-- end -->)", re.S)
_SIZES = ("360", "720", "1080")
_QUALITIES = setting("quality").choices
_HEAD = (
    *("clip", "size", "quality", "model", "decode", "network", "encode", "job", "job / parts"),
    *("fps", "its parts allow", "reached", "kB per frame"),
)
_DISTURBED = 0.2  # Cores.


@click.command()
@click.argument("clips", nargs=-1)
@click.option("--frames", type=click.IntRange(2), default=100, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--size", "sizes", multiple=True, default=_SIZES, help="Height; one or several.")
@click.option("--quality", "qualities", multiple=True, default=_QUALITIES, help="One or several.")
@click.option("--print", "printed", is_flag=True, help="Print the table and write nothing.")
def main(
    clips: Sequence[str],
    frames: int,
    rounds: int,
    sizes: Sequence[str],
    qualities: Sequence[str],
    printed: bool,
) -> None:
    """Measure CLIPS, or the sample, and write the table."""
    reports = []
    for clip, size in product(clips or [str(sample())], sizes):
        for report in measured(clip, int(size), qualities, frames, rounds):
            reports.append(report)
            click.echo(" | ".join(row(report)), err=True)
    text = f"{caption(reports, rounds)}\n\n{table(reports)}"
    if printed:
        click.echo(text)
    else:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


def measured(
    clip: str, height: int, qualities: Iterable[str], frames: int, rounds: int
) -> Iterator[BenchReport]:
    """Measure a clip at one height and each quality; the reports carry its own name."""
    with tempfile.TemporaryDirectory(prefix="streamcut-measure-") as folder:
        path = Path(folder) / f"{Path(clip).stem}.mp4"
        scaled(clip, path, height, frames)
        for quality in qualities:
            settings = Settings().with_options({"quality": quality})
            yield run(str(path), settings, frames=frames, rounds=rounds)


def filled(page: str, text: str) -> str:
    """Return a page with a text between its markers."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page)


def caption(reports: Sequence[BenchReport], rounds: int) -> str:
    """Say when, where and of what the figures are."""
    last, others = reports[-1], max(report.others or 0.0 for report in reports)
    frames = max(report.frames for report in reports)
    told = (
        f"{date.today().isoformat()}, {last.cores} cores ({processor()}), commit {_commit()}: "
        f"{frames} frames, medians of {rounds}."
    )
    if others >= _DISTURBED:
        told += (
            f" **Other programs kept up to {others:.1f} cores busy meanwhile: CPU times are about "
            "right, all frames per second are too low.**"
        )
    return told


def table(reports: Iterable[BenchReport]) -> str:
    """Return the table, a row for each report."""
    lines = [_HEAD, ["---"] * len(_HEAD), *map(row, reports)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def row(report: BenchReport) -> list[str]:
    """Return the cells of one report."""
    width, height = report.size
    parts = (report.decode, report.network, report.encode, report.job)
    return [
        f"`{Path(report.clip).stem}`",
        f"{width}x{height}",
        f"`{report.quality}`",
        f"`{report.model}`",
        *(f"{part.cpu:.1f}" for part in parts),
        f"{report.ratio:.2f}",
        f"{report.fps:.1f}",
        f"{report.bound:.1f}",
        f"{report.reached:.2f}",
        f"{report.size_bytes / report.frames / 1000:.1f}",
    ]


def _commit() -> str:
    asked = ["git", "-C", str(PAGE.parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    main()
