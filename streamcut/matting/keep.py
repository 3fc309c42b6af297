"""Whom a matte keeps: everybody, those in front, or the one at a point.

People are told apart as connected parts of the matte at the network's size, and followed from
frame to frame by where they overlap. Where two that were apart come to touch, each pixel goes
with the one that was nearer a frame ago. Who is left out is left out whole, with the haze
around him. The one at a point is told from the others by his colours once they were apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.matting.likeness import Likeness
from streamcut.matting.parts import SEEN, Labels, Mask, components, near
from streamcut.media.matte import RGB, Matte

# Of the largest part's area: what is in front beside it, and what no longer is.
_ENTER, _LEAVE = 0.45, 0.25
# For so many frames a part must be in front, or behind, before it comes or goes.
_WAIT = 5
# Of the largest part: below this a part is a scrap, and never a person.
_SCRAP = 0.08
# Of a part: how much of it must have been kept, and dropped, before it counts as two that touch.
_BOTH = 0.15
# Mean logarithm of how much likelier a part's colours are as his: what changes nothing, and from
# which he is known again.
_ALIKE, _SURELY = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Keep:
    """Who is kept.

    Attributes:
        only: whether anybody is left out at all.
        point: (x, y) as fractions of the frame at which the one to keep is first seen; None
            keeps those in front.
    """

    only: bool = False
    point: tuple[float, float] | None = None


ALL, MAIN = Keep(), Keep(only=True)


class Keeper:
    """Leaves people out of the mattes of one video.

    Args:
        whom: who is kept.
    """

    def __init__(self, whom: Keep) -> None:
        self._whom = whom
        self.reset()

    def __call__(self, matte: Matte, frame: RGB | None = None) -> Matte:
        """Return the matte of those who are kept.

        Args:
            matte: float32 [height, width], 0..1.
            frame: what it was made of, RGB uint8 [height, width, 3], to tell people apart by.
        """
        if not self._whom.only:
            return matte
        if self._credit is not None and self._credit.shape != matte.shape:
            self.reset()
        labels, areas = self._parts(matte)
        if areas.size < 2:
            return matte
        scraps = areas < _SCRAP * areas[1:].max()
        scraps[0] = False
        kept = self._chosen(labels, areas, scraps, frame)
        shown = kept[labels] | self._scraps_of(labels, kept, scraps)
        return np.where(_nearer(shown, (labels > 0) & ~shown), matte, np.float32(0))

    def reset(self) -> None:
        """Forget who was kept, as at a scene cut."""
        self._credit: NDArray[np.uint8] | None = None
        self._kept: Mask | None = None
        self._likeness = Likeness()

    def _parts(self, matte: Matte) -> tuple[Labels, Labels]:
        """Return each pixel's part and the parts' areas; those that touch are told apart."""
        labels, stats = components(matte > SEEN)
        areas = stats[:, cv2.CC_STAT_AREA]
        if self._kept is None or self._credit is None:
            return labels, areas
        dropped = (self._credit > 0) & ~self._kept
        were = [np.bincount(labels[m], minlength=areas.size) for m in (self._kept, dropped)]
        both = (were[0] > _BOTH * areas) & (were[1] > _BOTH * areas)
        both[0] = False
        if not both.any():
            return labels, areas
        away = both[labels] & ~_nearer(self._kept, dropped)
        labels = np.where(away, labels + np.int32(areas.size), labels)
        return labels, np.bincount(labels.ravel(), minlength=2 * areas.size).astype(np.int32)

    def _chosen(self, labels: Labels, areas: Labels, scraps: Mask, frame: RGB | None) -> Mask:
        """Return which parts are kept, and remember it."""
        before = self._before(labels, areas.size)
        if self._kept is None:
            kept = self._first(labels, areas)
            credit = np.where(kept, 2 * _WAIT, 1)
        else:
            was = np.bincount(labels[self._kept], minlength=areas.size) > 0.5 * np.minimum(
                areas, max(1, int(self._kept.sum()))
            )
            was |= before > _WAIT
            kept, credit = self._followed(areas, scraps, was, before)
        kept[0] = False
        if frame is not None and self._whom.point is not None:
            kept = self._recognised(frame, labels, areas, scraps, kept)
            credit = np.where(kept, 2 * _WAIT, 1)
        credit[0] = 0
        self._credit = credit[labels].astype(np.uint8)
        self._kept = kept[labels]
        return kept

    def _recognised(
        self, frame: RGB, labels: Labels, areas: Labels, scraps: Mask, kept: Mask
    ) -> Mask:
        """Return which parts are the one at the point, by his colours where they are known."""
        scores = self._likeness.scores(frame, labels, areas.size)
        people = (areas > 0) & ~scraps
        people[0] = False
        if scores is not None:
            alike = scores > np.where(kept, -_ALIKE, _ALIKE)
            known = np.where(people, kept & alike | ~kept & alike & (scores > _SURELY), kept)
            kept = known if (known & people).any() else kept
        others = people & ~kept
        self._likeness.learn(frame, kept[labels], others[labels])
        return kept

    def _before(self, labels: Labels, count: int) -> NDArray[np.int64]:
        """Return each part's credit: that of most of where it lies."""
        if self._credit is None:
            return np.zeros(count, np.int64)
        sums = np.bincount(labels.ravel(), self._credit.ravel(), count)
        seen = np.bincount(labels.ravel(), (self._credit > 0).ravel(), count)
        return np.rint(sums / np.maximum(seen, 1)).astype(np.int64)

    def _first(self, labels: Labels, areas: Labels) -> Mask:
        if self._whom.point is None:
            return np.asarray(areas >= _ENTER * areas[1:].max())
        kept = np.zeros(areas.size, np.bool_)
        kept[_at(labels, self._whom.point)] = True
        return kept

    def _followed(
        self, areas: Labels, scraps: Mask, was: Mask, before: NDArray[np.int64]
    ) -> tuple[Mask, NDArray[np.int64]]:
        """Return who is kept now, and everybody's credit: above the wait, kept."""
        present = areas > 0
        present[0] = False
        if self._whom.point is not None:
            kept = was & present
            return kept, np.where(kept, 2 * _WAIT, 1)
        largest = areas[1:].max()
        front = areas >= np.where(was, _LEAVE, _ENTER) * largest
        credit = np.where(front, before + 1, before - 1)
        credit = np.clip(credit, 1, 2 * _WAIT)
        kept = (credit > _WAIT) & present & ~scraps
        if not kept.any():
            kept = areas == largest
            credit = np.where(kept, 2 * _WAIT, credit)
        return kept, credit

    @staticmethod
    def _scraps_of(labels: Labels, kept: Mask, scraps: Mask) -> Mask:
        """Return where scraps lie that are near somebody who is kept."""
        return np.asarray((near(labels, kept) & scraps)[labels])


def _at(labels: Labels, point: tuple[float, float]) -> int:
    """Return the part at a point, or the one nearest to it."""
    rows, columns = np.nonzero(labels)
    height, width = labels.shape
    away = np.hypot(rows + 0.5 - point[1] * height, columns + 0.5 - point[0] * width)
    nearest = int(away.argmin())
    return int(labels[rows[nearest], columns[nearest]])


def _nearer(first: Mask, second: Mask) -> Mask:
    """Return where the first of two masks is nearer than the second, or is."""
    if not second.any():
        return np.ones(first.shape, np.bool_)
    if not first.any():
        return np.zeros(first.shape, np.bool_)
    far = [cv2.distanceTransform((~m).view(np.uint8), cv2.DIST_L2, 5) for m in (first, second)]
    return np.asarray(far[0] <= far[1])
