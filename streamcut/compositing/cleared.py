"""Colour that nobody sees, replaced by something that costs an encoder nothing.

With straight alpha the old background is still in the file, invisible: it takes half of the colour
encoder's time, much of the file, and shows the room to whoever looks for it. Blocks of 8x8 pixels
with something visible in them, or within 4 pixels of it, stay bit for bit what they were: that is
what chroma, loop filters and players that scale colour without regard to alpha can reach. From
there the local colour fades over one or two blocks to a grey that is the same in every frame, so
that an encoder skips it. The blocks are an encoder's own: the same margin by pixels, or a longer
fade, gives larger files.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.resize import averaged, repeated
from streamcut.imaging.tiles import Area, around
from streamcut.media.pixel_formats import depth
from streamcut.media.planes import Plane

CELL = 8
"""Side of a block, in pixels of the frame."""

_HALF = CELL // 2
_REACH = 2  # Cells that the fade goes on for.
_SIGMA = 0.5  # Of the fade, in cells.
_GAIN = 4.0

Cells = NDArray[np.uint8]
"""One value a block: 255 where its pixels are kept, else 0; [rows, columns]."""


def clear(
    sources: Sequence[Plane], targets: Sequence[Plane], matte: Plane, pixel_format: str
) -> None:
    """Write the colour of what a matte shows, and next to nothing elsewhere.

    Args:
        sources: planes of planar YUV or RGB, any depth.
        targets: of the same sizes, or the same ones; more of them (alpha) are left alone.
        matte: of the frame's size, uint8 or uint16; 0 is invisible.
        pixel_format: of the sources.
    """
    area = _Area.around(kept_cells(matte))
    grey = 1 << (depth(pixel_format) - 1)
    for source, target in zip(sources, targets, strict=False):
        if area is None:
            target[:] = grey
        else:
            area.fill(source, target, matte.shape, grey)


def kept_cells(matte: Plane) -> Cells:
    """Return which blocks hold something visible or lie within half a block of it."""
    # A block is two squares wide and reaches one further on each side.
    near = cv2.dilate(_quarters(matte), np.ones((4, 4), np.uint8), anchor=(1, 1))
    return np.ascontiguousarray(near[::2, ::2])


def _quarters(matte: Plane) -> Cells:
    """Return which squares of 4x4 pixels hold anything visible: four pixels are read as one."""
    height, width = matte.shape
    rows, columns = -(-height // _HALF), -(-width // _HALF)
    whole = np.ascontiguousarray(matte)
    if (height, width) != (rows * _HALF, columns * _HALF):
        whole = np.zeros((rows * _HALF, columns * _HALF), matte.dtype)
        whole[:height, :width] = matte
    fours = whole.view(f"u{_HALF * matte.itemsize}").reshape(rows, _HALF, columns)
    seen = (fours[:, 0] | fours[:, 1] | fours[:, 2] | fours[:, 3]) != 0
    return np.asarray(np.multiply(seen, 255, dtype=np.uint8))


class _Area:
    """The rectangle of blocks that are kept or faded into.

    Args:
        top: its first row of blocks.
        left: its first column.
        kept: what is kept in it.
    """

    def __init__(self, top: int, left: int, kept: Cells) -> None:
        self._top, self._left, self._kept = top, left, kept
        self._share = np.divide(kept, 255, dtype=np.float32)
        self._weight = _blurred(self._share)
        self._near = np.minimum(_GAIN * self._weight, 1)
        self._masks: dict[tuple[int, int], Plane] = {}

    @classmethod
    def around(cls, kept: Cells) -> _Area | None:
        """Return the part of the grid that is not plain grey, or None."""
        area = around(kept, _REACH)
        if area is None:
            return None
        rows, columns = area
        return cls(rows.start, columns.start, np.ascontiguousarray(kept[area]))

    def fill(self, source: Plane, target: Plane, size: tuple[int, ...], grey: int) -> None:
        """Write what is kept of a plane, the fade around it, and grey, into another or itself."""
        side = [
            max(1, round(CELL * part / whole))
            for part, whole in zip(source.shape, size, strict=True)
        ]
        (rows, columns), (high, wide) = self._kept.shape, side
        area = (
            slice(self._top * high, (self._top + rows) * high),
            slice(self._left * wide, (self._left + columns) * wide),
        )
        above, below = source[area], target[area]
        full = (columns * wide, rows * high)
        fade = self._faded(_whole(above, full), grey)
        if source is not target:
            below[:] = above
        fading = self._fading(high, wide)
        filled = cv2.resize(fade, full, interpolation=cv2.INTER_LINEAR)
        cv2.copyTo(_part(filled, above), _part(fading, above), below)
        _fill_around(target, area, grey)

    def _fading(self, high: int, wide: int) -> Plane:
        """Return what is not kept, 255 and 0, for a plane with blocks of so many pixels."""
        if (high, wide) not in self._masks:
            self._masks[high, wide] = repeated(np.bitwise_not(self._kept), high, wide)
        return self._masks[high, wide]

    def _faded(self, plane: Plane, grey: int) -> Plane:
        """Return the colour around what is kept, one value a block, on its way to grey."""
        near, columns = self._near, self._kept.shape[1]
        means = averaged(plane, (columns, len(self._kept))).astype(np.float32)
        local = _blurred(np.multiply(means - grey, self._share, dtype=np.float32))
        local /= np.maximum(self._weight, 1e-6)
        faded = local * near * near * (3 - 2 * near) + grey
        return np.asarray(np.rint(faded), plane.dtype)


def _blurred(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    side = 2 * _REACH + 1
    return np.asarray(cv2.GaussianBlur(grid, (side, side), _SIGMA), np.float32)


def _fill_around(plane: Plane, area: Area, value: int) -> None:
    """Write one value wherever a rectangle is not."""
    rows, columns = area
    plane[: rows.start] = plane[rows.stop :] = value
    plane[rows, : columns.start] = plane[rows, columns.stop :] = value


def _whole(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return a plane with its last pixels repeated up to (width, height)."""
    right, bottom = size[0] - plane.shape[1], size[1] - plane.shape[0]
    if not right and not bottom:
        return plane
    return cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_REPLICATE)


def _part(plane: Plane, like: Plane) -> Plane:
    return plane[: like.shape[0], : like.shape[1]]
