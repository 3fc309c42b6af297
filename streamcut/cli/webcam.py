"""``streamcut webcam``: a camera in, a virtual camera, OBS, the network or a pipe out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli import web
from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand, option
from streamcut.cli.options import (
    given,
    on_command_line,
    quiet_option,
    section_options,
    settings_of,
    warn_of_idle,
)
from streamcut.cli.pipe import refuse_terminal
from streamcut.cli.say import say, warn
from streamcut.cli.waiting import WaitingLine, step_aside
from streamcut.core.config_file import user_file
from streamcut.core.errors import UsageError

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.jobs.live.job import LiveJob, Tick
    from streamcut.jobs.live.state import LiveState, LiveSummary
    from streamcut.media.frame import CompositedFrame, StreamInfo
    from streamcut.sinks import LiveSink, Target

_EPILOG = (
    "Without a camera: streamcut webcam --camera FILE --loop. Ctrl-C stops it. While it runs, the "
    "configuration file is followed, and the key b or the signal SIGUSR1 shows the next "
    f"background. Settings are also read from {user_file()}."
)
_KEYS = "q quit   b next background"


_EXAMPLES = (
    ("streamcut webcam -b blur", "a virtual camera for video calls"),
    ("streamcut webcam --to obs --setup", "a transparent source in OBS"),
    ("streamcut webcam --to web", "a page with real alpha: for browsers, and OBS anywhere"),
    ("streamcut webcam --preview -b office.jpg --record call.mp4", "with a window and a recording"),
    ("streamcut webcam --camera in.mp4 --loop --to rtmp://...", "a file, streamed"),
)


@click.command("webcam", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@section_options("live", "matte", "picture", "run", repeated=("background",))
@option(
    "--to-format",
    group="Output",
    type=click.Choice(("nut", "rawvideo", "y4m")),
    default="nut",
    help="What --to - writes: nut (with alpha and timestamps), rawvideo or y4m (opaque).  "
    "[default: nut]",
)
@option(
    "--to-pix-fmt",
    group="Output",
    metavar="NAME",
    default="",
    help="Pixel format that --to - writes, as FFmpeg names it; rawvideo needs it.  [default: rgba "
    "where there is alpha]",
)
@option(
    "--record", group="Output", metavar="FILE", default="", help="Write the frames to a file too."
)
@option("-y", "--overwrite", group="Output", is_flag=True, help="Replace files that exist.")
@option(
    "--setup",
    group="Output",
    is_flag=True,
    help="With --to obs: let OBS itself add the source and show it.",
)
@option(
    "--password",
    group="Output",
    envvar="STREAMCUT_OBS_PASSWORD",
    default="",
    help="Password of OBS's websocket server, for --setup; STREAMCUT_OBS_PASSWORD works as well.",
)
@option(
    "--preview",
    group="Output",
    is_flag=True,
    help="Show a window. Keys: q quits, b shows the next background, m the matte, s before and "
    "after side by side, space freezes.",
)
@option("--config", "config_file", metavar="FILE", help="Read, and follow, this file instead.")
@quiet_option
@option("--json-lines", is_flag=True, help="Print a JSON object every second.")
@click.pass_context
def command(
    context: click.Context,
    /,
    to_format: str,
    to_pix_fmt: str,
    record: str,
    overwrite: bool,
    setup: bool,
    password: str,
    preview: bool,
    config_file: str | None,
    quiet: bool,
    json_lines: bool,
    **options: Any,
) -> None:
    """Remove the background of a camera, live.

    Frames that the machine has no time for are dropped before the network sees them: what you
    see is always fresh, and a frame and its matte are always of the same instant. If the output
    cannot be transparent and no background is given, the room is blurred.
    """
    backgrounds = options["background"]
    options["background"] = backgrounds[0] if backgrounds else None
    options["always"] = preview or options["always"]  # Who looks at the window watches.
    settings = settings_of(config_file, given(options))

    with WaitingLine(quiet or json_lines) as waiting:
        waiting.say(f"opening {settings.live.camera or 'the camera'} ...")
        from streamcut.cli.panel import summary_text
        from streamcut.jobs.live.controls import Watched
        from streamcut.jobs.live.job import LiveJob
        from streamcut.jobs.request import visible_on
        from streamcut.sinks import reserved_stdout

        targets = _targets(settings, to_format, to_pix_fmt, record)
        target = targets[0]
        _check(targets, settings, backgrounds, overwrite)
        _check_used(context, target, settings, setup)

        def read() -> Settings:
            return visible_on(targets, settings_of(config_file, given(options)))

        settings = read()
        warn_of_idle(options, settings)
        ready(settings, quiet)

        def set_up() -> None:
            step_aside()
            if setup:
                job.state.say(_set_up_obs(target, settings.live.obs_websocket, password))
            elif target.kind == "obs" and not quiet:
                click.echo(_about_obs(target), err=True)

        with ExitStack() as stack:
            fd = stack.enter_context(reserved_stdout()) if target.kind == "pipe" else 1
            followed = Path(config_file) if config_file else user_file()
            hub = None
            if web.wanted(settings, target):
                silent = quiet or json_lines
                hub = stack.enter_context(web.page(settings, target, followed, read, silent))
            job = LiveJob(
                settings,
                partial(web.opened, hub, record)
                if hub and target.kind == "web"
                else partial(_opened, target, record, settings, fd, set_up),
                backgrounds=backgrounds,
                watched=hub.controls if hub else Watched(followed, read),
                source=hub.source if hub and settings.live.camera == web.BROWSER else None,
            )
            stack.enter_context(_signals(job))
            ticks = _ticks(job, target, preview, quiet, json_lines)
            summary = _run(job, [stack.enter_context(tick) for tick in ticks])
    if quiet:
        warn(summary.notes)
    elif not json_lines:
        say(*summary_text(summary).splitlines())


def _targets(settings: Settings, family: str, pixel_format: str, record: str) -> list[Target]:
    """Return where the frames go: the live output, and the recording if there is one."""
    from streamcut.sinks import Target

    if settings.live.to == "-" and family == "rawvideo" and not pixel_format:
        raise UsageError(
            "--to-format rawvideo needs --to-pix-fmt: bare frames do not say what they are"
        )
    target = Target.parse(settings.live.to, family=family, pixel_format=pixel_format)
    return [target, Target.parse(record)] if record else [target]


def _check(
    targets: Sequence[Target], settings: Settings, backgrounds: Sequence[str], overwrite: bool
) -> None:
    """Refuse outputs that cannot be, before anything is opened."""
    from streamcut.jobs.live.controls import expanded
    from streamcut.jobs.outputs import check_apart, check_output

    target, *records = targets
    if target.kind == "pipe":
        refuse_terminal()
    for record in records:
        if record.kind != "file":
            raise UsageError("--record writes a file: give --to what is not a file")
        if target.kind == "file" and os.path.realpath(target.place) == os.path.realpath(
            record.place
        ):
            raise UsageError(f"{record.place} is the output: record into another file")
    shown = expanded(backgrounds or [settings.picture.background])
    for file in (each.place for each in targets if each.kind == "file"):
        for background in shown:
            check_apart(file, {"background": background})
        check_output(file, {"camera": settings.live.camera}, overwrite)


def _check_used(context: click.Context, target: Target, settings: Settings, setup: bool) -> None:
    """Refuse options of the command line that would do nothing, and what OBS could not be told."""
    from streamcut.sinks import websocket_at

    camera = settings.live.camera
    plays = os.path.isfile(camera) or camera.startswith("http")
    idle = {
        "to_format": ("--to-format is for --to -", target.kind != "pipe"),
        "to_pix_fmt": ("--to-pix-fmt is for --to -", target.kind != "pipe"),
        "setup": ("--setup is for --to obs", target.kind != "obs"),
        "password": ("--password is for --setup", not setup),
        "obs_websocket": ("--obs-websocket is for --setup", not setup),
        "loop": ("--loop is for a file: --camera FILE", settings.live.loop and not plays),
    }
    for name, (told, unused) in idle.items():
        if unused and on_command_line(context, name):
            raise UsageError(told)
    if setup:
        websocket_at(settings.live.obs_websocket)


def _ticks(
    job: LiveJob, target: Target, preview: bool, quiet: bool, json_lines: bool
) -> Iterator[AbstractContextManager[Tick]]:
    """Yield what looks at the job while it runs: a window, keys, and what is printed."""
    from streamcut.cli.panel import panel

    if preview:
        from streamcut.cli.preview import Window

        yield Window(job.stop, job.next_background)
    listening = _listening(target, quiet or json_lines)
    if listening:
        from streamcut.cli.keys import Keys

        yield Keys({"q": job.stop, "b": job.next_background})
    yield panel(quiet, json_lines, _KEYS if listening else "")


def _listening(target: Target, silent: bool) -> bool:
    """Whether keys are listened to: where a panel says which, and the terminal is ours.

    What reads our standard output has the same terminal, and may want its keys itself.
    """
    return not silent and target.kind != "pipe" and sys.stdin.isatty() and sys.stderr.isatty()


def _about_obs(target: Target) -> str:
    """Return how the source is added to OBS."""
    from streamcut.sinks import obs_instructions

    return obs_instructions(*_ports(target)) + "\nOr give --setup, which does all of this."


def _set_up_obs(target: Target, websocket: str, password: str) -> str:
    """Add the source to OBS and return what was done; only now, when it can connect."""
    from streamcut.sinks import set_up_obs, websocket_at

    host, port = websocket_at(websocket)
    return set_up_obs(*_ports(target), host=host, websocket_port=port, password=password)


def _ports(target: Target) -> list[int]:
    return [int(target.place)] if target.place else []


def _opened(
    target: Target,
    record: str,
    settings: Settings,
    fd: int,
    set_up: Callable[[], None],
    info: StreamInfo,
    pixel_format: str,
    size: tuple[int, int],
) -> LiveSink:
    """Open the output for frames of a stream, and set up what reads it."""
    from streamcut.sinks import open_live_sink

    sink = open_live_sink(
        target,
        info,
        size=size,
        pixel_format=pixel_format,
        fps=info.rate,
        threads=settings.run.threads,
        fd=fd,
        record=record,
    )
    try:
        set_up()
    except BaseException:
        with sink:  # Nobody else will close it.
            raise
    return sink


def _run(job: LiveJob, ticks: Sequence[Tick]) -> LiveSummary:
    def tick(state: LiveState, frame: CompositedFrame | None) -> None:
        step_aside()
        for each in ticks:
            each(state, frame)

    try:
        return job.run(tick)
    except KeyboardInterrupt as stop:
        if job.state.frames:
            stop.args = (f"stopped after {job.state.frames} frames",)
        raise


@contextmanager
def _signals(job: LiveJob) -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the job; SIGUSR1 shows the next background."""

    def stop(_: int, __: FrameType | None) -> None:
        job.stop()

    def turn(_: int, __: FrameType | None) -> None:
        job.next_background()

    wanted = {signal.SIGTERM: stop}
    if sys.platform != "win32":
        wanted[signal.SIGUSR1] = turn
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # As nohup asks for.
            wanted[signal.SIGHUP] = stop
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
