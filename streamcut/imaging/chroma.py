"""The arithmetic of a coloured screen: how much of its light a pixel holds.

A pixel's colour difference (Cb, Cr) is turned so that one axis points at the screen's colour, as
in Jack, "Video Demystified", chapter 9, "Chroma keying". What lies along it, less what lies across
it, is the screen's share of the pixel: 1 in front of the bare screen, 0 and below on a subject
whose colour is none of the screen's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from streamcut.media.colour import Matrix
from streamcut.media.matte import Grid

_BT601 = (0.299, 0.114)
_WEIGHTS: dict[int, tuple[float, float]] = {
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.FCC: (0.30, 0.11),
    Matrix.SMPTE240M: (0.212, 0.087),
    Matrix.BT2020: (0.2627, 0.0593),
    Matrix.BT2020_CONSTANT: (0.2627, 0.0593),
}
# Tangent of half the angle of colours that hold some of the screen's light: 120 degrees in all.
_SPREAD = 1.732


@dataclass(frozen=True, slots=True)
class Screen:
    """The colour of a screen, as luma 0..1 and colour differences -0.5..0.5 of one matrix."""

    luma: float
    cb: float
    cr: float

    @classmethod
    def of(
        cls, rgb: tuple[float, float, float], weights: tuple[float, float] | None = None
    ) -> Screen:
        """Return the screen of a colour, RGB 0..255."""
        red, green, blue = (value / 255 for value in rgb)
        return cls(*differences(red, green, blue, weights or _BT601))

    @property
    def strength(self) -> float:
        """Return how far it is from grey."""
        return float(np.hypot(self.cb, self.cr))

    def share(self, cb: Grid, cr: Grid) -> Grid:
        """Return the screen's share of pixels, below 0 where their colour is opposed to its."""
        square = np.float32(self.strength**2)
        along = (cb * np.float32(self.cb) + cr * np.float32(self.cr)) / square
        across = (cb * np.float32(self.cr) - cr * np.float32(self.cb)) / square
        return np.asarray(along - np.abs(across) / np.float32(_SPREAD), np.float32)


def luma_weights(matrix: int) -> tuple[float, float]:
    """Return the weights of red and blue in luma, of a matrix as ITU-T H.273 numbers it."""
    return _WEIGHTS.get(matrix, _BT601)


def differences(
    red: Any, green: Any, blue: Any, weights: tuple[float, float] = _BT601
) -> tuple[Any, Any, Any]:
    """Return luma and the colour differences Cb and Cr of colours, all in the colours' unit."""
    kr, kb = weights
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    return luma, (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
