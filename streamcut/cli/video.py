"""``streamcut video INPUT [OUTPUT]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.failures import report_failed
from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand, message_of, option
from streamcut.cli.options import (
    TimeParam,
    config_option,
    given,
    quiet_option,
    section_options,
    settings_of,
    size_text,
    warn_of_idle,
)
from streamcut.cli.overwriting import may_overwrite
from streamcut.cli.say import say, say_json, warn
from streamcut.cli.waiting import WaitingLine
from streamcut.core.config_file import user_file
from streamcut.core.errors import (
    Named,
    OutputClosedError,
    OutputExistsError,
    StreamcutError,
    UsageError,
)

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.jobs.estimate import Estimate
    from streamcut.jobs.file import Job
    from streamcut.jobs.report import Summary
    from streamcut.sessions import BaseSession
    from streamcut.sinks import Outlet

_EPILOG = (
    "OUTPUT's ending chooses the format: .webm (VP9 with alpha), .mov (ProRes 4444), .mkv "
    "(FFV1, lossless), .mp4 (with a background, --only-mask or --stacked), .gif, .webp, .apng, "
    "a pattern such as out_%04d.png or a folder (out/) for PNG images. Settings are also read from "
    f"{user_file()}."
)


SECONDS = 20.0
"""How long the parts of a video are."""

_EXAMPLES = (
    ("streamcut video in.mp4 out.webm", "transparent, with the sound"),
    ("streamcut video in.mp4", "in.cutout.webm beside it"),
    ("streamcut video a.mp4 b.mp4 --out-dir cut", "several"),
    ("streamcut video in.mp4 out.mov", "for editors: ProRes 4444"),
    ("streamcut video in.mp4 out.mp4 -b beach.jpg", "over an image"),
    ("streamcut video in.mp4 part.webm --start 1:30 --duration 10", "ten seconds of it"),
    ("streamcut video in.mp4 out.webm -m rvm-mobilenetv3", "with another model"),
)


@click.command("video", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="INPUT... [OUTPUT]")
@option(
    "--out-dir",
    metavar="FOLDER",
    default=None,
    group="Output",
    help="Write the results of several videos here, under their own names.",
)
@option("--start", type=TimeParam(), group="Input", help="Skip the beginning: 90, 12.5 or 1:30.")
@option(
    "--duration",
    type=TimeParam(),
    group="Input",
    help="Convert no more than this: 90, 12.5 or 1:30.",
)
@section_options("matte", "picture", "output", "run")
@option("-y", "--overwrite", is_flag=True, group="Output", help="Replace OUTPUT if it exists.")
@option(
    "--also",
    multiple=True,
    metavar="PATH[=LOOK]",
    group="Output",
    help="Write another output of the same pass: a cutout, or =mask, =inverse (all but the "
    "subject), =stacked or =background. May be given several times.",
)
@option(
    "--resume",
    is_flag=True,
    group="Output",
    help="Work in parts that outlive a kill: the same command again goes on where it stopped.",
)
@option(
    "--part-seconds",
    type=click.FloatRange(0.5),
    metavar="SECONDS",
    default=None,
    group="Output",
    help="How long the parts of --resume are.  [default: 20]",
)
@option(
    "--dry-run",
    is_flag=True,
    help="Try a second of it, and say what would be written, how soon and how large.",
)
@config_option
@quiet_option
@option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    paths: tuple[str, ...],
    out_dir: str | None,
    also: tuple[str, ...],
    dry_run: bool,
    resume: bool,
    part_seconds: float | None,
    start: Fraction | None,
    duration: Fraction | None,
    overwrite: bool,
    config_file: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove the background of the video INPUT and write OUTPUT.

    Sound, timing and colours stay as they are. Without OUTPUT the result lies beside INPUT.
    """
    settings = settings_of(config_file, given(options))
    warn_of_idle(options, settings)
    with WaitingLine(quiet) as waiting:
        waiting.say(f"reading {paths[0]} ...")
        if also and (resume or part_seconds or out_dir is not None):
            raise UsageError(
                Named("also"),
                " is for one video in one piece: not with ",
                Named("resume" if out_dir is None else "out_dir"),
            )
        parts = (part_seconds or SECONDS) if resume or part_seconds else None
        work = _VideoWork(settings, start, duration, overwrite, quiet, waiting, parts, also)
        if as_json and "-" in paths[1:]:
            raise UsageError(Named("as_json"), " needs a file: standard output has the frames")
        tasks = _tasks(paths, out_dir, settings, make=not dry_run)
        if parts and "-" in tasks[0]:
            raise UsageError(Named("resume"), " needs files, which are there when it goes on")
        if dry_run:
            _tell_plan([work.estimate(*task) for task in tasks], waiting, as_json)
        elif out_dir is None:
            [(source, output)] = tasks
            summary = work.do(source, output)
            work.tell(summary, as_json)
        else:
            _several(work, tasks, as_json)


@dataclass
class _VideoWork:
    """Videos that are done alike, with one session."""

    settings: Settings
    start: Fraction | None
    duration: Fraction | None
    overwrite: bool
    quiet: bool
    waiting: WaitingLine
    part_seconds: float | None = None
    also: Sequence[str] = ()
    session: BaseSession | None = None

    def do(self, source: str, output: str) -> Summary:
        """Do one video, in parts if they outlive a kill."""
        if output == "-":
            return self._to_standard_output(source)
        if self.part_seconds is not None:
            return self._in_parts(source, output, self.part_seconds)
        from streamcut.cli.progress import shown

        self.waiting.say(f"reading {source} ...")
        job = self._job(source, output)
        ready(self.settings, self.quiet)
        self.waiting.say(f"loading {self.settings.matte.model} ...")
        job.session = self.session
        try:
            with shown(self.quiet, self.waiting) as tick:
                return job.run(tick)
        except KeyboardInterrupt as stop:
            if job.state is not None and job.state.frames:
                stop.args = (f"stopped after {job.state.frames} frames; {job.output} holds them",)
            raise

    def _to_standard_output(self, source: str) -> Summary:
        from streamcut.cli.pipe import refuse_terminal
        from streamcut.cli.progress import shown
        from streamcut.sinks import Outlet, pipe_format, reserved_stdout

        refuse_terminal()
        with reserved_stdout() as fd:
            job = self._job(source, Outlet(pipe_format("nut"), fd))
            ready(self.settings, self.quiet)
            try:
                with shown(self.quiet, self.waiting) as tick:
                    return job.run(tick)
            except OutputClosedError as error:  # Its reader has seen enough, as with pipe.
                raise click.exceptions.Exit(0) from error

    def _in_parts(self, source: str, output: str, seconds: float) -> Summary:
        from streamcut.cli.progress import shown
        from streamcut.jobs.workpiece import Workpiece

        self.waiting.say(f"reading {source} ...")
        self._job(source, output)  # Refuses what makes no sense.
        piece = Workpiece(
            source, output, self.settings, start=self.start, duration=self.duration, seconds=seconds
        )
        ready(self.settings, self.quiet)
        self.waiting.say(f"loading {self.settings.matte.model} ...")
        try:
            with shown(self.quiet, self.waiting) as tick:
                return piece.run(self.session, tick)
        except KeyboardInterrupt as stop:
            stop.args = (f"stopped: {piece.progress}; the same command goes on from there",)
            raise

    def _job(self, source: str, output: str | Outlet) -> Job:
        from streamcut.cli import standard_input
        from streamcut.jobs.file import Job
        from streamcut.sources import Inlet

        url = Inlet(begun=standard_input.begun()) if source == "-" else source
        new = partial(
            Job,
            url,
            output,
            self.settings,
            start=self.start,
            duration=self.duration,
            also=self.also,
        )
        try:
            return new(overwrite=self.overwrite)
        except OutputExistsError:
            self.waiting.clear()
            if not may_overwrite(" and ".join([str(output), *self.also])):
                raise
            return new(overwrite=True)

    def estimate(self, source: str, output: str) -> Estimate:
        """Try a second of one video, and return what all of it would amount to."""
        from streamcut.jobs.estimate import estimated

        if source == "-":
            raise UsageError("standard input is read only once: nothing can be tried before")
        if output == "-":
            raise UsageError(Named("dry_run"), " needs the name of a file: nothing is written")
        self.overwrite = True
        self._job(source, output)  # Refuses what makes no sense.
        ready(self.settings, self.quiet)
        self.waiting.say(f"trying a second of {source} ...")
        return estimated(source, output, self.settings, start=self.start, duration=self.duration)

    def tell(self, summary: Summary, as_json: bool) -> None:
        """Print what was done."""
        from streamcut.cli.progress import summary_text

        self.waiting.clear()
        if as_json:
            from dataclasses import asdict

            say_json(asdict(summary))
        elif not self.quiet:
            say(*summary_text(summary).splitlines())
        if self.quiet:
            warn(summary.warnings)


def _several(work: _VideoWork, tasks: Sequence[tuple[str, str]], as_json: bool) -> None:
    """Do one after the other; what fails does not stop the rest."""
    from dataclasses import asdict

    from streamcut.jobs.request import session_of

    ready(work.settings, work.quiet)
    if not work.settings.matte.prompt:  # What that means depends on the video's size.
        work.session = session_of(work.settings, live=False)
    done, failed = [], []
    for source, output in tasks:
        try:
            summary = work.do(source, output)
        except StreamcutError as error:
            failed.append((source, message_of(error, command.params)))
            continue
        done.append(summary)
        if not as_json:
            work.tell(summary, as_json)
    if as_json:
        say_json([asdict(summary) for summary in done])
    work.waiting.clear()
    report_failed(failed, len(tasks))


def _tell_plan(plan: Sequence[Estimate], waiting: WaitingLine, as_json: bool) -> None:
    """Print what would be done."""
    from dataclasses import asdict

    from streamcut.jobs.report import clock

    waiting.clear()
    if as_json:
        facts = [asdict(each) for each in plan]
        say_json(facts[0] if len(facts) == 1 else facts)
        return
    for each in plan:
        told = f"{each.input} -> {each.output}: {each.width}x{each.height}"
        if each.seconds is None or each.bytes is None:
            say(f"{told}, of unknown length", out=True)
        else:
            size, soon = size_text(each.bytes), clock(each.seconds)
            say(f"{told}, {each.frames} frames, about {soon} and {size}", out=True)


def _tasks(
    paths: Sequence[str], out_dir: str | None, settings: Settings, *, make: bool
) -> list[tuple[str, str]]:
    """Return (input, output) of each video that is meant."""
    from streamcut.compositing.looks import ALPHA_LOOKS
    from streamcut.jobs.request import look_of

    ending = ".webm" if look_of(settings) in ALPHA_LOOKS else ".mp4"
    if out_dir is None:
        if len(paths) > 2:
            raise UsageError("one INPUT and one OUTPUT; several videos go to ", Named("out_dir"))
        return [(paths[0], paths[1] if len(paths) > 1 else _beside(paths[0], ending))]
    if "-" in paths:
        raise UsageError(Named("out_dir"), " takes names from the inputs: standard input has none")
    outputs = [str(Path(out_dir) / f"{Path(path).stem}{ending}") for path in paths]
    twice = next((output for output in outputs if outputs.count(output) > 1), None)
    if twice is not None:
        raise UsageError(f"two videos would become {twice}")
    if make:
        Path(out_dir).mkdir(parents=True, exist_ok=True)
    return list(zip(paths, outputs, strict=True))


def _beside(source: str, ending: str) -> str:
    from streamcut.jobs.inputs import cutout_name

    if source == "-":
        raise UsageError("name an OUTPUT: standard input has no name of its own")
    return cutout_name(source, ending)
