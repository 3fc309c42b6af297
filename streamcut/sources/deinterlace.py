"""Interlaced frames made whole: their two halves are of different instants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.stream import VideoStream

# Frames get their own times back: what the filter takes them for does not matter.
_ANY = Fraction(1, 1000)
# The filter refuses planes of fewer than three columns or four lines.
_LEAST = 16

_STILL_CODECS = frozenset(
    {
        *("apng", "bmp", "dds", "dpx", "exr", "fits", "gif", "hdr", "jpegxl", "pam", "pbm", "pcx"),
        *("pfm", "pgm", "png", "ppm", "psd", "qoi", "sgi", "sunrast", "svg", "targa", "tiff"),
        *("webp", "xbm", "xpm", "xwd"),
    }
)


def is_still(container: InputContainer, stream: VideoStream) -> bool:
    """Whether a stream's frames are images by themselves, not television."""
    demuxers = container.format.name
    return demuxers.startswith("image2") or "_pipe" in demuxers or stream.name in _STILL_CODECS


class Progressive:
    """Makes whole frames of interlaced ones by FFmpeg's bwdif; others pass as they are.

    The rate stays: every frame comes out with its own time. The first field is the one whose
    instant it shows.

    Args:
        still: the frames are images, of which none was ever made of two fields: what a PNG
            calls interlaced (Adam7) is the order of its pixels.

    Attributes:
        interlaced: how many were.
    """

    def __init__(self, *, still: bool = False) -> None:
        self.interlaced = 0
        self._still = still

    def __call__(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Yield as many frames as come, in their order."""
        filtering: _Filter | None = None
        for frame in frames:
            woven = not self._still and frame.interlaced_frame
            woven = woven and min(frame.width, frame.height) >= _LEAST
            self.interlaced += woven
            if filtering is not None and not filtering.takes(frame):
                yield from filtering.rest()
                filtering = None
            if filtering is None and not woven:
                yield frame
                continue
            filtering = filtering or _Filter(frame)
            yield from filtering(frame)
        if filtering is not None:
            yield from filtering.rest()


class _Filter:
    """FFmpeg's filter for frames of one kind; it is a frame late."""

    def __init__(self, first: av.VideoFrame) -> None:
        self._kind = _kind(first)
        self._graph = Graph()
        given = self._graph.add_buffer(
            width=first.width,
            height=first.height,
            format=first.format,
            time_base=_ANY,
        )
        made = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        taken = self._graph.add("buffersink")
        given.link_to(made)
        made.link_to(taken)
        self._graph.configure()
        self._given: list[av.VideoFrame] = []

    def takes(self, frame: av.VideoFrame) -> bool:
        """Whether a frame is of the kind that it was made for."""
        return _kind(frame) == self._kind

    def __call__(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        if frame is not None:
            self._given.append(frame)
        self._graph.vpush(frame)
        with suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                yield self._timed(self._graph.vpull())

    def rest(self) -> Iterator[av.VideoFrame]:
        """Yield the frame that it still holds."""
        yield from self(None)

    def _timed(self, made: av.VideoFrame) -> av.VideoFrame:
        """Give a frame the time of the one that it was made of: bwdif counts in half units."""
        given = self._given.pop(0)
        made.pts = given.pts
        if given.time_base is not None:
            made.time_base = given.time_base
        return made


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
