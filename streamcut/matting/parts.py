"""Connected parts of a matte, as OpenCV finds them."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Labels: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]

SEEN = 0.15
"""Opacities that are seen: enlargement takes what is below (or above its complement) for haze."""


def components(mask: Mask, connectivity: int = 8) -> tuple[Labels, Labels]:
    """Return each pixel's component, and OpenCV's statistics of them; 0 is what is not set."""
    plane = mask.view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=connectivity)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def widened(mask: NDArray[Any], reach: int) -> NDArray[np.uint8]:
    """Return a mask, or whole numbers below 256, spread by so many pixels each way."""
    side = 2 * reach + 1
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)), np.uint8)
