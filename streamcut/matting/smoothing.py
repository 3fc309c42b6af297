"""Mattes that hold still: smoothed in time where the frame says that nothing changed.

The matte before is brought to the frame now along optical flow, and each matte is drawn
towards it where three things hold: the frame looks there as it did before (within its own
noise), one of the two mattes is uncertain, and the two do not contradict each other. Whatever
the frame cannot explain takes the new matte as it is, so that nothing is dragged behind.

That uncertain pixels may follow the past and certain ones may not comes from MediaPipe's
``segmentation_smoothing_calculator``, which asks the new mask alone and knows no motion. Here
both mattes are asked, since a network that is certain every other frame flickers most.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.flow import Flow, follow_all, grey
from streamcut.imaging.tiles import Area, around
from streamcut.matting.ghosts import Ghosts
from streamcut.matting.islands import Blobs
from streamcut.matting.keep import ALL, Keep, Keeper
from streamcut.media.frame import PredictedFrame
from streamcut.media.matte import RGB, Matte

# A difference of this many code values, and this many times the median difference, counts as
# the same still; twice that never. The median is noise, since most of a frame explains itself,
# but for where all of it changes: no camera's noise survives being scaled down above the limit.
_SAME, _NOISE, _MOST_NOISE = 3.0, 3.0, 6.0
# What opacity times its complement (1/4 at most) is multiplied by to be full doubt at 1.
_UNSURE = 8
# This near to 0 and 1 a matte is sure; and what flow is given around where one is not, pixels.
_SURE, _AROUND = 1 / 256, 16
# Frames that nowhere differ by more show nothing that has moved.
_STILL = 2
# How far apart the mattes may be and be blended in full, and from where on not at all.
_AGREE, _CONTRADICT = 1 / 3, 1.0


def steady(
    frames: Iterable[PredictedFrame], strength: float, min_area: float = 0.0, keep: Keep = ALL
) -> Iterator[PredictedFrame]:
    """Steady the network's mattes in time, rid them of ghosts, specks and bystanders.

    A cut starts anew.

    Args:
        frames: with their predictions.
        strength: of the smoothing, 0 (none; every matte stands alone) to 1.
        min_area: islands and holes below this share of the frame, in percent, are removed, and
            ghosts, unless it is 0.
        keep: who stays in the mattes.
    """
    smoother, blobs = Smoother(strength), Blobs(min_area, patient=strength > 0)
    keeper, ghosts = Keeper(keep), Ghosts()

    def steadied(frame: PredictedFrame) -> PredictedFrame:
        if frame.cut:
            smoother.reset()
            blobs.reset()
            keeper.reset()
            ghosts.reset()
        alpha = frame.prediction.alpha
        if min_area and not frame.prediction.keyed:
            alpha = ghosts(alpha)
        kept = blobs(frame.seen, keeper(alpha, frame.seen))
        return frame.with_alpha(smoother(frame.seen, kept))

    yield from map(steadied, frames)


class Smoother:
    """Smooths the mattes of one video.

    Args:
        strength: how much of the matte before is kept at most, 0..1.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._flow = Flow(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._past: tuple[RGB, RGB, Matte] | None = None

    def __call__(self, seen: RGB, matte: Matte) -> Matte:
        """Return the smoothed matte.

        Args:
            seen: what the matte was made of, RGB uint8 [height, width, 3].
            matte: float32 [height, width], 0..1.
        """
        if not self._strength:
            return matte
        light = grey(seen)
        if self._past is not None:
            matte = self._smoothed(seen, light, matte, *self._past)
        self._past = (seen, light, matte)
        return matte

    def reset(self) -> None:
        """Forget the past, as at a scene cut."""
        self._past = None

    def _smoothed(self, seen: RGB, light: RGB, matte: Matte, *past: NDArray[np.generic]) -> Matte:
        before, light_before, matte_before = past
        box = _unsure(matte, cast(Matte, matte_before))
        if box is None:
            return matte
        made = matte.copy()
        made[box] = self._drawn(
            np.ascontiguousarray(light[box]),
            np.ascontiguousarray(light_before[box]),
            (seen[box], matte[box]),
            (cast(RGB, before)[box], cast(Matte, matte_before)[box]),
        )
        return made

    def _drawn(
        self, light: RGB, light_before: RGB, now: tuple[RGB, Matte], past: tuple[RGB, Matte]
    ) -> Matte:
        """Return a matte drawn towards the one before."""
        (seen, matte), (before, was) = now, past
        if cv2.norm(light, light_before, cv2.NORM_INF) > _STILL:
            field = self._flow(light, light_before)
            was, before = follow_all(field, was, before)
        weight = sameness(seen, before) * doubt(matte, was) * np.float32(self._strength)
        return matte + weight * (was - matte)


def _unsure(*mattes: Matte) -> Area | None:
    """Return rows and columns where any matte is unsure, and around; None if they all are sure."""
    found = [cv2.inRange(matte, _SURE, 1 - _SURE) for matte in mattes]
    return around(np.asarray(functools.reduce(cv2.bitwise_or, found), np.uint8), _AROUND)


def sameness(seen: RGB, before: RGB) -> Matte:
    """Return where two frames show the same but for noise: 1, falling to 0 where they do not.

    Args:
        seen: RGB uint8 [height, width, 3].
        before: of the same shape, brought to where things are in ``seen``.
    """
    red, green, blue = cv2.split(cv2.absdiff(seen, before))
    most = cv2.max(cv2.max(red, green), blue)
    around = cv2.boxFilter(most, cv2.CV_32F, (3, 3))
    noise = min(_median(most[::3, ::3]), _MOST_NOISE)
    return np.asarray(np.clip(2 - around / np.float32(_SAME + _NOISE * noise), 0, 1), np.float32)


def _median(values: NDArray[Any]) -> float:
    """Return the median of some values; several times faster than NumPy's where they are few."""
    middle = values.size // 2
    first = middle - 1 + values.size % 2
    low, high = np.partition(values, (first, middle), axis=None)[[first, middle]]
    return (float(low) + float(high)) / 2


def doubt(matte: Matte, was: Matte) -> Matte:
    """Return how much the past may say about each pixel, 0..1.

    Much, where the more uncertain of the two mattes is near one half; nothing where both are
    sure or where they contradict each other.
    """
    unsure = np.maximum(matte * (1 - matte), was * (1 - was)) * _UNSURE
    apart = np.abs(matte - was)
    trust = np.clip((_CONTRADICT - apart) / (_CONTRADICT - _AGREE), 0, 1)
    return np.asarray(np.minimum(unsure, 1) * trust, np.float32)
