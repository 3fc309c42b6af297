"""Frames made smaller: as networks see them, and averaged for what needs nothing sharp."""

from __future__ import annotations

from typing import cast

import av
import cv2
import numpy as np

from streamcut.imaging.tiles import Area
from streamcut.media.colour import Colour
from streamcut.media.convert import AREA, RGB_TAGS, Converter
from streamcut.media.matte import RGB
from streamcut.media.planes import Plane, cropped


class Shrink:
    """Scales frames straight from their planes to RGB, as networks see them."""

    def __init__(self) -> None:
        self._convert = Converter("rgb24", RGB_TAGS, how=AREA)

    def __call__(
        self, frame: av.VideoFrame, size: tuple[int, int], part: Area | None = None
    ) -> RGB:
        """Return a frame, or a part of it, at a size (width, height).

        Args:
            frame: any.
            size: of what is returned, pixels.
            part: rows and columns of a planar frame; they begin where its chroma does.
        """
        if part is None:
            return cast(RGB, self._convert(frame, size).to_ndarray())
        rows, columns = part
        colour = Colour.of(frame).resolved(frame.height)  # What an untagged part would be is less.
        some = cropped(
            frame, columns.stop - columns.start, rows.stop - rows.start, columns.start, rows.start
        )
        return cast(RGB, self._convert(some, size, colour).to_ndarray())


def averaged(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return a plane averaged over the cells of a grid of (columns, rows), in its own dtype.

    As far as it can be halved it is: that is what OpenCV averages fastest.
    """
    while _halves(plane, size):
        plane = _half(plane)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def _halves(plane: Plane, size: tuple[int, int]) -> bool:
    """Whether a plane is halved on its way to a size (columns, rows)."""
    return plane.shape[1] >= 2 * size[0] and not (plane.shape[0] | plane.shape[1]) & 1


def _half(plane: Plane) -> Plane:
    return cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


class Halved:
    """A plane at half its size, a quarter, ...: each made once, when it is first asked for.

    Args:
        plane: [rows, columns].
    """

    def __init__(self, plane: Plane) -> None:
        self._levels = [plane]

    def averaged(self, area: Area, size: tuple[int, int]) -> Plane:
        """Return what :func:`averaged` makes of an area of the plane."""
        part, level = self._levels[0][area], 0
        while _halves(part, size) and self.reaches(level + 1, area):
            level += 1
            part = self.times(level, area)
        return averaged(part, size)

    def times(self, times: int, area: Area) -> Plane:
        """Return an area of the plane, halved so many times, if that :meth:`reaches` it."""
        while len(self._levels) <= times:
            self._levels.append(_half(self._levels[-1]))
        rows, columns = (slice(side.start >> times, side.stop >> times) for side in area)
        return self._levels[times][rows, columns]

    def reaches(self, times: int, area: Area) -> bool:
        """Whether an area halved is cut out of the plane halved, so many times."""
        ends = (*self._levels[0].shape, *(end for side in area for end in (side.start, side.stop)))
        return not any(end % (1 << times) for end in ends)


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
