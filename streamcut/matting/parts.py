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

# Within this share of the frame's longer side of somebody a part belongs to him.
_NEAR = 0.03


def components(mask: Mask, connectivity: int = 8) -> tuple[Labels, Labels]:
    """Return each pixel's component, and OpenCV's statistics of them; 0 is what is not set."""
    plane = mask.view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=connectivity)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def widened(mask: NDArray[Any], pixels: int) -> NDArray[np.uint8]:
    """Return a mask, or whole numbers below 256, spread by so many pixels each way."""
    side = 2 * pixels + 1
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)), np.uint8)


def reach(labels: Labels) -> int:
    """Return within how many pixels of somebody a part belongs to him: a hand, a held thing."""
    longest: int = max(labels.shape)
    return max(1, round(_NEAR * longest))


def near(labels: Labels, some: Mask) -> Mask:
    """Return which parts are some of them, or reach near one of these; part 0 may be, too."""
    found = np.zeros(some.size, np.bool_)
    found[labels[widened(some[labels], reach(labels)) > 0]] = True
    return found


def means(labels: Labels, values: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Return the mean of values over each of so many parts; 0 where a part is nowhere."""
    areas = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    return np.asarray(np.bincount(labels.ravel(), values.ravel(), count) / areas, np.float64)
