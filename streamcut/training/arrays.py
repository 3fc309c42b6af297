"""Names for arrays. OpenCV's stubs promise no element type, so these cannot either."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[Any]
"""uint8 planes, 0..255: [h, w] or RGB [h, w, 3]."""

Floats: TypeAlias = NDArray[Any]
"""float32 planes, 0..1 unless said otherwise."""

Flags: TypeAlias = NDArray[Any]
"""Truth values [h, w]."""

Matrix: TypeAlias = NDArray[Any]
"""An affine map as float64 [2, 3], for column vectors (x, y, 1)."""

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""


def to_bytes(plane: Floats) -> Bytes:
    """0..1 to 0..255, rounded and clipped."""
    return np.asarray(np.rint(np.clip(plane, 0.0, 1.0) * 255.0), np.uint8)
