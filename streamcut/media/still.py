"""A still image between files and frames: upright RGB with what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Still:
    """An image, upright.

    Attributes:
        pixels: uint8 [h, w] grey, [h, w, 3] RGB or [h, w, 4] RGBA, straight alpha.
        icc: the ICC profile that its colours are in, or None for sRGB.
        dpi: its resolution, horizontal and vertical, or None.
        notes: what of the file was not kept, in words.
    """

    pixels: NDArray[np.uint8]
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]
