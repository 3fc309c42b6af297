"""Inputs are opened here, for frames and for sound alike."""

from __future__ import annotations

import os

import av
from av.container import InputContainer

from streamcut.media.limits import STRICT, Limits
from streamcut.media.names import for_ffmpeg, is_address, numbered_for_ffmpeg, pattern_name
from streamcut.media.pillow_video import is_for_pillow, is_in_parts, open_by_pillow
from streamcut.media.sequences import ImageSequence
from streamcut.media.urls import timeout_for

AS_BROWSERS = {"default_fps": "10", "max_fps": "90"}
"""Options for APNG alone: what asks for less than 11 ms is shown for 100, as browsers do."""


def open_input(
    path: str, sequence: ImageSequence | None = None, limits: Limits = STRICT
) -> InputContainer:
    """Open a local file, an image sequence or an address for reading, within limits.

    Args:
        path: as :func:`streamcut.media.names.local_path` gives it.
        sequence: what a numbered path stands for, where that is known already.
        limits: of the frames' size, and for playlists.

    Raises:
        FFmpegError: whatever FFmpeg makes of it.
        OSError: likewise.
        SourceError: if images of a sequence are missing.
    """
    options = limits.options(path) | AS_BROWSERS
    name: str | _UnnamedFile = for_ffmpeg(path)
    if pattern_name(path) is not None:
        sequence = sequence or ImageSequence(path)
        if is_for_pillow(sequence.files[0], numbered=True):
            return open_by_pillow(sequence.files, limits)
        name = numbered_for_ffmpeg(sequence.pattern)
        options |= {"start_number": str(sequence.first), "pattern_type": "sequence"}
    elif not is_address(path) and is_for_pillow(path):
        return open_by_pillow([path], limits)
    elif not is_address(path) and (not _plain(path) or "%" in path):
        name = _UnnamedFile(path)
    timeout = timeout_for(path) if is_address(path) else None
    opened = av.open(
        name,
        "r",
        options=options,
        metadata_errors="replace",
        timeout=timeout,
        io_open=limits.guard(path),
    )
    if is_address(path) or not is_in_parts(path, opened):
        return opened
    with opened:
        return open_by_pillow([path], limits, opened)


class _UnnamedFile:
    """A file that FFmpeg reads through Python, since its name would say something else to it."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def read(self, count: int) -> bytes:
        return os.read(self._fd, count)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)


def _plain(path: str) -> bool:
    """Whether FFmpeg can be told the name: PyAV wants text that is UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
