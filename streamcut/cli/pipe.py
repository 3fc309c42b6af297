"""``streamcut pipe``: standard input to standard output."""

from __future__ import annotations

import re
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli import standard_input
from streamcut.cli.fetching import ready
from streamcut.cli.grouped import GroupedCommand, option
from streamcut.cli.options import (
    config_option,
    given,
    quiet_option,
    section_options,
    settings_of,
    warn_of_idle,
)
from streamcut.cli.say import say, warn
from streamcut.cli.waiting import WaitingLine
from streamcut.core.errors import OutputClosedError, UsageError

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.media.limits import Limits
    from streamcut.sinks import Format
    from streamcut.sources import Inlet

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(?:/(\d{1,9}))?")
_Y4M_SIGN = b"YUV4MPEG2"
_FAMILIES = ("nut", "rawvideo", "y4m")
_EXAMPLES = (
    (
        "ffmpeg -v error -i in.mp4 -f nut -c rawvideo - | streamcut pipe --from nut | ffplay -",
        "between two programs",
    ),
    (
        "... | streamcut pipe --from rawvideo --size 1280x720 --pix-fmt rgb24 > out.rgba",
        "bare frames in, bare frames with alpha out",
    ),
)
_EPILOG = (
    "Standard output carries frames alone; everything else goes to standard error. When its "
    "reader closes it, the command ends quietly with exit code 0."
)
# What belongs to files alone, whatever a configuration file says.
_NO_FILE = {"size": "", "codec": "", "audio": False}


class Rate(click.ParamType):  # type: ignore[type-arg]  # Not generic before click 8.4.
    """Frames per second: 30, 29.97 or 30000/1001."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Return the rate, exactly."""
        # Not all that Fraction takes: 1e999999999 would keep it busy for good.
        found = _RATE.fullmatch(str(value))
        rate = Fraction(found[1]) / (int(found[2] or 1) or 1) if found else Fraction(0)
        if not 0 < rate <= 1000:
            self.fail(f"{value!r} is not a rate: write 30, 29.97 or 30000/1001", param, ctx)
        return rate


@click.command("pipe", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@option(
    "--from",
    "read_as",
    group="Input",
    default="auto",
    metavar="FORMAT",
    help="What comes in: rawvideo (bare frames: give --size and --pix-fmt), y4m, nut, any "
    "other input format of FFmpeg's, or auto to find out.  [default: auto]",
)
@option("--size", group="Input", metavar="WxH", help="Size of bare frames: 1280x720.")
@option(
    "--pix-fmt",
    group="Input",
    metavar="NAME",
    help="Pixel format of bare frames: rgb24.",
)
@option(
    "--fps",
    group="Input",
    type=Rate(),
    help="Rate of bare frames: 30 or 30000/1001.  [default: 30]",
)
@option(
    "--to",
    "write_as",
    group="Output",
    type=click.Choice(_FAMILIES),
    help="What goes out: nut (with alpha and times), rawvideo (bare frames) or y4m (opaque).  "
    "[default: what comes in, where it is one of these (y4m that auto has found: where the output "
    "is opaque), else nut]",
)
@option(
    "--to-pix-fmt",
    group="Output",
    metavar="NAME",
    default="",
    help="Pixel format that goes out.  [default: rgba where there is alpha; bare frames stay "
    "what they are, with alpha beside it: rgba, bgra, yuva420p]",
)
@section_options("matte", "picture", "run", without=("size",))
@config_option
@quiet_option
def command(
    read_as: str,
    size: str | None,
    pix_fmt: str | None,
    fps: Fraction | None,
    write_as: str | None,
    to_pix_fmt: str,
    config_file: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Remove the background of the video on standard input; write it to standard output.

    Frames go out one by one as they come in, so that it works between two other programs for as
    long as they like.
    """
    settings = settings_of(config_file, _NO_FILE | given(options))
    warn_of_idle(options, settings)
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal: let another program write to this one")
    refuse_terminal()
    from streamcut.jobs.request import limits_of

    write_as = write_as or like_input(read_as, to_pix_fmt, settings)
    inlet = _inlet(read_as, size, pix_fmt, fps, limits_of(settings))
    _run(inlet, _form(write_as, pix_fmt, to_pix_fmt), settings, quiet)


def refuse_terminal() -> None:
    """Refuse to write frames to a terminal.

    Raises:
        UsageError: if standard output is one.
    """
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal: let another program read this one")


def _run(inlet: Inlet, form: Format, settings: Settings, quiet: bool) -> None:
    from streamcut.cli.progress import shown, summary_text
    from streamcut.jobs.file import Job
    from streamcut.jobs.report import NOBODY
    from streamcut.sinks import Outlet, reserved_stdout

    with WaitingLine(quiet) as waiting, reserved_stdout() as fd:
        waiting.say(f"loading {settings.matte.model} ...")
        ready(settings, quiet)
        job = Job(inlet, Outlet(form, fd), settings)
        try:
            with shown(quiet, waiting) as tick:
                summary = job.run(tick)
        except OutputClosedError:
            return
    if quiet:  # Of a stream it is no news that nobody was there.
        warn(text for text in summary.warnings if text != NOBODY)
    else:
        say(*summary_text(summary).splitlines())


def _inlet(
    read_as: str, size: str | None, pix_fmt: str | None, fps: Fraction | None, limits: Limits
) -> Inlet:
    """Return what standard input is read as."""
    from streamcut.sources import Inlet, raw_inlet

    if read_as != "rawvideo":
        for name, value in (("--size", size), ("--pix-fmt", pix_fmt), ("--fps", fps)):
            if value is not None:
                raise UsageError(f"{name} is for --from rawvideo; other formats say it themselves")
        demuxer = {"auto": "", "y4m": "yuv4mpegpipe"}.get(read_as, read_as)
        return Inlet(demuxer, begun=standard_input.begun())
    if size is None or pix_fmt is None:
        raise UsageError("--from rawvideo needs --size and --pix-fmt: bare frames do not say")
    sides = re.fullmatch(r"([1-9]\d{0,8})x([1-9]\d{0,8})", size)
    if sides is None:
        raise UsageError(f"--size {size!r} is not a size: write 1280x720")
    limits.check_size(int(sides[1]), int(sides[2]))
    return raw_inlet(size, pix_fmt, fps or Fraction(30))


def like_input(read_as: str, to_pix_fmt: str, settings: Settings) -> str:
    """Return what is written where nobody says: what comes in, where it is one of ours."""
    from streamcut.compositing.looks import ALPHA_LOOKS
    from streamcut.jobs.request import look_of
    from streamcut.sinks import Y4M_FORMATS

    if read_as != "auto":
        return read_as if read_as in _FAMILIES else "nut"
    holds = look_of(settings) not in ALPHA_LOOKS and to_pix_fmt in ("", *Y4M_FORMATS)
    is_y4m = holds and standard_input.head(len(_Y4M_SIGN)).startswith(_Y4M_SIGN)
    return "y4m" if is_y4m else "nut"


def _form(family: str, pix_fmt: str | None, to_pix_fmt: str) -> Format:
    """Return what standard output is written as."""
    from streamcut.sinks import pipe_format

    if family == "rawvideo" and not (to_pix_fmt or pix_fmt):
        raise UsageError("--to rawvideo needs --to-pix-fmt: bare frames do not say what they are")
    return pipe_format(family, to_pix_fmt, pix_fmt or "")
