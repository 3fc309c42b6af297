"""``streamcut webcam``: a camera in, a virtual camera, OBS, the network or a pipe out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import click

from streamcut import config
from streamcut.cli.fetching import ready
from streamcut.cli.options import look_options, machine_options, setting

if TYPE_CHECKING:
    from streamcut.config import Settings
    from streamcut.frame import Frame, StreamInfo
    from streamcut.live import LiveJob, LiveSink, LiveSummary, OpenSink
    from streamcut.sinks import Sink

_EPILOG = (
    "Without a camera: streamcut webcam --camera FILE --loop. Ctrl-C stops it. While it runs, the "
    "configuration file is followed, and the signal SIGUSR1 shows the next background. Settings "
    f"are also read from {config.user_file()}."
)


@click.command("webcam", epilog=_EPILOG)
@setting("camera", "--camera", metavar="WHAT")
@setting("to", "--to", metavar="WHERE")
@partial(look_options, backgrounds=True)
@setting("size", "--size", metavar="SIZE")
@setting("fps", "--fps", metavar="N")
@setting("mirrored", "--mirror/--no-mirror")
@setting("loop", "--loop/--no-loop")
@setting("always", "--always/--no-always")
@setting("unchanged", "--unchanged", metavar="DB")
@machine_options
@click.option(
    "--config", "config_file", metavar="FILE", help="Read, and follow, this file instead."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("--json-lines", is_flag=True, help="Print a JSON object every second.")
def command(config_file: str | None, quiet: bool, json_lines: bool, **options: Any) -> None:
    """Remove the background of a camera, live.

    Pictures that the machine has no time for are dropped before the network sees them: what is
    shown is always fresh, and a picture and its matte are always of the same instant.
    """
    backgrounds = options.pop("background")
    given = {name: value for name, value in options.items() if value is not None}
    if backgrounds:
        given["background"] = backgrounds[0]
    path = Path(config_file) if config_file else None
    settings = config.load(path).with_options(given)

    from streamcut.cli.panel import panel, summary_text
    from streamcut.controls import Watched
    from streamcut.live import LiveJob

    ready(settings, quiet)
    with ExitStack() as stack:
        opened = stack.enter_context(_output(settings))
        job = LiveJob(settings, opened, backgrounds=backgrounds, watched=Watched(path, given))
        tick = stack.enter_context(panel(quiet, json_lines))
        stack.enter_context(_signals(job))
        summary = _run(job, tick)
    if not quiet and not json_lines:
        click.echo(summary_text(summary), err=True)


def _run(job: LiveJob, tick: Any) -> LiveSummary:
    try:
        return job.run(tick)
    except KeyboardInterrupt as stop:
        if job.state.frames:
            stop.args = (f"stopped after {job.state.frames} pictures",)
        raise


@contextmanager
def _signals(job: LiveJob) -> Iterator[None]:
    """Let SIGTERM end the job and SIGUSR1, where there is one, show the next background."""

    def stop(_: int, __: FrameType | None) -> None:
        job.stop()

    def turn(_: int, __: FrameType | None) -> None:
        job.next_background()

    wanted = {signal.SIGTERM: stop}
    if hasattr(signal, "SIGUSR1"):
        wanted[signal.SIGUSR1] = turn
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _output(settings: Settings) -> Iterator[OpenSink]:
    """Yield what opens the output; standard output is kept for frames alone meanwhile."""
    from streamcut.sinks import Outlet, format_of, open_sink, pipe_format, reserved_stdout

    with ExitStack() as stack:
        target: str | Outlet = settings.live.to
        if target == "-":
            target = Outlet(pipe_format("nut"), stack.enter_context(reserved_stdout()))
        form = target.form if isinstance(target, Outlet) else format_of(target)

        def opened(info: StreamInfo, pixel_format: str, size: tuple[int, int]) -> LiveSink:
            sink = open_sink(
                target, info, size=size, pixel_format=pixel_format, codec=form.codec("")
            )
            return _Unasked(sink)

        yield opened


class _Unasked:
    """A sink of which nobody can know whether it is watched."""

    watched = True

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    @property
    def state(self) -> str:
        return f"{self._sink.written} pictures written"

    def write(self, frame: Frame) -> None:
        self._sink.write(frame)

    def __enter__(self) -> Self:
        self._sink.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._sink.__exit__(*error)
