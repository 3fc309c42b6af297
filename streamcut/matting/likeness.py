"""What the one who is kept and the others look like: colours, to tell them apart after they met."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamcut.matting.parts import Labels, Mask, means
from streamcut.media.matte import RGB

# Levels of each channel that are told apart, and how fast a look is learned.
_LEVELS, _RATE = 8, 0.1
# Share of a look that every colour has, so that what was never seen says little.
_LEAST = 0.002
# Those kept may grow by this much from frame to frame: more is somebody else with them.
_GROWN = 1.4

_Histogram = NDArray[np.float64]


class Likeness:
    """Learns from frames in which people are apart, and compares parts where they are not."""

    def __init__(self) -> None:
        self._kept: _Histogram | None = None
        self._others: _Histogram | None = None
        self._size = 0.0

    def learn(self, frame: RGB, kept: Mask, others: Mask) -> None:
        """See who is kept and who is not, in a frame in which both are there and apart.

        Args:
            frame: RGB uint8 [height, width, 3].
            kept: where those are who are kept.
            others: where the others are.
        """
        size = float(kept.sum())
        if not size or not others.any() or (self._size and size > _GROWN * self._size):
            return
        bins = _bins(frame)
        self._kept = _mixed(self._kept, bins[kept])
        self._others = _mixed(self._others, bins[others])
        self._size = size

    def scores(self, frame: RGB, labels: Labels, count: int) -> NDArray[np.float64] | None:
        """Return how much each part looks like those kept (above 0) or like others (below).

        None before anybody was seen apart.

        Args:
            frame: RGB uint8 [height, width, 3].
            labels: each pixel's part.
            count: of parts.
        """
        if self._kept is None or self._others is None:
            return None
        ratio = np.log((self._kept + _LEAST) / (self._others + _LEAST))[_bins(frame)]
        return means(labels, ratio, count)


def _bins(frame: RGB) -> NDArray[np.intp]:
    """Return each pixel's colour as the number of a bin, [height, width]."""
    levels = (frame // (256 // _LEVELS)).astype(np.intp)
    return np.asarray((levels[..., 0] * _LEVELS + levels[..., 1]) * _LEVELS + levels[..., 2])


def _mixed(before: _Histogram | None, bins: NDArray[np.intp]) -> _Histogram:
    now = np.bincount(bins, minlength=_LEVELS**3) / bins.size
    return now if before is None else before + _RATE * (now - before)
