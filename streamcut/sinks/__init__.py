"""Where frames go: :func:`open_sink` for files, :func:`open_live_sink` for who watches live."""

from __future__ import annotations

import os

from streamcut.media.frame import StreamInfo
from streamcut.sinks.base import LiveSink, Sink
from streamcut.sinks.file.formats import (
    FORMATS,
    QUALITIES,
    Codec,
    Format,
    format_of,
    is_folder,
    pattern_of,
)
from streamcut.sinks.file.media import MediaSink
from streamcut.sinks.file.output import Output, files_of, output_of
from streamcut.sinks.file.vp9_alpha import encode_alpha
from streamcut.sinks.live.obs_setup import obs_instructions, set_up_obs, websocket_at
from streamcut.sinks.live.targets import Target, open_live_sink
from streamcut.sinks.pipe import FAMILIES, Y4M_FORMATS, Outlet, pipe_format, reserved_stdout

__all__ = ["FAMILIES", "FORMATS", "QUALITIES", "Y4M_FORMATS", "Codec", "Format", "LiveSink"]
__all__ += [
    "MediaSink",
    "Outlet",
    "Output",
    "Sink",
    "Target",
    "encode_alpha",
    "files_of",
    "format_of",
    "is_folder",
    "output_of",
]
__all__ += ["obs_instructions", "open_live_sink", "open_sink", "pattern_of", "pipe_format"]
__all__ += ["reserved_stdout", "set_up_obs", "websocket_at"]


def open_sink(
    output: str | os.PathLike[str] | Output,
    info: StreamInfo,
    *,
    size: tuple[int, int],
    pixel_format: str,
    codec: Codec,
    quality: str = "balanced",
    threads: int = 0,
    audio: bool = True,
    alpha_apart: bool = False,
) -> Sink:
    """Open a file, a folder or pattern for an image sequence, as its ending asks, or a pipe.

    Args:
        output: where it lies, or what it is.
        info: of the input.
        size: (width, height) of the frames that will come.
        pixel_format: of the frames that will come.
        codec: how frames are encoded.
        quality: one of :data:`QUALITIES`.
        threads: for the encoder; 0 lets it choose.
        audio: whether to carry the input's sound.
        alpha_apart: whether frames come with their alpha encoded (see :func:`encode_alpha`).

    Raises:
        UsageError: if the ending is unknown.
        SinkError: if it cannot be opened.
    """
    return MediaSink(
        output_of(output),
        codec,
        info,
        size=size,
        pixel_format=pixel_format,
        quality=quality,
        threads=threads,
        audio=audio,
        alpha_apart=alpha_apart,
    )
