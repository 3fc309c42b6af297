"""Where frames come from: :func:`open_source` makes the right source for an input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol, Self

from streamcut.media.frame import Frame, StreamInfo
from streamcut.media.limits import STRICT, Limits
from streamcut.sources.address import Input, input_of
from streamcut.sources.camera import Camera, cameras, open_live
from streamcut.sources.crop_scale import mirrored
from streamcut.sources.live import LiveSource
from streamcut.sources.media import MediaSource
from streamcut.sources.pipe import Inlet, raw_inlet
from streamcut.sources.size import Size
from streamcut.sources.v4l2 import Mode

__all__ = [
    "Camera",
    "Inlet",
    "Input",
    "LiveSource",
    "MediaSource",
    "Mode",
    "Size",
    "Source",
    "cameras",
]
__all__ += ["input_of", "mirrored", "open_live", "open_source", "raw_inlet"]


class Source(Protocol):
    """Frames in presentation order, with what is known about them.

    How to add one:

    1. Write a class with these members in a module of ``sources/``. Open the input in
       ``__init__``, raise :class:`~streamcut.core.errors.SourceError` if that fails (one line,
       what to do), and know ``info`` before the first frame: read one frame ahead if need be.
    2. Yield a :class:`~streamcut.media.frame.Frame` for each: upright, in one of
       ``WORKING_FORMATS``, with a rising presentation timestamp (``normalize.Conform`` does all
       but the last). A frame that cannot be decoded is counted in ``undecodable`` and skipped; an
       input that stops being readable raises; its end ends the iteration.
    3. Return it from :func:`open_source`, or from :func:`open_live` if it arrives by itself: for
       that, write a :class:`~streamcut.sources.reconnect.Feed`, and ``LiveSource`` does the rest.
    4. Test it with a clip from ``tests/helpers/media.py``, whose pixels and timestamps are known.

    Attributes:
        info: of the stream; does not change.
        undecodable: packets that were lost on the way.
    """

    info: StreamInfo
    undecodable: int

    @property
    def jumps(self) -> int:
        """How often the input's clock jumped so far."""

    @property
    def notes(self) -> list[str]:
        """What was not kept as the input has it, in words."""

    def __iter__(self) -> Iterator[Frame]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def open_source(
    url: str | os.PathLike[str] | Input,
    *,
    start: Fraction | None = None,
    duration: Fraction | None = None,
    size: Size | None = None,
    threads: int = 0,
    limits: Limits = STRICT,
    cover: bool = False,
) -> Source:
    """Open a video file, image, image sequence (``%04d.png``), network address or pipe.

    Args:
        url: what to open.
        start: seconds to skip from its beginning.
        duration: seconds to deliver at most.
        size: what to scale the frames to.
        threads: threads for decoding; 0 lets FFmpeg choose.
        limits: how large its frames may be, and whether it may open other files.
        cover: crop frames of another shape than the first; otherwise bars are put around them.

    Raises:
        SourceError: if it cannot be opened or holds no decodable video.
    """
    return MediaSource(
        url,
        start=start,
        duration=duration,
        size=size,
        threads=threads,
        limits=limits,
        cover=cover,
    )
