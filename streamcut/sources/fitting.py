"""Frames of another shape fitted into the one that a stream began with; nothing is stretched."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from streamcut.media.frame import Frame
from streamcut.media.pixel_formats import dtype, peak
from streamcut.media.planes import Levels, Plane, blank_like, planes

# Bars that would be narrower are no bars: sizes in whole pixels seldom have the same aspect.
_LEAST_BARS = 2


@dataclass(frozen=True, slots=True)
class Placement:
    """A rectangle in a frame, pixels; left and top are even, for the sake of chroma."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def contained(cls, width: int, height: int, aspect: Fraction) -> Placement:
        """Return the largest box with an aspect (width over height) in a frame, in its middle."""
        wide = max(1, min(width, round(height * aspect)))
        high = max(1, min(height, round(width / aspect)))
        if max(width - wide, height - high) < _LEAST_BARS:
            return cls(0, 0, width, height)
        wide, high = (
            side if side == whole or side < 2 else side & ~1
            for side, whole in ((wide, width), (high, height))
        )
        return cls((width - wide) // 4 * 2, (height - high) // 4 * 2, wide, high)

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height)."""
        return self.width, self.height

    def of(self, plane: Plane, size: tuple[int, int]) -> Plane:
        """Return the view of this rectangle in a plane of a frame of (width, height)."""
        (rows, columns), (width, height) = plane.shape, size
        across, down = round(width / columns), round(height / rows)
        left, top = self.left // across, self.top // down
        return plane[top : top - -self.height // down, left : left - -self.width // across]


def middle(frame: Frame, box: Placement) -> Frame:
    """Return the part of a frame that a box is."""
    whole = frame.source.width, frame.source.height
    if box.size == whole:
        return frame
    made = blank_like(frame.source, frame.source.format.name, box.size)
    for source, target in zip(planes(frame.source), planes(made), strict=True):
        target[:] = box.of(source, whole)
    opacity = None if frame.opacity is None else box.of(frame.opacity, whole)
    return Frame(source=made, opacity=opacity, captured=frame.captured)


def boxed(frame: Frame, box: Placement, size: tuple[int, int]) -> Frame:
    """Return a frame of (width, height) with bars around what was one; nobody sees them.

    Args:
        frame: as large as the box.
        box: where it goes.
        size: of what is made.
    """
    if box.size == size:
        return frame
    made = blank_like(frame.source, frame.source.format.name, size)
    zero = Levels.of_frame(made).zero
    for source, target, black in zip(planes(frame.source), planes(made), zero, strict=True):
        target[:] = black
        box.of(target, size)[:] = source
    name = made.format.name
    opacity = np.zeros(size[::-1], dtype(name))
    box.of(opacity, size)[:] = peak(name) if frame.opacity is None else frame.opacity
    return Frame(source=made, opacity=opacity, captured=frame.captured)


def scaled_opacity(opacity: Plane | None, size: tuple[int, int], was: str, to: str) -> Plane | None:
    """Return an alpha plane at (width, height) and at the depth of another pixel format.

    Args:
        opacity: the plane, or None where all is opaque.
        size: of what is made.
        was: the pixel format whose depth it has.
        to: the one whose depth it is to have.
    """
    if opacity is None:
        return None
    if opacity.shape != size[::-1]:
        shrinks = opacity.size > size[0] * size[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        opacity = cv2.resize(opacity, size, interpolation=how)
    if peak(was) != peak(to):
        opacity = np.rint(opacity * (peak(to) / peak(was))).astype(dtype(to))
    return opacity
