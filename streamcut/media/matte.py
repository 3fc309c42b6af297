"""What a network sees of a frame and what it answers: RGB, mattes, predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""RGB, [height, width, 3]."""

Matte = NDArray[np.float32]
"""Opacity, [height, width], 0..1."""

Grid = NDArray[np.float32]
"""One value for each cell of a grid, [rows, columns]; mostly 0..1."""

ScreenColour = tuple[float, float, float]
"""The colour of the screen behind the subject, RGB 0..255."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a network says about one frame.

    Attributes:
        alpha: the matte at the network's size.
        foreground: the subject's colours without the background's where the network tells them,
            RGB float32 [height, width, 3] at the network's size, 0..1; None for most networks.
        screen: the colour of the screen behind the subject, where there is one.
        keyed: whether it was measured against a known background: what is faint is meant so.
    """

    alpha: Matte
    foreground: NDArray[np.float32] | None = None
    screen: ScreenColour | None = None
    keyed: bool = False
