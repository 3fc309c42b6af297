"""Ghosts: parts of a matte in which a network is nowhere certain that somebody is there.

People are solid: a network that sees one is certain of most of him, in one frame or the other. What
stays faint all over is a coat on a hook, a poster, a cushion.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.matting.parts import SEEN, Labels, Mask, components, near, reach, widened
from streamcut.media.matte import Matte

# Opacity from which a network is certain, and how much of a part has to be.
_CERTAIN, _SHARE = 0.9, 0.2
# Where even the surest part is less certain than this, the network does not know better.
_LEAST = 0.3
# One in so many rows and columns is looked at.
_STEP = 2
# For so many frames it counts that a network was certain.
_COUNTS = 12

_Frames = NDArray[np.uint8]


class Ghosts:
    """Leaves the ghosts out of the mattes of one video."""

    def __init__(self) -> None:
        self._left: _Frames | None = None

    def __call__(self, matte: Matte) -> Matte:
        """Return the matte without ghosts; float32 [height, width], 0..1."""
        coarse = np.ascontiguousarray(matte[::_STEP, ::_STEP])
        certain = self._lately(coarse)
        labels, stats = components(coarse > SEEN)
        areas = stats[:, cv2.CC_STAT_AREA]
        if areas.size < 3:
            return matte
        ghosts = _ghosts(labels, areas, certain)
        if not ghosts.any():
            return matte
        around = widened(ghosts[labels], max(1, reach(labels) // 2))  # With their haze.
        hidden = cv2.resize(around, matte.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return np.where(hidden, np.float32(0), matte)

    def reset(self) -> None:
        """Forget the past, as at a scene cut."""
        self._left = None

    def _lately(self, matte: Matte) -> Mask:
        """Return where the network is certain, or was a few frames ago."""
        left = np.multiply(matte > _CERTAIN, _COUNTS, dtype=np.uint8)
        if self._left is not None and self._left.shape == left.shape:
            left = np.maximum(left, self._left - (self._left > 0))
        self._left = left
        return left > 0


def _ghosts(labels: Labels, areas: Labels, certain: Mask) -> Mask:
    """Return which parts are ghosts; part 0 is nothing, and never one."""
    sure = np.bincount(labels[certain], minlength=areas.size)
    sure[0] = 0
    surest = int(sure.argmax())
    ghosts = sure < _SHARE * areas
    ghosts[0] = False
    if not ghosts.any() or sure[surest] < _LEAST * areas[surest]:
        return np.zeros_like(ghosts)
    solid = ~ghosts
    solid[0] = False
    return np.asarray(ghosts & ~near(labels, solid))
