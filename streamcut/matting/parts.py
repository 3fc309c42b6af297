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

# Marks a gap in a plane of 0 and 1.
_GAP = 2
# Within this share of the frame's longer side of somebody a part belongs to him.
_NEAR = 0.03


def components(mask: Mask) -> tuple[Labels, Labels]:
    """Return each pixel's component, and OpenCV's statistics of them; 0 is what is not set."""
    plane = mask.view(np.uint8)
    if _count(plane) < 2:  # As in most frames; labelling takes twenty times as long as counting.
        return plane.astype(np.int32), _two(plane)
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        plane, 8, cv2.CV_32S, cv2.CCL_GRANA
    )
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _count(plane: NDArray[np.uint8]) -> int:
    """Return how many components a mask has."""
    _, tree = cv2.findContours(plane, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return 0 if tree is None else int(np.count_nonzero(tree[0, :, 3] < 0))  # The rest are holes.


def _two(plane: NDArray[np.uint8]) -> Labels:
    """Return the statistics of what is not set in a mask, and of all that is, if anything is."""
    area = cv2.countNonZero(plane)
    outside = [*cv2.boundingRect(1 - plane), plane.size - area]
    return np.array([outside, [*cv2.boundingRect(plane), area]][: 2 if area else 1], np.int32)


def small_gaps(mask: Mask, area: float) -> Mask | None:
    """Return the gaps of fewer pixels in a mask that do not touch its sides; None for none.

    A gap is what is not set and hangs together; diagonal neighbours do not.
    """
    plane = mask.view(np.uint8)
    found, tree = cv2.findContours(plane, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    holes = () if tree is None else np.flatnonzero(tree[0, :, 3] >= 0).tolist()
    outlines = [found[hole] for hole in holes if _could_be_below(area, found[hole])]
    if not outlines:
        return None
    filled = plane.copy()
    for outline in outlines:
        first = int(outline[0, 0, 0]) + 1, int(outline[0, 0, 1])  # It begins left of the gap.
        pixels = cv2.floodFill(filled, None, first, _GAP, flags=4)[0]
        if pixels >= area:
            cv2.floodFill(filled, None, first, 1, flags=4)
    return np.asarray(filled == _GAP)


def _could_be_below(area: float, outline: NDArray[Any]) -> bool:
    """Return whether the gap within an outline may have fewer pixels than so many."""
    _, _, width, height = cv2.boundingRect(outline)
    return max(width, height) - 2 < area  # The outline runs around the gap.


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
