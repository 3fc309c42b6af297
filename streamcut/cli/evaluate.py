"""``streamcut evaluate RESULT...``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.say import plain, safe, say_json
from streamcut.core.errors import SinkError
from streamcut.core.interrupts import Interrupts

if TYPE_CHECKING:
    from streamcut.diagnostics.evaluation import EvaluationReport


@click.command("evaluate")
@click.argument("results", nargs=-1, required=True, metavar="RESULT...")
@click.option("-t", "--truth", metavar="FILE", help="The true matte of every frame.")
@click.option(
    "-p",
    "--original",
    "--picture",
    "original",
    metavar="FILE",
    help="The original video, for motion and for the sheet.  [default: the first RESULT's colours]",
)
@click.option("--sheet", metavar="FILE", help="Draw frames, mattes and errors as an image.")
@click.option("--plot", metavar="FILE", help="Draw the figures over time as an image.")
@click.option("--shortest", is_flag=True, help="Stop where the shortest ends.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures of all frames as JSON.")
def command(
    results: tuple[str, ...],
    truth: str | None,
    original: str | None,
    sheet: str | None,
    plot: str | None,
    shortest: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure mattes: print the figures that published evaluations quote.

    Each RESULT is a video with alpha, a greyscale video of mattes (--only-mask), a numbered
    sequence (%04d.png) or a folder of images, and so is the truth. Without --truth the first
    RESULT is what the others are compared with. Frames are matched by their number.
    """
    from streamcut.diagnostics.evaluation import Evaluation, draw_plot, draw_sheet

    for drawing in filter(None, (sheet, plot)):
        _check_drawing(drawing, {"truth": truth, "original": original}, results)
    with Interrupts() as interrupts, interrupts.released():
        evaluation = Evaluation(results, truth, original, shortest=shortest)
        with _progress(quiet) as tick:
            report = evaluation.run(tick)
        if sheet is not None:
            _save(draw_sheet(evaluation, report), sheet)
        if plot is not None:
            _save(draw_plot(report), plot)
    if as_json:
        say_json(_plain(report))
    else:
        click.echo(_table(report))


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show a bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("comparing")

        def tick(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, refresh=True)

        yield tick


def _check_drawing(path: str, read: Mapping[str, str | None], results: Iterable[str]) -> None:
    """Refuse a drawing that could not be written or that is read, before what takes minutes."""
    from PIL import Image

    from streamcut.jobs.outputs import check_apart, check_place

    check_place(path)
    for what, source in [*read.items(), *(("result", result) for result in results)]:
        for file in _files(source or ""):
            check_apart(path, {what: file})
    if Path(path).suffix.lower() not in Image.registered_extensions():
        raise SinkError(f"{path} cannot be written: end its name with .png")


def _files(source: str) -> list[str]:
    """Return the images of a folder one by one; what else is read stays as it is."""
    folder = Path(source)
    return (
        [str(file) for file in folder.iterdir()] if source and os.path.isdir(folder) else [source]
    )


def _save(image: Any, path: str) -> None:
    try:
        image.save(path)
    except (OSError, ValueError) as error:
        raise SinkError(f"{path} cannot be written: {error}") from error


def _table(report: EvaluationReport) -> str:
    """Return the figures, a row a result, and the notes below them."""
    from rich.console import Console
    from rich.table import Table

    from streamcut.diagnostics.evaluation import FIGURES

    shown = [
        figure
        for figure in FIGURES
        if any(score.mean(figure.name) is not None for score in report.scores)
        and not (figure.name == "change" and report.is_truth)
    ]
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("")
    arrows = {1: " ↑", -1: " ↓", 0: ""}
    for figure in shown:
        table.add_column(
            figure.title + arrows[report.better(figure)], justify="right", no_wrap=True
        )
    for score in report.scores:
        means = [(score.mean(figure.name), figure.digits) for figure in shown]
        cells = ["" if mean is None else f"{mean:.{digits}f}" for mean, digits in means]
        table.add_row(plain(Path(score.result).name or score.result), *cells)
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    notes = (f"note: {safe(note)}" for note in report.notes)
    return "\n".join([safe(_headline(report)), "", *lines, *notes])


def _headline(report: EvaluationReport) -> str:
    width, height = report.size
    beside = f", beside {report.reference}" if report.reference else ""
    return f"{len(report.times)} frames of {width}x{height}{beside}"


def _plain(report: EvaluationReport) -> dict[str, Any]:
    """Return the report in JSON's types."""
    from streamcut.diagnostics.evaluation import FIGURES

    return {
        "reference": report.reference,
        "is_truth": report.is_truth,
        "frames": len(report.times),
        "size": list(report.size),
        "notes": list(report.notes),
        "results": [
            {
                "result": score.result,
                "figures": {figure.name: score.mean(figure.name) for figure in FIGURES},
                "times": list(report.times),
                "series": {name: _numbers(values) for name, values in score.series.items()},
            }
            for score in report.scores
        ],
    }


def _numbers(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]
