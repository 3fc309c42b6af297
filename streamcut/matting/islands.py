"""The parts of a matte: specks that are no subject, holes that are none, blobs that flicker.

All of it happens at the network's size, where finding connected parts costs little. A large part,
one that touches the frame's side or is near the subject, and one that was part of the subject
a frame ago, is never delayed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.matting.parts import SEEN, Labels, components, means, near, small_gaps, widened
from streamcut.media.matte import RGB, Matte

Ages = NDArray[np.uint8]

# A part with less than this share of the frame, and not near the subject, is a blob.
_SMALL = 0.01
# For so many frames a blob must have been there before it shows, and is held when it vanishes.
_WAIT, _HOLD = 6, 3
# Mean difference of code values from which on the frame changed where a blob was.
_CHANGED = 6.0


class Blobs:
    """Tidies the mattes of one video.

    Args:
        min_area: islands and holes below this share of the frame, in percent, are removed.
        patient: hide blobs until they have been there for some frames, and hold those that
            vanish for a moment while the frame shows no reason.
    """

    def __init__(self, min_area: float, *, patient: bool = True) -> None:
        self._min_area = min_area / 100
        self._patient = patient
        self._ages: Ages | None = None
        self._shown: tuple[RGB, Matte, Ages] | None = None

    def __call__(self, frame: RGB, matte: Matte) -> Matte:
        """Return the tidied matte; the one given is not changed.

        Args:
            frame: what the matte was made of, RGB uint8 [height, width, 3].
            matte: float32 [height, width], 0..1.
        """
        if not self._min_area and not self._patient:
            return matte
        matte = self._without_holes(matte)
        labels, areas, islands = _parts(matte)
        shown = ~islands | (areas >= self._min_area * matte.size)
        if not self._patient:
            return _only(matte, labels, shown)
        shown &= self._old_enough(labels, islands)
        held = self._held(frame, labels)
        made = _only(matte, labels, shown)
        if held is None and not (islands & shown).any():  # As in most frames.
            self._shown = None
            return made
        return self._remember(frame, made, (islands & shown)[labels], held)

    def reset(self) -> None:
        """Forget the past, as at a scene cut."""
        self._ages = self._shown = None

    def _without_holes(self, matte: Matte) -> Matte:
        """Fill small gaps in what is full."""
        gaps = small_gaps(matte >= 1 - SEEN, self._min_area * matte.size)
        return matte if gaps is None else np.where(gaps, np.float32(1), matte)

    def _old_enough(self, labels: Labels, islands: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which parts have been there long enough, and count on."""
        ages = np.full(islands.size, _WAIT, np.uint8)
        ages[0] = 0
        if not islands.any():
            self._ages = np.multiply(labels > 0, _WAIT, dtype=np.uint8)
        elif self._ages is not None:
            before = np.zeros(islands.size, np.uint8)
            inside = islands[labels]
            np.maximum.at(before, labels[inside], widened(self._ages, 3)[inside])
            ages[islands] = np.minimum(before[islands] + 1, _WAIT)
            self._ages = ages[labels]
        else:
            self._ages = ages[labels]
        old = ages >= _WAIT
        old[0] = True
        return old

    def _held(self, frame: RGB, labels: Labels) -> tuple[Matte, Ages] | None:
        """Return the blobs that vanished while the frame stayed, and for how long by now."""
        if self._shown is None:
            return None
        before, blobs, missing = self._shown
        parts, stats = components(blobs > SEEN)
        count = len(stats)
        if count < 2:
            return None
        changes = means(parts, cv2.absdiff(frame, before).mean(axis=2), count)
        found = np.bincount(parts[labels > 0], minlength=count) > 0
        held = ~found & (changes < _CHANGED)
        held[0] = False
        where = held[parts] & (missing < _HOLD)
        return np.where(where, blobs, np.float32(0)), np.where(where, missing + 1, 0).astype("u1")

    def _remember(
        self,
        frame: RGB,
        made: Matte,
        blobs: NDArray[np.bool_],
        held: tuple[Matte, Ages] | None,
    ) -> Matte:
        """Return the matte with what is held, and keep what the next frame needs."""
        kept, missing = np.where(blobs, made, np.float32(0)), np.zeros(made.shape, np.uint8)
        if held is not None:
            made, kept = np.maximum(made, held[0]), np.maximum(kept, held[0])
            missing = held[1]
            if self._ages is not None:
                self._ages[missing > 0] = _WAIT
        self._shown = (frame, kept, missing) if kept.any() else None
        return made


def _parts(matte: Matte) -> tuple[Labels, NDArray[np.int32], NDArray[np.bool_]]:
    """Return each pixel's part, the parts' areas, and which are islands; part 0 is nothing."""
    seen = np.greater(matte, SEEN)
    labels, stats = components(seen)
    areas = stats[:, cv2.CC_STAT_AREA]
    islands = np.zeros(areas.size, np.bool_)
    if areas.size > 2:
        islands[1:] = areas[1:] < _SMALL * matte.size
        islands[1 + int(areas[1:].argmax())] = False
        islands &= ~_at_side(stats, matte.shape)
        if islands.any():
            subject = ~islands
            subject[0] = False
            islands &= ~near(labels, subject)
    return labels, areas, islands


def _only(matte: Matte, labels: Labels, shown: NDArray[np.bool_]) -> Matte:
    """Return a matte without the parts that are not to be shown."""
    return matte if shown.all() else matte * shown.astype(np.float32)[labels]


def _at_side(stats: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which parts touch the frame's sides."""
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    touching = (left == 0) | (top == 0) | (right == shape[1]) | (bottom == shape[0])
    return np.asarray(touching, np.bool_)
