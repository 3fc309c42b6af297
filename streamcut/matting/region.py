"""The region of interest: the part of a frame that holds the people, with room around them.

A network sees more of somebody who is small in the frame where it is shown the part around him,
on as many pixels as it would be shown of the frame, and it mistakes nothing there for somebody
that lies elsewhere. What it says of that part tells where the part moves to; the whole frame is
glanced at now and then, for those who come in.
"""

from __future__ import annotations

import cv2
import numpy as np

from streamcut.matting.ghosts import Ghosts
from streamcut.matting.parts import Mask, components, widened
from streamcut.media.matte import RGB, Matte
from streamcut.media.rect import WHOLE, Rect

SMALLEST = 128
"""Frames with a side of fewer pixels had best be seen whole."""

# Room around the people, of their longer side, and how much of it they may use up.
_ROOM, _USED = 0.25, 0.7
# A part must be smaller than this to be looked at, of the frame or of the part before it; and is
# left again for all of the frame where it would be larger than that.
_WORTH, _LEFT = 0.6, 0.75
# Its sides are at least this share of the frame's; and its shorter one this share of the longer.
_LEAST, _SLIM = 1 / 3, 1 / 2
# Opacity that counts as somebody; and islands of fewer pixels of a matte, each way, count not.
_SOMEBODY, _SPECK = 0.3, 3
# What is seen this near to a side of the part, in shares of the frame, is taken to be cut off.
_CUT_OFF = 0.01
# A glance at the whole frame every so many frames. Where something moves outside, at once; and each
# time that nobody has come, so many times later.
_GLANCE, _LATER = 10, 2
# Glances in a row that must agree that a smaller part will do, or that nobody is there; twice as
# many each time that the smaller part did not do for long, up to so many.
_AGREE, _MOST_AGREE = 2, 16
# A part that grows by so much did not do.
_GROWN = 1.3
# Opacity from which a network is certain; and of whom it is certain, how much may be lost.
_CERTAIN, _LOST = 0.9, 0.3
# Mean change of a block's code values, and its side in pixels, that is a movement; and how much of
# somebody must have moved.
_MOVED, _BLOCK, _COME = 8, 16, 0.2


class Region:
    """Where a network looks in the frames of one video.

    Args:
        shape: rows and columns of the mattes; a part begins and ends with whole ones.

    Attributes:
        box: what is looked at.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.box = WHOLE
        self._shape, self._aspect = shape, shape[1] / shape[0]
        self._ghosts = Ghosts()
        self._since = self._smaller = self._nobody = 0
        self._agree, self._shrunk = _AGREE, False
        self._soon = 1
        self._last: RGB | None = None

    def begun(self, matte: Matte, frame: RGB) -> Rect:
        """Return what to look at after the first look at a video's first frame, at once.

        Args:
            matte: of the whole frame, float32 [height, width], 0..1.
            frame: RGB uint8, of any size.
        """
        self._last = frame
        found = bounds(self._people(matte))
        wanted = self._around(found) if found else WHOLE
        self.box = wanted if wanted.area < _WORTH else WHOLE
        return self.box

    def is_due(self, frame: RGB) -> bool:
        """Whether the whole of a frame is to be glanced at; asked once a frame."""
        self._since += 1
        if self._since >= _GLANCE:
            return True
        if self._since < self._soon or self.box == WHOLE:
            return False
        return bool(self._outside(self._moved(frame)).any())

    def glanced(self, matte: Matte, frame: RGB, closely: Matte) -> tuple[Rect, bool]:
        """Return what to look at after a glance at the whole frame, and whether somebody came.

        Args:
            matte: of the whole frame, as the network saw it then.
            frame: RGB uint8, of any size.
            closely: the matte of the whole frame that was made of what is looked at.
        """
        people, moves = self._people(matte), False
        if self.box != WHOLE:
            moved = self._moved(frame)
            moves, people = bool(self._outside(moved).any()), self._accepted(people, moved)
        self._since, self._soon = 0, min(_LATER * self._soon, _GLANCE) if moves else 1
        self._last = frame
        if self.box != WHOLE and _lost(people & (matte > _CERTAIN), closely):
            self._agree = min(2 * self._agree, _MOST_AGREE)
            return self._settled(WHOLE), True
        found = bounds(people)
        if found is None:
            self._nobody += 1
            return (self.box if self._nobody < _AGREE else self._settled(WHOLE)), False
        self._nobody = 0
        wanted = self._around(found)
        if not self.box.holds(found, _CUT_OFF):
            self._soon = 1
            return self._settled(wanted), True
        self._smaller = self._smaller + 1 if wanted.area < _WORTH * self.box.area else 0
        return (self._settled(wanted) if self._smaller >= self._agree else self.box), False

    def followed(self, matte: Matte) -> tuple[Rect, bool]:
        """Return what to look at from now on, and whether somebody is cut off by what was.

        Args:
            matte: of what is looked at, float32 [height, width], 0..1.
        """
        inner = bounds(matte > 0.5)
        if self.box == WHOLE or inner is None:
            return self.box, False
        found = inner.of(self.box)
        least = min(self._gaps(found))
        room = _ROOM * self._longer(found)
        if least >= (1 - _USED) * room:
            return self.box, False
        return self._settled(self._around(found)), least < _CUT_OFF

    def _settled(self, box: Rect) -> Rect:
        box = WHOLE if box.area > _LEFT else box
        if self._shrunk and box.area > _GROWN * self.box.area:
            self._agree = min(2 * self._agree, _MOST_AGREE)
        self._shrunk = box.area < self.box.area
        self._smaller = self._nobody = 0
        self.box = box
        return box

    def _people(self, matte: Matte) -> Mask:
        return np.asarray(self._ghosts(matte) > _SOMEBODY)

    def _longer(self, found: Rect) -> float:
        """Return somebody's longer side, in shares of the frame's height."""
        return max(found.width * self._aspect, found.height)

    def _gaps(self, found: Rect) -> list[float]:
        """Return the room left around somebody, in shares of the frame's height; 1 at its sides."""
        box, wide = self.box, self._aspect
        return [
            (found.left - box.left) * wide if box.left > 0 else 1.0,
            found.top - box.top if box.top > 0 else 1.0,
            (box.right - found.right) * wide if box.right < 1 else 1.0,
            box.bottom - found.bottom if box.bottom < 1 else 1.0,
        ]

    def _around(self, found: Rect) -> Rect:
        """Return the part to look at for who is found."""
        room = _ROOM * self._longer(found)
        wide = room / self._aspect
        left, right = max(0.0, found.left - wide), min(1.0, found.right + wide)
        top, bottom = max(0.0, found.top - room), min(1.0, found.bottom + room)
        least = max(_LEAST, _SLIM * (bottom - top) / self._aspect)
        left, right = _at_least(left, right, least)
        top, bottom = _at_least(top, bottom, max(_LEAST, _SLIM * (right - left) * self._aspect))
        return Rect(left, top, right, bottom).snapped(*self._shape)

    def _outside(self, mask: Mask) -> Mask:
        """Return what is set in a mask of the frame outside of what is looked at."""
        outside = mask.copy()
        outside[self.box.inside(*mask.shape)] = False
        return outside

    def _moved(self, frame: RGB) -> Mask:
        """Return which blocks of the frame have changed since the last glance."""
        rows, columns = frame.shape[:2]
        blocks = (max(1, columns // _BLOCK), max(1, rows // _BLOCK))
        if self._last is None or self._last.shape != frame.shape:
            return np.ones(blocks[::-1], np.bool_)
        change = cv2.resize(cv2.absdiff(frame, self._last), blocks, interpolation=cv2.INTER_AREA)
        return np.asarray(change.max(axis=2) > _MOVED)

    def _accepted(self, people: Mask, moved: Mask) -> Mask:
        """Return the people of a glance, without those outside who have not moved in.

        What was nobody at first is nobody while it keeps still, such as a coat on a hook.
        """
        outside = self._outside(people)
        if not outside.any():
            return people
        blocks = widened(moved, 1)
        moved = cv2.resize(blocks, people.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        labels, stats = components(people)
        come, away, known = (
            np.bincount(labels[where], minlength=len(stats))
            for where in (outside & moved, outside, people & ~outside)
        )
        return np.asarray(((known > 0) | (come > _COME * away))[labels] & people)


def _lost(certain: Mask, closely: Matte) -> bool:
    """Whether much of where a network is certain at a glance is nobody where it looks closely."""
    rows, columns = certain.shape
    gone = certain & (cv2.resize(closely, (columns, rows)) < _SOMEBODY)
    return bool(gone.sum() > _LOST * certain.sum())


def bounds(mask: Mask) -> Rect | None:
    """Return the box around what is set in a mask, specks aside; None for nothing."""
    kernel = np.ones((_SPECK, _SPECK), np.uint8)
    left, top, width, height = cv2.boundingRect(cv2.erode(mask.view(np.uint8), kernel))
    if not width:
        return None
    grown, (rows, columns) = _SPECK // 2, mask.shape
    return Rect(
        max(0, left - grown) / columns,
        max(0, top - grown) / rows,
        min(columns, left + width + grown) / columns,
        min(rows, top + height + grown) / rows,
    )


def _at_least(low: float, high: float, length: float) -> tuple[float, float]:
    """Return an interval of 0..1 widened to a length, moved where it would reach outside."""
    missing = max(0.0, min(1.0, length) - (high - low))
    low, high = low - missing / 2, high + missing / 2
    shift = max(0.0, -low) - max(0.0, high - 1)
    return max(0.0, low + shift), min(1.0, high + shift)
