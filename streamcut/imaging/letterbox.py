"""Constant bars around an image: above and below it (letterbox), or beside it (pillarbox).

A bar is a run of rows, or columns, from a side on, that hold one value but for what a codec
leaves; there are two of them, opposite and alike, and the image begins sharply. Once they are
known they are believed until something appears in them: a dark scene has no sharp beginning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamcut.media.bars import NONE, Bars
from streamcut.media.planes import Plane

# So far may the values of a bar lie apart, and two bars of a pair, of 255.
_SPREAD = 8
# Every so manieth pixel of a row, or column, is looked at.
_STEP = 8
# Of the image's side: the least that counts as bars, and the most.
_LEAST, _MOST = 0.02, 0.75
# Where the image begins, so many of its pixels must differ plainly from the bar.
_SHARP, _DIFFERENT = 0.3, 24
# Frames below this many pixels have none.
_SMALLEST = 32
# For so many frames must bars that appear within a stream be there before they are believed.
_WAIT = 12


def find_bars(plane: Plane, peak: int = 255) -> Bars:
    """Return the bars of one frame.

    Args:
        plane: its luma (or green), [height, width].
        peak: the highest code value.
    """
    top, bottom = _pair(plane, peak)
    left, right = _pair(plane[top : len(plane) - bottom].T, peak)
    return Bars(top, bottom, left, right)


class BarFinder:
    """Finds the bars of a video, and keeps them while they are there."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._next = NONE
        self._waited = 0

    def __call__(self, plane: Plane, peak: int = 255) -> Bars:
        """Return the bars of the next frame; arguments as for :func:`find_bars`."""
        if self._bars is None:
            self._bars = find_bars(plane, peak)
        elif self._bars and not _still_there(plane, self._bars, peak):
            self._bars = NONE
        elif not self._bars:
            self._bars = self._appeared(find_bars(plane, peak))
        return self._bars

    def _appeared(self, found: Bars) -> Bars:
        """Return new bars once they have been the same for long enough."""
        self._waited = self._waited + 1 if found and found == self._next else 0
        self._next = found
        return found if found and self._waited >= _WAIT else NONE


def _pair(plane: Plane, peak: int) -> tuple[int, int]:
    """Return how many rows at the top and at the bottom of a plane are bars."""
    unit = (peak + 1) // 256
    if len(plane) < _SMALLEST:
        return 0, 0
    if not _constant(plane[:1], unit) or not _constant(plane[-1:], unit):
        return 0, 0  # As in nearly every frame: nothing more is looked at.
    rows = plane[:, ::_STEP].astype(np.int32)
    level = int(np.median(rows[0]))
    flat = np.abs(rows - level).max(axis=1) <= _SPREAD * unit
    if flat.all():
        return 0, 0
    first, last = int(np.argmin(flat)), int(np.argmin(flat[::-1]))
    if min(first, last) < _LEAST * len(plane) or first + last > _MOST * len(plane):
        return 0, 0
    end = len(rows) - 1
    begins = (rows[min(_deeper(first), end)], rows[::-1][min(_deeper(last), end)])
    sharp = all(_is_sharp(edge, level, unit) for edge in begins)
    return (first, last) if sharp else (0, 0)


def _deeper(row: int) -> int:
    """Scaling blurs a bar's edge over a row or two."""
    return row + 2


def _is_sharp(row: NDArray[np.int32], level: int, unit: int) -> bool:
    return bool((np.abs(row - level) > _DIFFERENT * unit).mean() >= _SHARP)


def _constant(part: Plane, unit: int) -> bool:
    return int(part.max()) - int(part.min()) <= _SPREAD * unit if part.size else False


def _still_there(plane: Plane, bars: Bars, peak: int) -> bool:
    height, width = plane.shape
    unit = (peak + 1) // 256
    parts = (
        plane[: bars.top, ::_STEP],
        plane[height - bars.bottom :, ::_STEP],
        plane[::_STEP, : bars.left],
        plane[::_STEP, width - bars.right :],
    )
    return all(_constant(part, unit) for part in parts if part.size)
