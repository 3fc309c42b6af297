"""A matte's border in every plane of a frame, found once for all stages, and its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import av
import numpy as np

from streamcut.imaging.resize import averaged
from streamcut.imaging.soft import SoftPixels, memory, soft_pixels
from streamcut.imaging.tiles import Area, scaled, span
from streamcut.media.frame import MattedFrame
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import Plane, copied, fitted, planes


class Border:
    """A matte at the sizes of a frame's planes, and its soft pixels: found once for all stages.

    Args:
        matte: of the frame's size.
        top: its code value for full.
        area: outside of it the matte is empty; None where nobody knows.

    Attributes:
        matte: as it was given.
        top: likewise.
    """

    def __init__(self, matte: Plane, top: int, area: Area | None = None) -> None:
        self.matte, self.top = matte, top
        rows, columns = area or (slice(None), slice(None))
        height, width = matte.shape
        even = not (height | width) & 1  # As sides that chroma halves are, or else it is all.
        self._area = (
            slice(*rows.indices(height)) if even else slice(0, height),
            slice(*columns.indices(width)) if even else slice(0, width),
        )
        self._shown: dict[tuple[int, ...], tuple[Area, Plane]] = {}
        self._soft: dict[tuple[int, ...], SoftPixels] = {}

    @classmethod
    def of(cls, frame: MattedFrame) -> Border:
        """Return a frame's, which may be known already."""
        if frame.border is not None and frame.border.matte is frame.matte:
            return frame.border
        return cls(frame.matte, peak(frame.source.format.name))

    def inverted(self) -> Border:
        """Return that of the matte's complement."""
        return Border(np.subtract(self.top, self.matte, dtype=self.matte.dtype), self.top)

    def shown(self, shape: tuple[int, ...]) -> tuple[Area, Plane]:
        """Return the area of a plane of (rows, columns) that shows anything, and its matte."""
        if shape not in self._shown:
            area, matte = scaled(self._area, self.matte.shape, shape), self.matte[self._area]
            size = tuple(side.stop - side.start for side in area)
            self._shown[shape] = area, fitted(matte, size) if matte.size else matte
        return self._shown[shape]

    def averaged(self, cell: int, size: tuple[int, int]) -> Plane:
        """Return the matte averaged over square cells, (columns, rows) of them."""
        height, width = self.matte.shape
        if height % cell or width % cell:
            return averaged(self.matte, size)
        rows, columns = (
            span(side.start, side.stop, whole, 0, cell)
            for side, whole in zip(self._area, self.matte.shape, strict=True)
        )
        made = np.zeros(size[::-1], self.matte.dtype)
        inner = made[scaled((rows, columns), self.matte.shape, made.shape)]
        if inner.size:
            inner[:] = averaged(self.matte[rows, columns], inner.shape[::-1])
        return made

    def soft(self, shape: tuple[int, ...]) -> SoftPixels:
        """Return the soft pixels of the matte in a plane of (rows, columns)."""
        if shape not in self._soft:
            (rows, columns), matte = self.shown(shape)
            found = soft_pixels(matte, self.top)
            self._soft[shape] = replace(
                found,
                shape=shape,
                rows=found.rows + np.int32(rows.start),
                columns=found.columns + np.int32(columns.start),
            )
        return self._soft[shape]


class BorderColours:
    """A frame with other colours in a border; written into a copy of it where somebody asks.

    Args:
        source: the frame.
        soft: the pixels that have others, plane by plane.
        values: theirs.
    """

    def __init__(
        self, source: av.VideoFrame, soft: Sequence[SoftPixels], values: Sequence[Plane]
    ) -> None:
        self._source, self._soft, self._values = source, soft, values
        self._written: av.VideoFrame | None = None

    def written(self) -> av.VideoFrame:
        """Return the frame with these colours."""
        if self._written is None:
            made = copied(self._source)
            for plane, soft, values in zip(planes(made), self._soft, self._values, strict=True):
                memory(plane)[soft.at(plane)] = values
            self._written = made
        return self._written

    def apart(self, border: Border) -> tuple[av.VideoFrame, Sequence[Plane] | None]:
        """Return the frame, and what its planes have in a border's soft pixels.

        If the colours are of other pixels, they are written into the frame, and there is None.
        """
        if all(soft is border.soft(soft.shape) for soft in self._soft):
            return self._source, self._values
        return self.written(), None
