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
# So many rows beside it may hold something, from scaling or from a codec.
_SOFT = 4
# Frames below this many pixels have none.
_SMALLEST = 32
# For so many frames must bars that appear within a stream be there before they are believed, and
# for so many may the image turn out to be a little larger.
_WAIT = 12
# For so many frames a scene may fade in before it is decided that it has none.
_FADES = 75


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
        self._waited = self._sure = 0

    def __call__(self, plane: Plane, peak: int = 255) -> Bars:
        """Return the bars of the next frame; arguments as for :func:`find_bars`."""
        if self._bars is None:
            found = find_bars(plane, peak)
            self._waited += 1
            if found or self._waited > _FADES or not _could_have(plane, peak):
                self._bars, self._waited = found, 0
            return found
        if self._bars and not _still_there(plane, self._bars, peak):
            self._bars, self._sure = NONE, 0
        elif not self._bars:
            self._bars = self._appeared(find_bars(plane, peak))
        elif self._sure < _WAIT:
            self._sure += 1
            self._bars = _smaller(self._bars, find_bars(plane, peak))
        return self._bars

    def anew(self, plane: Plane, peak: int = 255) -> Bars:
        """Return the bars of a frame that begins a scene: they need not be those of the last."""
        if self._bars and _still_there(plane, self._bars, peak):
            return self._bars
        self._bars, self._next = None, NONE
        self._waited = self._sure = 0
        return self(plane, peak)

    def _appeared(self, found: Bars) -> Bars:
        """Return new bars once they have been the same, or nearly, for long enough."""
        if not found or not _alike(found, self._next):
            self._waited, self._next = 0, found
            return NONE
        self._waited += 1
        self._next = _smaller(self._next, found)
        return self._next if self._waited >= _WAIT else NONE


def _smaller(bars: Bars, found: Bars) -> Bars:
    """Return bars, smaller where those found are a little so."""
    return Bars(*map(min, bars.sides, found.sides)) if _alike(bars, found) else bars


def _alike(bars: Bars, others: Bars) -> bool:
    apart = (abs(a - b) for a, b in zip(bars.sides, others.sides, strict=True))
    return max(apart) <= _SOFT


def _pair(plane: Plane, peak: int) -> tuple[int, int]:
    """Return how many rows at the top and at the bottom of a plane are bars."""
    unit = (peak + 1) // 256
    if not _ends_alike(plane, unit):
        return 0, 0  # As in nearly every frame: nothing more is looked at.
    rows = plane[:, ::_STEP].astype(np.int32)
    level = int(np.median(rows[0]))
    away = np.abs(rows - level)
    first = _begins(away, unit)
    last = _begins(away[::-1], unit)
    if first is None or last is None:
        return 0, 0
    if min(first, last) < _LEAST * len(plane) or first + last > _MOST * len(plane):
        return 0, 0
    return first, last


def _begins(away: NDArray[np.int32], unit: int) -> int | None:
    """Return the row with which the image begins, and sharply; None if it does not.

    Args:
        away: how far values are from the bar's, [rows, columns].
        unit: one code value of 8 bits.
    """
    flat = away.max(axis=1) <= _SPREAD * unit
    first = int(np.argmin(flat))
    if flat[first]:
        return None
    sharp = (away[first : first + _SOFT + 1] > _DIFFERENT * unit).mean(axis=1) >= _SHARP
    return first + int(sharp.argmax()) if sharp.any() else None


def _ends_alike(plane: Plane, unit: int) -> bool:
    """Whether the first and the last row hold one value each, as with every bar."""
    long_enough = len(plane) >= _SMALLEST
    return long_enough and _constant(plane[:1], unit) and _constant(plane[-1:], unit)


def _could_have(plane: Plane, peak: int) -> bool:
    """Whether a frame may have bars that cannot be told yet, as while it fades in."""
    unit = (peak + 1) // 256
    return _ends_alike(plane, unit) or _ends_alike(plane.T, unit)


def _constant(part: Plane, unit: int) -> bool:
    return int(part.max()) - int(part.min()) <= _SPREAD * unit if part.size else False


def _still_there(plane: Plane, bars: Bars, peak: int) -> bool:
    """Whether nothing plainly appears in the bars, but in the rows beside the image."""
    height, width = plane.shape
    unit = (peak + 1) // 256
    top, bottom, left, right = (side - min(_SOFT, side // 2) for side in bars.sides)
    parts = (
        plane[:top, ::_STEP],
        plane[height - bottom :, ::_STEP],
        plane[::_STEP, :left],
        plane[::_STEP, width - right :],
    )
    most = _DIFFERENT * unit
    return all(int(part.max()) - int(part.min()) <= most for part in parts if part.size)
