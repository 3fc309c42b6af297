"""Standard output: frames for the next program of a pipe, and how they are written there."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import av
from av.container import OutputContainer

from streamcut.core.errors import OutputClosedError, UsageError
from streamcut.core.interrupts import Interrupts
from streamcut.media.pixel_formats import (
    ALPHA_TWIN,
    WORKING_FORMATS,
    can_be_made,
    has_alpha,
    makeable_format,
    working_format,
)
from streamcut.sinks.file.formats import Codec, Format

FAMILIES = ("nut", "rawvideo", "y4m")
"""What a pipe can carry: frames with times and alpha, bare frames, opaque YUV."""

_BUFFER = _PIECE = 1 << 20
_POLL = 0.2
_GREYS = ("gray", "gray10le", "gray12le", "gray16le")
Y4M_FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "gray", "gray10le", "gray12le", "gray16le"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv422p12le", "yuv444p12le"),
)
"""Pixel formats that y4m holds."""

_RGBA = ("rgba", "rgba64le")
_PACKED_TWIN = {"rgb24": "rgba", "bgr24": "bgra", "rgb0": "rgba", "bgr0": "bgra"}
_AT_ONCE = {"flush_packets": "1"}


class Outlet:
    """A file descriptor that frames are written to, in a form of its own.

    Args:
        form: how they are written, see :func:`pipe_format`.
        fd: the descriptor, see :func:`reserved_stdout`.

    ``bytes`` counts what was written.
    """

    def __init__(self, form: Format, fd: int) -> None:
        self.form = form
        self.bytes = 0
        self._fd, self._own = _unblocked(fd)
        self._broken = False
        self._waiting: float | None = None

    path = None
    """It has no place of its own."""

    def __str__(self) -> str:
        return "standard output"

    def create(self) -> OutputContainer:
        """Open it for frames; FFmpeg's errors are the caller's."""
        form = self.form
        options = dict(form.options)
        return av.open(self, "w", format=form.muxer, options=options, buffer_size=_BUFFER)

    def write(self, data: bytes) -> int:
        """Write all of ``data``, however long its reader takes; PyAV calls it.

        Once writing has failed or was interrupted, what comes later is thrown away: there is
        nobody to finish the stream for.

        Raises:
            OutputClosedError: if its reader has closed it.
        """
        rest, self._waiting = memoryview(data), time.monotonic()
        try:
            while rest and not self._broken:
                rest = rest[self._written(rest[:_PIECE]) :]
        except BaseException as error:
            self._broken = True
            if isinstance(error, BrokenPipeError):
                raise OutputClosedError(f"{self} was closed by its reader") from error
            raise
        finally:
            self._waiting = None
        self.bytes += len(data) - len(rest)
        return len(data)

    @property
    def waiting(self) -> float:
        """Seconds that what is being written has waited for its reader so far."""
        began = self._waiting
        return 0.0 if began is None else time.monotonic() - began

    def stop(self) -> None:
        """Throw away what waits for its reader, and all that follows."""
        self._broken = True

    def close(self) -> None:
        """Let the reader see the end, once the descriptor that was given is closed as well."""
        self._broken = True
        if self._own:
            self._own = False
            os.close(self._fd)

    def finish(self, *, good: bool, kept: bool) -> str:
        """Do nothing: what was written is gone."""
        return ""

    def _written(self, data: memoryview) -> int:
        """Write what there is room for; wait for room where there is none, open to Ctrl-C."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            with Interrupts():
                select.select([], [self._fd], [], _POLL)
            return 0


def _unblocked(fd: int) -> tuple[int, bool]:
    """Return a descriptor that can be written to without waiting, and whether it is a new one.

    Opened anew, a pipe is one for us alone: other programs that have it keep theirs as it was.
    Where that cannot be (a file, another system), the descriptor is used as it is.
    """
    if sys.platform != "win32":
        with suppress(OSError):
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), True
    return fd, False


@contextmanager
def reserved_stdout() -> Iterator[int]:
    """Yield a descriptor of standard output for frames alone.

    Within, whatever else is printed, by any library, goes to standard error.
    """
    sys.stdout.flush()
    reserved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield reserved
    finally:
        os.dup2(reserved, 1)
        os.close(reserved)


def pipe_format(family: str, pixel_format: str = "", like: str = "") -> Format:
    """Return how frames are written to a pipe.

    Args:
        family: one of :data:`FAMILIES`.
        pixel_format: that frames are made; empty suits the family.
        like: pixel format of bare frames that came in, which bare frames that go out
            have as well, with alpha beside it where there is alpha.

    Raises:
        UsageError: if a pixel format is unknown, or missing for bare frames.
    """
    if family == "y4m":
        return _y4m(pixel_format)
    if family == "nut":
        # Without an index, which would grow for as long as the pipe runs.
        offered = _only(pixel_format) if pixel_format else (WORKING_FORMATS + _GREYS, _RGBA)
        return _format(f"nut {pixel_format}", "nut", *offered, write_index="0")
    if not (pixel_format or like):
        raise UsageError("bare frames do not say what they are: name their pixel format")
    offered = _only(pixel_format) if pixel_format else (_opaque(like), (with_alpha(like),))
    return _format(f"rawvideo {pixel_format}", "rawvideo", *offered)


def _y4m(pixel_format: str) -> Format:
    if pixel_format and makeable_format(pixel_format) not in Y4M_FORMATS:
        raise UsageError(f"y4m holds no {pixel_format}; it holds {', '.join(Y4M_FORMATS)}")
    # More than eight bits are an extension, though every program knows it.
    return _format(
        "y4m", "yuv4mpegpipe", (pixel_format,) if pixel_format else Y4M_FORMATS, strict="-1"
    )


def _only(pixel_format: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is offered to opaque frames and to those with alpha: one pixel format."""
    one = (makeable_format(pixel_format),)
    return one, one if has_alpha(pixel_format) else ()


def with_alpha(pixel_format: str) -> str:
    """Return the pixel format nearest to one that has alpha beside its colour, and can be made."""
    if has_alpha(pixel_format) and can_be_made(pixel_format):
        return pixel_format
    usual = "rgba" if av.VideoFormat(pixel_format).has_palette else ""
    packed = _PACKED_TWIN.get(pixel_format, usual)
    return packed or ALPHA_TWIN[working_format(pixel_format)]


def _opaque(like: str) -> tuple[str, ...]:
    """Return what is offered to opaque frames where such frames came in."""
    if can_be_made(like):
        return like, *_GREYS
    palette = av.VideoFormat(like).has_palette
    return "rgb24" if palette else working_format(like), *_GREYS


def _format(
    name: str, muxer: str, opaque: tuple[str, ...], alpha: tuple[str, ...] = (), **options: str
) -> Format:
    timeless = muxer != "nut"
    codec = Codec("rawvideo", "rawvideo", opaque=opaque, alpha=alpha, timeless=timeless)
    instead = "write nut, or rawvideo in rgba"
    return Format(name.strip(), muxer, (codec,), options=_AT_ONCE | options, for_alpha=instead)
