"""Colour above matte, encoded once for all viewers."""

from __future__ import annotations

import time
from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from streamcut.media.colour import Colour
from streamcut.media.planes import planes

CODECS = {"H264": "libx264", "VP8": "libvpx"}
"""What browsers take, the quicker one first, with FFmpeg's encoders."""

_OPTIONS = {
    "H264": {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "crf": "21",
        "bf": "0",
        "maxrate": "12M",
        "bufsize": "3M",
    },
    "VP8": {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "error-resilient": "1",
        "crf": "10",
        "static-thresh": "100",
    },
}
_KEYFRAMES = 2  # Seconds between two keyframes, where nobody asks for one.
_UNIT = Fraction(1, 90_000)


class StackedEncoder:
    """Encodes composited frames for one codec.

    Args:
        codec: H264 or VP8.
        size: (width, height) of the frames.
        rate: of the frames.
        threads: for the encoder; 0 lets it choose.
    """

    def __init__(self, codec: str, size: tuple[int, int], rate: Fraction, threads: int = 0) -> None:
        self._size = size[0] & ~1, size[1] & ~1
        context = av.CodecContext.create(CODECS[codec], "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = self._size[0], 2 * self._size[1]
        context.pix_fmt, context.time_base, context.framerate = "yuv420p", _UNIT, rate
        context.bit_rate = 6_000_000 if codec == "VP8" else 0
        context.gop_size = max(1, round(_KEYFRAMES * rate))
        context.options = _OPTIONS[codec]
        context.thread_count = threads or 2
        context.thread_type = "SLICE"
        self._context, self._last = context, -1
        self.keyframe_wanted = True

    def encode(self, frame: av.VideoFrame) -> list[av.Packet[av.VideoStream]]:
        """Return the packets of a frame: yuv420p, or yuva420p with straight alpha."""
        made = stacked(frame, self._size)
        # The time of sending, not of capture: a browser keeps frames back by as much as they
        # seem to be late, and nothing is to be kept back.
        self._last = max(self._last + 1, round(time.monotonic() / _UNIT))
        made.pts, made.time_base = self._last, _UNIT
        if self.keyframe_wanted:
            made.pict_type, self.keyframe_wanted = PictureType.I, False
        return self._context.encode(made)


def stacked(frame: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
    """Return colour above matte: yuv420p, twice as high.

    Args:
        frame: yuv420p or yuva420p.
        size: (width, height) of each half, even.
    """
    width, height = size
    made = av.VideoFrame(width, 2 * height, "yuv420p")
    layers, targets = planes(frame), planes(made)
    for layer, target in zip(layers[:3], targets, strict=True):
        half = target.shape[0] // 2
        target[:half] = layer[:half, : target.shape[1]]
        target[half:] = 128
    targets[0][height:] = _luma_of(layers, frame)[:height, :width]
    return Colour.of(frame).apply(made)


def _luma_of(layers: list[NDArray[np.uint8]], frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return the matte as luma in the frame's own range."""
    if len(layers) < 4:
        return np.full_like(layers[0], 255 if Colour.of(frame).full_range else 235)
    if Colour.of(frame).full_range:
        return layers[3]
    return _LIMITED[layers[3]]


_LIMITED = np.rint(np.arange(256) * 219 / 255 + 16).astype(np.uint8)
