"""Standard input: whatever FFmpeg can read from a pipe."""

from __future__ import annotations

import os
import select
from collections.abc import Mapping
from fractions import Fraction

import av
from av.container import InputContainer

from streamcut.core.errors import UsageError
from streamcut.media.limits import Limits
from streamcut.media.opening import AS_BROWSERS
from streamcut.media.pixel_formats import known_format

_BUFFER = 1 << 20
_POLL = 0.2
_CAN_POLL = os.name != "nt"  # Windows has no way to wait for a pipe.


class Inlet:
    """A file descriptor that is read once, from beginning to end.

    Args:
        demuxer: FFmpeg's name for the format; empty finds out from the first bytes.
        options: of the demuxer.
        fd: the descriptor; 0 is standard input.
        begun: what was read of it already.
    """

    def __init__(
        self,
        demuxer: str = "",
        options: Mapping[str, str] | None = None,
        fd: int = 0,
        begun: bytes = b"",
    ) -> None:
        if demuxer:
            check_demuxer(demuxer)
        self._demuxer = demuxer
        self._options = dict(options or {})
        self._fd = fd
        self._begun = begun
        self._stopped = False

    again = None
    """It is read only once."""

    def __str__(self) -> str:
        return "standard input"

    def open(self, limits: Limits) -> InputContainer:
        """Read the beginning, within limits; FFmpeg's errors are the caller's."""
        options = limits.options("") | AS_BROWSERS | self._options
        if self._demuxer:  # Asked for by name.
            options.pop("format_whitelist", None)
        # A pipe gives what it has: a large buffer means fewer calls, never a longer wait.
        return av.open(
            self,
            "r",
            format=self._demuxer or None,
            options=options,
            metadata_errors="replace",
            buffer_size=_BUFFER,
        )

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes at most, nothing at the end or once stopped; PyAV calls it."""
        if self._begun and not self._stopped:
            part, self._begun = self._begun[:count], self._begun[count:]
            return part
        while _CAN_POLL and not self._stopped:
            if select.select([self._fd], [], [], _POLL)[0]:
                break
        return b"" if self._stopped else os.read(self._fd, count)

    def stop(self) -> None:
        """Let reading end, also where it waits for bytes that may never come."""
        self._stopped = True


def raw_inlet(size: str, pixel_format: str, rate: Fraction, fd: int = 0) -> Inlet:
    """Return an inlet for bare frames, one after the other without any header.

    Args:
        size: of the frames, ``1280x720``.
        pixel_format: as FFmpeg names it.
        rate: frames per second.
        fd: the descriptor; 0 is standard input.

    Raises:
        UsageError: if FFmpeg knows no such pixel format.
    """
    options = {
        "video_size": size,
        "pixel_format": known_format(pixel_format),
        "framerate": str(rate),
    }
    return Inlet("rawvideo", options, fd)


def check_demuxer(name: str) -> None:
    """Refuse what is not an input format of FFmpeg's."""
    try:
        av.ContainerFormat(name, "r")
    except ValueError as error:
        raise UsageError(f"FFmpeg has no input format called {name!r}") from error
