"""Rectangles that hold all of a thin band, so that the rest of a frame costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.media.planes import Plane

Area = tuple[slice, slice]
"""Rows and columns of a rectangle; indexes a plane."""


def around(mask: NDArray[np.uint8], margin: int, step: int = 1) -> Area | None:
    """Return the rectangle of what is set in a mask, and of what lies around; None for nothing.

    Args:
        mask: [rows, columns].
        margin: rows and columns on each side that belong to it.
        step: the rectangle begins and ends at multiples of this, or with the mask.
    """
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    rows, columns = mask.shape
    return span(y, y + height, rows, margin, step), span(x, x + width, columns, margin, step)


def span(first: int, last: int, whole: int, margin: int, step: int = 1) -> slice:
    """Return one side of such a rectangle: from first to before last, within a side of ``whole``.

    The arguments are those of :func:`around`.
    """
    start = max(0, first - margin) // step * step
    return slice(start, min(-(-(last + margin) // step) * step, whole))


def whole(plane: Plane) -> Area:
    """Return all rows and columns of a plane."""
    return slice(0, plane.shape[0]), slice(0, plane.shape[1])


def shifted(side: slice, by: int) -> slice:
    """Return one side of a rectangle, moved."""
    return slice(side.start + by, side.stop + by)


def scaled(area: Area, shape: tuple[int, ...], small: tuple[int, ...]) -> Area:
    """Return what an area of a frame of (rows, columns) is in a plane of another shape."""
    rows, columns = (
        slice(side.start // -(-whole // part), -(-side.stop // -(-whole // part)))
        for side, whole, part in zip(area, shape, small, strict=True)
    )
    return rows, columns


def covering(band: NDArray[np.bool_], side: int) -> Iterator[Area]:
    """Yield disjoint rectangles that hold all of a band: runs of square tiles, row by row.

    Args:
        band: [rows, columns].
        side: of a tile; the rectangles are as high, or less at the lower edge.
    """
    rows, columns = band.shape
    down, across = range(0, rows, side), range(0, columns, side)
    tiles = np.logical_or.reduceat(np.logical_or.reduceat(band, down, axis=0), across, axis=1)
    for row, flags in enumerate(tiles):
        for left, right in _runs(flags.tolist()):
            yield (
                slice(row * side, min((row + 1) * side, rows)),
                slice(left * side, min(right * side, columns)),
            )


def _runs(flags: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each run of true values."""
    start = 0
    for value, group in groupby(flags):
        stop = start + len(list(group))
        if value:
            yield start, stop
        start = stop
