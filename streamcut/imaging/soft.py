"""The pixels of a matte between empty and full: few of them, found without a look at each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.tiles import Area, span
from streamcut.media.planes import Plane

_GROUP = 8  # Bytes that are read as one number.


@dataclass(frozen=True, slots=True)
class SoftPixels:
    """Where a matte is neither empty nor full, row after row.

    Attributes:
        shape: (rows, columns) of the matte.
        top: its code value for full.
        rows: of the pixels.
        columns: of the pixels.
        values: theirs in the matte.
    """

    shape: tuple[int, ...]
    top: int
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: Plane
    _at: dict[int, NDArray[np.intp]] = field(default_factory=dict, init=False, repr=False)

    def around(self, margin: int, step: int = 1) -> Area:
        """Return the rectangle of them and of what lies around, see :func:`~.tiles.around`."""
        rows, columns = (
            span(int(places.min()), int(places.max()) + 1, whole, margin, step)
            for places, whole in zip((self.rows, self.columns), self.shape, strict=True)
        )
        return rows, columns

    def inside(self, area: Area) -> SoftPixels:
        """Return those of them that lie in a rectangle."""
        rows, columns = area
        kept = (self.rows >= rows.start) & (self.rows < rows.stop)
        kept &= (self.columns >= columns.start) & (self.columns < columns.stop)
        if kept.all():
            return self
        return SoftPixels(
            self.shape, self.top, self.rows[kept], self.columns[kept], self.values[kept]
        )

    def at(self, plane: Plane) -> NDArray[np.intp]:
        """Return where the pixels lie in a plane's :func:`memory`."""
        row = plane.strides[0] // plane.itemsize
        if row not in self._at:
            self._at[row] = (self.rows * np.int32(row) + self.columns).astype(np.intp)
        return self._at[row]


def memory(plane: Plane) -> Plane:
    """Return all that lies between a plane's first pixel and its last one, as a view."""
    row = plane.strides[0] // plane.itemsize
    length = (plane.shape[0] - 1) * row + plane.shape[1]
    return np.lib.stride_tricks.as_strided(plane, (length,), (plane.itemsize,))


def soft_pixels(matte: Plane, top: int) -> SoftPixels:
    """Return which pixels of a matte are neither empty nor full.

    Args:
        matte: [rows, columns], uint8 or uint16.
        top: its code value for full.
    """
    flat = np.ascontiguousarray(matte).ravel()
    at, values = _between(flat, top) if flat.nbytes % _GROUP else _between_by_groups(flat, top)
    width = np.int32(matte.shape[1])
    rows = at // width
    return SoftPixels(matte.shape, top, rows, at - rows * width, values)


def _between_by_groups(flat: Plane, top: int) -> tuple[NDArray[np.int32], Plane]:
    """Return the same as :func:`_between`, looking closer only where a group is not plain."""
    groups, each = flat.view(np.uint64), _GROUP // flat.itemsize
    full = np.full(each, top, flat.dtype).view(np.uint64)[0]
    mixed = np.flatnonzero((groups != 0) & (groups != full))
    places, values = _between(groups.take(mixed).view(flat.dtype), top)
    shifts = ((mixed - np.arange(mixed.size)) * each).astype(np.int32)
    # NumPy shifts several times faster than it divides, and takes by its own kind of index.
    group = places >> np.int32(each.bit_length() - 1)
    return places + shifts.take(group.astype(np.intp)), values


def _between(flat: Plane, top: int) -> tuple[NDArray[np.int32], Plane]:
    """Return where values are neither 0 nor ``top``, and these values."""
    one = flat.dtype.type(1)
    at = np.flatnonzero(flat - one < flat.dtype.type(top - 1))  # 0 wraps to the largest.
    return at.astype(np.int32), flat.take(at)
