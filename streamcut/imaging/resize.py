"""Frames made smaller: as networks see them, and averaged for what needs nothing sharp."""

from __future__ import annotations

from typing import cast

import av
import cv2
import numpy as np

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


def repeated(cells: Plane, down: int, across: int) -> Plane:
    """Return cells as squares of pixels: the nearest neighbour, at many times OpenCV's speed.

    Args:
        cells: [rows, columns].
        down: rows of pixels in a cell.
        across: columns of pixels in a cell.
    """
    wide = _wider(cells, across)[:, None]
    made = np.empty((len(cells), down, wide.shape[2]), cells.dtype)
    made[:] = wide
    return made.reshape(-1, wide.shape[2])


def _wider(cells: Plane, times: int) -> Plane:
    """Return cells repeated along their rows: merged as channels, at most four at a time."""
    while times > 1:
        few = next((few for few in (4, 3, 2) if times % few == 0), 0)
        if not few:
            return cells.repeat(times, axis=1)
        cells = np.asarray(cv2.merge([cells] * few)).reshape(len(cells), -1)
        times //= few
    return cells
