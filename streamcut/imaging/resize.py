"""Frames made smaller: as networks see them, and averaged for what needs nothing sharp."""

from __future__ import annotations

from typing import cast

import av
import cv2

from streamcut.media.convert import AREA, RGB_TAGS, Converter
from streamcut.media.matte import RGB
from streamcut.media.planes import Plane


class Shrink:
    """Scales frames straight from their planes to RGB, as networks see them."""

    def __init__(self) -> None:
        self._convert = Converter("rgb24", RGB_TAGS, how=AREA)

    def __call__(self, frame: av.VideoFrame, size: tuple[int, int]) -> RGB:
        """Return a frame at a size (width, height)."""
        return cast(RGB, self._convert(frame, size).to_ndarray())


def averaged(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return a plane averaged over the cells of a grid of (columns, rows), in its own dtype.

    As far as it can be halved it is: that is what OpenCV averages fastest.
    """
    while plane.shape[1] >= 2 * size[0] and not (plane.shape[0] | plane.shape[1]) & 1:
        plane = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
