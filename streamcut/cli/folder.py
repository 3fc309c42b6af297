"""``streamcut folder IN OUT``, also ``streamcut p``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.failures import report_failed
from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand, option
from streamcut.cli.image import ENDINGS
from streamcut.cli.options import (
    config_option,
    given,
    quiet_option,
    section_options,
    settings_of,
    size_text,
    warn_of_idle,
)
from streamcut.cli.say import say, say_json
from streamcut.cli.waiting import WaitingLine
from streamcut.core.config_file import user_file
from streamcut.core.cpu import cpu_count
from streamcut.core.errors import MissingDependencyError, Named, StreamcutError, UsageError
from streamcut.core.interrupts import Interrupts

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.jobs.many.batch import BatchSummary, FolderBatch, Item
    from streamcut.jobs.many.team import Team

_VIDEO_ENDINGS = ("webm", "mov", "mkv", "mp4")
_TELLING = 10
_TRIED = 3  # Videos, by whose sizes the others are judged.
_LEAST = 0.05  # Seconds between two looks of the progress.

_EXAMPLES = (
    ("streamcut folder photos/ cut/", "every image and video, structure kept"),
    ("streamcut folder inbox/ cut/ --watch -d", "as they come; each is deleted when it is done"),
    ("streamcut folder films/ cut/ --ray auto", "shared by the machines of a Ray cluster"),
)
_EPILOG = (
    "What is done already is skipped, and a video that was broken off goes on where it stopped: "
    "the same command again does the rest. Hidden files are passed over. "
    f"Settings are also read from {user_file()}."
)


@click.command("folder", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@click.argument("folder", metavar="IN")
@click.argument("out", required=False, metavar="[OUT]")
@option("-w", "--watch", is_flag=True, group="Input", help="Go on with files as they arrive.")
@option(
    "-d", "--delete", is_flag=True, group="Input", help="Delete a file once its result is there."
)
@option(
    "--format",
    "image",
    type=click.Choice(ENDINGS),
    default="png",
    group="Output",
    help="Format of images.  [default: png]",
)
@option(
    "--video-format",
    "video",
    type=click.Choice(_VIDEO_ENDINGS),
    default=None,
    group="Output",
    help="Format of videos.  [default: webm, or mp4 where there is no alpha]",
)
@option(
    "-a",
    "--alpha-matting",
    is_flag=True,
    group="Matte",
    help="Refine borders by closed-form matting, as --matting every.",
)
@option(
    "-bgc",
    "--bgcolor",
    nargs=4,
    type=click.IntRange(0, 255),
    metavar="R G B A",
    default=None,
    group="Picture",
    help="Put a colour behind the subject, 0 to 255 each; A is 255, or 0 for none.",
)
@section_options(
    "matte", "picture", "image", "output", "run", without=("prompt", "plate", "stacked")
)
@option("-y", "--overwrite", is_flag=True, group="Output", help="Do again what is done.")
@option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    default=None,
    metavar="N",
    group="Hardware",
    help="Workers at a time.  [default: one for two processors; with --ray one for each]",
)
@option(
    "--ray",
    metavar="ADDRESS",
    default=None,
    group="Hardware",
    help="Share the work on a Ray cluster: auto finds the one that runs here.",
)
@option(
    "--dry-run",
    is_flag=True,
    help="Try one of each, and say what would be done, how soon and how large.",
)
@config_option
@quiet_option
@option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    folder: str,
    out: str | None,
    watch: bool,
    delete: bool,
    image: str,
    video: str | None,
    overwrite: bool,
    jobs: int | None,
    ray: str | None,
    alpha_matting: bool,
    bgcolor: tuple[int, int, int, int] | None,
    dry_run: bool,
    config_file: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove the background of every image and video in a folder.

    The results lie in OUT as the files do in IN. An error in one file does not stop the rest: at
    the end it is listed, and the exit code is 1.
    """
    if alpha_matting:
        options["matting"] = "every"
    if bgcolor is not None:
        options["background"] = _colour(bgcolor)
    settings = settings_of(config_file, given(options))
    warn_of_idle(options, settings)
    workers = jobs or max(1, cpu_count() // 2)
    if not settings.run.threads:
        share = 1 if ray is not None else max(1, cpu_count() // workers)
        settings = settings.with_options({"threads": share})
    with WaitingLine(quiet) as waiting:
        waiting.say(f"reading {folder} ...")
        out = out or f"{folder.rstrip('/' + os.sep)}.cutout"
        work = _FolderWork(folder, out, settings, image, video, overwrite, delete, waiting)
        if dry_run:
            ready(settings, quiet)
            _tell_plan(work, workers, as_json)
            return
        ready(settings, quiet)
        _load()
        with (
            _team(settings, jobs, workers, ray) as team,
            Interrupts() as interrupts,
            interrupts.released(),
        ):
            summary = work.run(team, watch)
    if as_json:
        say_json(asdict(summary))
    elif not quiet:
        say(*_lines(summary, out))
    report_failed(
        list(summary.failed.items()), summary.done + summary.skipped + len(summary.failed)
    )


def _load() -> None:
    """Import what it takes, before Ctrl-C may rise: a library that is struck crashes."""
    from streamcut.jobs import estimate, still  # noqa: F401
    from streamcut.jobs.many import batch, team, watching  # noqa: F401


class _FolderWork:
    """A folder's work, watched from the terminal."""

    def __init__(
        self,
        folder: str,
        out: str,
        settings: Settings,
        image: str,
        video: str | None,
        overwrite: bool,
        delete: bool,
        waiting: WaitingLine,
    ) -> None:
        from streamcut.compositing.looks import ALPHA_LOOKS
        from streamcut.jobs.many.batch import check_folders
        from streamcut.jobs.request import look_of

        if out == "-":
            raise UsageError("standard output holds no folder; one called - is ./-")
        check_folders(folder, out)
        alpha = look_of(settings) in ALPHA_LOOKS
        if alpha and (image == "jpg" or video == "mp4"):
            raise UsageError("JPEG and MP4 hold no alpha: give ", Named("background"))
        self._folder, self._out, self._settings = folder, out, settings
        self._endings = f".{image}", f".{video or ('webm' if alpha else 'mp4')}"
        self._again, self._delete, self._waiting = overwrite, delete, waiting

    def items(self) -> list[Item]:
        """Return what is in the folder."""
        from streamcut.jobs.many.batch import items_of

        return list(items_of(self._folder, self._out, *self._endings))

    def cost(self, items: Sequence[Item]) -> tuple[float, int]:
        """Return about how many seconds of one worker some files take, and how many bytes."""
        from streamcut.jobs.estimate import estimated, estimated_stills
        from streamcut.jobs.still import StillJob

        seconds, size = 0.0, 0
        images = [item.source for item in items if item.kind == "image"]
        if images:
            self._waiting.say(f"trying {images[0]} ...")
            found = estimated_stills(StillJob(self._settings), images, self._endings[0])
            seconds, size = found or (0.0, 0)
        videos = [item for item in items if item.kind == "video"]
        tried = videos[:_TRIED]
        share = _size_of(videos) / max(1, _size_of(tried))
        for item in tried:
            self._waiting.say(f"trying a second of {item.source} ...")
            try:
                told = estimated(item.source, item.output, self._settings)
            except StreamcutError:  # It is listed when it fails.
                continue
            seconds += share * (told.seconds or 0.0)
            size += round(share * (told.bytes or 0))
        self._waiting.clear()
        return seconds, size

    def run(self, team: Team, watch: bool) -> BatchSummary:
        """Do what is there, and with ``watch`` what comes, until Ctrl-C."""
        items = self.items()
        batch = self.batch(items)
        try:
            self._through(batch, team, len(items))
            if watch:
                self._watch(batch, team)
        except KeyboardInterrupt as stop:
            stop.args = (f"stopped: {batch.summary.done} done; the same command does the rest",)
            raise
        finally:
            self._waiting.clear()
        return batch.summary

    def batch(self, items: Iterable[Item]) -> FolderBatch:
        """Return what plans some items."""
        from streamcut.jobs.many.batch import FolderBatch

        return FolderBatch(items, self._settings, again=self._again, delete=self._delete)

    def _through(self, batch: FolderBatch, team: Team, count: int) -> None:
        from streamcut.jobs.many.team import shared_out

        began, due = time.monotonic(), 0.0
        for done in shared_out(batch.tasks(), team):
            if done is not None:
                batch.take(*done)
            if time.monotonic() >= due:
                due = time.monotonic() + _LEAST
                self._waiting.say(_progress(batch.summary, count, time.monotonic() - began))

    def _watch(self, batch: FolderBatch, team: Team) -> None:
        """Do what arrives; the same summary counts all of it."""
        from streamcut.jobs.many.watching import arrivals

        self._waiting.say(f"watching {self._folder} ...")
        for arrived in arrivals(self._folder):
            if not arrived:
                continue
            real = {os.path.realpath(path) for path in arrived}
            items = [item for item in self.items() if os.path.realpath(item.source) in real]
            batch.add(items)
            self._through(batch, team, batch.summary.done + len(items))
            self._waiting.say(f"{_progress(batch.summary, None, 0)}; watching {self._folder} ...")


def _colour(rgba: tuple[int, int, int, int]) -> str:
    """Return a colour of rembg's as a background."""
    if rgba[3] not in (0, 255):
        raise UsageError(Named("bgcolor"), " of a folder is opaque, or nothing: A is 255 or 0")
    return "#{:02x}{:02x}{:02x}".format(*rgba[:3]) if rgba[3] else ""


def _team(settings: Settings, jobs: int | None, workers: int, ray: str | None) -> Team:
    """Return who does the work: Ray's workers, or processes of this machine."""
    from streamcut.jobs.many.team import LocalTeam

    if ray is not None:
        from streamcut.jobs.many.ray_team import RayTeam

        try:
            return RayTeam(ray, jobs, settings.run.threads)
        except MissingDependencyError as error:
            say(f"streamcut: warning: {error}; this machine works alone")
    return LocalTeam(workers)


def _progress(summary: BatchSummary, count: int | None, seconds: float) -> str:
    from streamcut.jobs.report import clock

    done = summary.done + len(summary.failed)
    parts = [f"{done + summary.skipped}/{count} files" if count else f"{done} files"]
    left = (count or 0) - done - summary.skipped
    if count and done and left > 0 and (done >= _TELLING or seconds >= _TELLING):
        parts.append(f"{clock(left * seconds / done)} left")
    if summary.skipped:
        parts.append(f"{summary.skipped} were done before")
    if summary.failed:
        parts.append(f"{len(summary.failed)} failed")
    return ", ".join(parts)


def _lines(summary: BatchSummary, out: str) -> list[str]:
    """Return what became of a folder, in a few lines."""
    from streamcut.jobs.report import clock

    told = [
        f"{out}: {summary.done} done, {summary.skipped} done before, {len(summary.failed)} failed "
        f"in {clock(summary.seconds)}, {size_text(summary.bytes)}"
    ]
    by_note: dict[str, list[str]] = {}
    for source, notes in summary.notes.items():
        for note in notes:
            by_note.setdefault(note, []).append(source)
    for note, sources in by_note.items():
        several = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        told.append(f"note: {sources[0]}{several}: {note}")
    return told


def _size_of(items: Iterable[Item]) -> int:
    return sum(os.stat(item.source).st_size for item in items)


def _tell_plan(work: _FolderWork, workers: int, as_json: bool) -> None:
    """Print what would be done, and how soon and how large, from trying one of each kind."""
    from streamcut.jobs.report import clock

    items = work.items()
    todo = [item for item in items if not item.done]
    seconds, size = work.cost(todo)
    seconds /= workers
    if as_json:
        plan = [{**asdict(item), "done": item.done} for item in items]
        say_json({"files": plan, "seconds": seconds, "bytes": size})
        return
    for item in items:
        say(f"{item.source} -> {item.output}" + (" (done)" if item.done else ""), out=True)
    videos = sum(item.kind == "video" for item in todo)
    cost = f", about {clock(seconds)} and {size_text(size)}" if todo else ""
    counts = f"images {len(todo) - videos}, videos {videos}"
    say(f"to do: {counts}{cost}; done: {len(items) - len(todo)}", out=True)
