"""``streamcut image INPUT... [-o OUTPUT]``, also ``streamcut i``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.failures import report_failed
from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand, message_of, option
from streamcut.cli.options import (
    config_option,
    given,
    quiet_option,
    section_options,
    settings_of,
    size_text,
    warn_of_idle,
)
from streamcut.cli.overwriting import may_overwrite
from streamcut.cli.say import say, say_json
from streamcut.cli.waiting import WaitingLine
from streamcut.core.config_file import user_file
from streamcut.core.errors import Named, OutputExistsError, StreamcutError, UsageError

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.jobs.still import StillJob, StillSummary

ENDINGS = ("png", "webp", "avif", "tiff", "jpg")

NOT_FOR_STILLS = (
    *("matting", "keyframe_interval", "smooth", "stacked", "codec", "audio", "cuda_graphs"),
    *("on_gap", "allow_playlists"),
)
"""Settings that mean something only where frames follow each other."""

_EXAMPLES = (
    ("streamcut image photo.jpg", "photo.cutout.png beside it, transparent"),
    ("streamcut image photo.heic -o out.webp --trim", "cropped to the subject"),
    ("streamcut image a.jpg b.jpg --out-dir cut -b white --format jpg", "several, over white"),
    ("streamcut image < photo.jpg > out.png", "between other programs"),
)
_EPILOG = (
    "OUTPUT's ending chooses the format: .png, .webp, .avif, .tiff, or .jpg (with a background or "
    "--only-mask). Turned upright as EXIF says; the ICC profile and the resolution stay. "
    f"Settings are also read from {user_file()}."
)


@click.command("image", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[INPUT]... [OUTPUT]")
@option(
    "-o",
    "--output",
    metavar="FILE",
    default=None,
    group="Output",
    help="Where the result goes; - is standard output. By default PHOTO.cutout.png beside PHOTO.",
)
@option(
    "--out-dir",
    metavar="FOLDER",
    default=None,
    group="Output",
    help="Put the results of several images here, under their own names.",
)
@option(
    "--format",
    "ending",
    type=click.Choice(ENDINGS),
    default="png",
    group="Output",
    help="Format where no OUTPUT says one.  [default: png]",
)
@option(
    "-a",
    "--alpha-matting",
    is_flag=True,
    group="Matte",
    help="Refine the border by closed-form matting.",
)
@section_options("matte", "picture", "image", "output", "run", without=NOT_FOR_STILLS)
@option(
    "-bgc",
    "--bgcolor",
    nargs=4,
    type=click.IntRange(0, 255),
    metavar="R G B A",
    default=None,
    group="Picture",
    help="Put a colour behind the subject, 0 to 255 each; A below 255 lets through.",
)
@option(
    "-x",
    "--extras",
    metavar="JSON",
    default=None,
    group="Matte",
    help="What a model takes of its own, as in rembg: '{\"sam_prompt\": [...]}'.",
)
@option("-y", "--overwrite", is_flag=True, group="Output", help="Replace outputs that exist.")
@option(
    "--dry-run",
    is_flag=True,
    help="Try one, and say what would be written, how soon and how large.",
)
@config_option
@quiet_option
@option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    output: str | None,
    out_dir: str | None,
    ending: str,
    alpha_matting: bool,
    bgcolor: tuple[int, int, int, int] | None,
    extras: str | None,
    overwrite: bool,
    dry_run: bool,
    config_file: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove the background of images.

    A still is looked at for longer than a frame of a video: larger, and mirrored as well.
    """
    if alpha_matting:
        options["matting"] = "every"
    settings = settings_of(config_file, given(options))
    warn_of_idle(options, settings)
    if as_json and (output == "-" or (not paths and output is None)):
        raise UsageError(Named("as_json"), " needs a file to write: standard output has the image")
    tasks = _tasks(paths, output, out_dir, ending, as_alias=context.info_name == "i")
    with WaitingLine(quiet) as waiting:
        waiting.say(f"loading {settings.matte.model} ...")
        job = new_job(settings, bgcolor, _extras(extras))
        for task in tasks:
            _check(job, *task)
        if dry_run:
            ready(settings, quiet)
            _tell_plan(job, tasks, waiting, as_json)
            return
        tasks = _allowed(tasks, overwrite)
        waiting.clear()
        ready(settings, quiet)
        _run(job, tasks, waiting, quiet, as_json)


def new_job(
    settings: Settings,
    bgcolor: tuple[int, int, int, int] | None = None,
    extras: dict[str, Any] | None = None,
) -> StillJob:
    """Return what cuts out stills as settings and options ask."""
    from streamcut.jobs.still import StillJob

    return StillJob(settings, under=bgcolor, extras=extras)


def _tasks(
    paths: Sequence[str], output: str | None, out_dir: str | None, ending: str, *, as_alias: bool
) -> list[tuple[str, str]]:
    """Return (input, output) of each image that is meant."""
    if not paths:
        if sys.stdin.isatty():
            raise UsageError("no image given: name one, or - for standard input")
        paths = ("-",)
    if output is not None and out_dir is not None:
        raise UsageError(Named("output"), " and ", Named("out_dir"), " cannot be used together")
    if len(paths) == 2 and output is None and out_dir is None:
        return [(paths[0], _second(paths[1], as_alias))]
    if output is not None and (
        len(paths) > 1 or output.endswith(("/", "\\")) or os.path.isdir(output)
    ):
        output, out_dir = None, output
    if out_dir is not None:
        Path(out_dir).mkdir(parents=True, exist_ok=True)
    if out_dir is None and len(paths) > 2 and not all(map(os.path.exists, paths)):
        missing = next(path for path in paths if not os.path.exists(path))
        raise UsageError(f"no such file: {missing}; several images go to ", Named("out_dir"))
    return [(path, output or _named(path, out_dir, ending)) for path in paths]


def _second(path: str, as_alias: bool) -> str:
    """Return the second of two paths as the output; where it may be meant otherwise, ask."""
    if os.path.isfile(path) and not as_alias:
        raise UsageError(
            f"is {path} an input or the output? give ",
            Named("output", path),
            " or, for several inputs, ",
            Named("out_dir"),
        )
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder: give ", Named("out_dir", path))
    return path


def _named(path: str, out_dir: str | None, ending: str) -> str:
    from streamcut.jobs.inputs import cutout_name

    if path == "-":
        if out_dir is not None:
            raise UsageError(
                "standard input has no name to use in a folder: give ", Named("output")
            )
        return "-"
    if out_dir is None:
        return cutout_name(path, f".{ending}")
    return str(Path(out_dir) / f"{Path(path).stem}.{ending}")


def _check(job: StillJob, source: str, output: str) -> None:
    """Refuse what cannot be before anything is read or written."""
    from streamcut.jobs.outputs import check_apart, check_place

    if output == "-":
        if sys.stdout.isatty():
            raise UsageError("standard output is a terminal: name a file, or send it to a program")
        return
    job.check_output(output)
    check_place(output)
    if source != "-":
        check_apart(output, {"input": source})


def _allowed(tasks: list[tuple[str, str]], overwrite: bool) -> list[tuple[str, str]]:
    """Return the tasks once it is settled that their outputs may be written.

    Raises:
        OutputExistsError: if one exists and may not be replaced.
    """
    outputs = [output for _, output in tasks if output != "-"]
    twice = next((output for output in outputs if outputs.count(output) > 1), None)
    if twice is not None:
        raise UsageError(f"two images would become {twice}")
    for output in outputs:
        if os.path.isfile(output) and not overwrite and not may_overwrite(output):
            raise OutputExistsError(
                f"{output} exists; give ", Named("overwrite", True), " to overwrite it"
            )
    return tasks


def _extras(text: str | None) -> dict[str, Any]:
    try:
        extras = json.loads(text) if text else {}
    except ValueError as error:
        raise UsageError(Named("extras"), f" is not JSON: {error}") from error
    if not isinstance(extras, dict):
        raise UsageError(Named("extras"), " is a JSON object, such as {}")
    return extras


def _tell_plan(
    job: StillJob, tasks: Sequence[tuple[str, str]], waiting: WaitingLine, as_json: bool
) -> None:
    """Print what would be done, how soon and how large, from trying the first image."""
    from streamcut.jobs.estimate import estimated_stills

    sources = [source for source, _ in tasks if source != "-"]
    ending = Path(tasks[0][1]).suffix or ".png"
    waiting.say(f"trying {tasks[0][0]} ...")
    found = estimated_stills(job, sources, ending) if sources else None
    waiting.clear()
    seconds, size = found or (None, None)
    if as_json:
        plan = [{"input": source, "output": output} for source, output in tasks]
        say_json({"images": plan, "seconds": seconds, "bytes": size})
        return
    for source, output in tasks:
        say(f"{source} -> {output}" + (" (exists)" if os.path.exists(output) else ""), out=True)
    if seconds is not None and size is not None:
        say(f"about {seconds:.1f} s and {size_text(size)}", out=True)


def _run(
    job: StillJob,
    tasks: Sequence[tuple[str, str]],
    waiting: WaitingLine,
    quiet: bool,
    as_json: bool,
) -> None:
    """Do one after the other; what fails does not stop the rest."""
    from dataclasses import asdict

    done, failed = [], []
    for source, output in tasks:
        waiting.say(f"{source} ...")
        try:
            summary = _one(job, source, output)
        except StreamcutError as error:
            if len(tasks) == 1:
                raise
            failed.append((source, message_of(error, command.params)))
            continue
        done.append(summary)
        waiting.clear()
        if not quiet and not as_json:
            say(*lines_about(summary))
    waiting.clear()
    if as_json:
        facts = [asdict(summary) for summary in done]
        say_json(facts[0] if len(tasks) == 1 else facts)
    report_failed(failed, len(tasks))


def _one(job: StillJob, source: str, output: str) -> StillSummary:
    if source != "-" and output != "-":
        return job.file(source, output)
    from streamcut.cli import standard_input
    from streamcut.jobs.request import limits_of
    from streamcut.media.stills import read_still
    from streamcut.sinks.file.stills import encoded, still_format, write_still

    began = time.perf_counter()
    data = standard_input.everything() if source == "-" else source
    name = "standard input" if source == "-" else source
    made = job.cut(read_still(data, name, limits_of(job.settings)))
    quality = job.settings.output.quality
    if output == "-":
        written = encoded(made, still_format(".png"), quality)
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        size = len(written)
    else:
        size = write_still(made, output, quality)
    return job.summary(source, output, made, time.perf_counter() - began, size)


def lines_about(summary: StillSummary) -> list[str]:
    """Return a finished still in a line, and what could not be kept."""
    output = "standard output" if summary.output == "-" else summary.output
    return [
        f"{output}: {summary.width}x{summary.height} in {summary.seconds:.1f} s, "
        f"{size_text(summary.bytes)}",
        *(f"note: {note}" for note in summary.notes),
    ]
