"""Upright frames: the display matrix that phones write, carried out on the planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.buffer import Buffer

from streamcut.media.planes import Plane, blank_like, planes
from streamcut.media.side_data import side_data_of

# Turning a frame turns its chroma subsampling; 4:2:2 would become 4:4:0, which no alpha twin has.
TURNABLE = {"yuv422p": "yuv444p", "yuv422p10le": "yuv444p10le", "yuv422p12le": "yuv444p12le"}


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways a frame can lie: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation:
        """Read the display matrix of a decoded frame (FFmpeg, ``libavutil/display.h``).

        The matrix maps a source pixel (p, q) to (a p + c q + x, b p + d q + y), stored as
        a, b, u, c, d, v, x, y, w in 16.16 fixed point.
        """
        matrix = cast("Buffer | None", side_data_of(frame).get("DISPLAYMATRIX"))
        if matrix is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
        turned = abs(b) > abs(a)
        return cls(turned, (c if turned else a) < 0, (b if turned else d) < 0)

    def __bool__(self) -> bool:
        return self.transpose or self.mirror_x or self.mirror_y

    def apply(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return ``frame`` upright; its pixel format must not be in :data:`TURNABLE`'s keys."""
        size = (frame.width, frame.height)
        upright = blank_like(frame, frame.format.name, size[::-1] if self.transpose else size)
        for source, target in zip(planes(frame), planes(upright), strict=True):
            target[:] = self._turn(source)
        return upright

    def _turn(self, plane: Plane) -> Plane:
        turned = cv2.transpose(plane) if self.transpose else plane
        if self.mirror_x and self.mirror_y:
            return cv2.flip(turned, -1)
        if self.mirror_x:
            return cv2.flip(turned, 1)
        return cv2.flip(turned, 0) if self.mirror_y else turned


class Orientations:
    """How the frames of one stream lie.

    Some streams tell it with their keyframes alone: the others lie as the one before them.
    """

    def __init__(self) -> None:
        self._last = Orientation()

    def __call__(self, frame: av.VideoFrame) -> Orientation:
        """Return how the next frame lies."""
        own = Orientation.of(frame)
        if own or frame.key_frame:
            self._last = own
        return self._last
