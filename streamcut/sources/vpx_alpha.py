"""VP8 and VP9 with alpha: two streams of frames in one, of which either may be damaged.

WebM and Matroska keep a frame's alpha in the BlockAdditional of its block (with BlockAddID 1), as
another VP8 or VP9 frame whose luma it is. libvpx's decoder in FFmpeg decodes both, and gives up on
every frame once the alpha of one cannot be decoded; FFmpeg's own decoders know of the colour alone.
Here each has an FFmpeg decoder of its own, so that broken alpha costs itself alone.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any, Final, cast

import av
from av.video.stream import VideoStream

from streamcut.media.colour import Colour
from streamcut.media.pixel_formats import ALPHA_TWIN, peak
from streamcut.media.planes import Plane, planes
from streamcut.sources.fitting import scaled_opacity

CODECS = ("vp8", "vp9")
"""Codecs, by FFmpeg's names, whose alpha may lie beside them."""

_SIDE_DATA: Final = "matroska_block_additional"
_ALPHA_ID = struct.pack(">Q", 1)  # What FFmpeg puts before it.


def has_alpha_beside(stream: VideoStream) -> bool:
    """Whether a stream says that its frames have alpha beside them."""
    tagged = {key.lower(): value for key, value in stream.metadata.items()}
    return stream.codec_context.name in CODECS and tagged.get("alpha_mode") == "1"


class AlphaDecoder:
    """Decodes frames and the alpha beside them, as one opened decoder would.

    A frame without alpha is opaque. One whose alpha is damaged has that of the frame before it;
    where there is none, it is opaque, too.

    Args:
        colour: the stream's decoder.
        alpha: another one for the same codec. Neither may hold frames back: no frame threads.

    Attributes:
        held: how many frames have the alpha of the frame before, because theirs is damaged.
        opaque: how many are opaque because their alpha is damaged.
    """

    has_b_frames = False

    def __init__(self, colour: av.VideoCodecContext, alpha: av.VideoCodecContext) -> None:
        self.held = self.opaque = 0
        self._colour, self._alpha = colour, alpha
        self._last: av.VideoFrame | None = None
        self._unknown: set[str] = set()

    @property
    def thread_count(self) -> int:
        """Threads of each of both; no frame waits for another one."""
        return 1

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel over its height, as the frames themselves say."""
        return self._colour.sample_aspect_ratio

    @property
    def notes(self) -> list[str]:
        """What became of alpha, in words."""
        told = [f"the alpha is left out: none goes with {name}" for name in sorted(self._unknown)]
        if self.held:
            told.append(f"{_of_frames(self.held)} damaged: that of the frame before is shown")
        if self.opaque:
            told.append(f"{_of_frames(self.opaque)} damaged, with none before it: made opaque")
        return told

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[av.VideoFrame]:
        """Return the frames of a packet, or what is left for None.

        Raises:
            FFmpegError: if the colour cannot be decoded.
        """
        alpha = self._alpha_of(packet)
        return [self._whole(frame, alpha) for frame in self._colour.decode(packet)]

    def _alpha_of(self, packet: av.Packet[VideoStream] | None) -> av.VideoFrame | _Absent | None:
        """Return the frame beside a packet; None where it is damaged."""
        beside = b"" if packet is None else bytes(cast(Any, packet.get_sidedata(_SIDE_DATA)))
        coded = beside.removeprefix(_ALPHA_ID)
        if not coded or len(coded) == len(beside):
            return _Absent()
        try:
            frames = self._alpha.decode(cast("av.Packet[VideoStream]", av.Packet(coded)))
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            return None
        return frames[-1] if frames else None

    def _whole(self, frame: av.VideoFrame, alpha: av.VideoFrame | _Absent | None) -> av.VideoFrame:
        """Return a frame with its alpha as its last plane."""
        name = frame.format.name
        if name not in ALPHA_TWIN:
            self._unknown.add(name)
            return frame
        if isinstance(alpha, _Absent):
            self._last = None
        elif alpha is not None and _size(alpha) == _size(frame):
            self._last = alpha
        else:
            self._count_damaged(frame)
        # Unlike a new frame with the same planes, this one has the same side data.
        whole = Colour.of(frame).apply(frame.reformat(format=ALPHA_TWIN[name]))
        planes(whole)[-1][:] = peak(name) if self._last is None else _opacity(self._last, name)
        return whole

    def _count_damaged(self, frame: av.VideoFrame) -> None:
        if self._last is not None and _size(self._last) != _size(frame):
            self._last = None
        self.held += self._last is not None
        self.opaque += self._last is None


class _Absent:
    """Stands for the alpha of a frame that has none."""


def _size(frame: av.VideoFrame) -> tuple[int, int]:
    return frame.width, frame.height


def _opacity(alpha: av.VideoFrame, name: str) -> Plane | None:
    """Return an alpha plane at the depth of a pixel format."""
    return scaled_opacity(planes(alpha)[0], _size(alpha), alpha.format.name, name)


def _of_frames(count: int) -> str:
    return "the alpha of 1 frame is" if count == 1 else f"the alpha of {count} frames is"
