"""Where things moved between two frames: dense optical flow, and how far it can be believed.

DIS flow (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016, OpenCV's). A
field is float32 [height, width, 2]: for every pixel of one frame, how many pixels to the
right and down the same thing lies in another frame of the same size.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""float32 [height, width, 2]: x and y of every pixel's way, in pixels."""

Values = TypeVar("Values", bound=NDArray[Any])

# OpenCV's DIS reads out of bounds, and crashes, in some frames with a shorter side than this:
# its coarsest scale is then finer than its finest.
_SHORTEST = 96
# How far forward and backward flow may miss each other and still be believed: a share of the
# way gone, squared, and as much everywhere (pixels, squared). Sundaram et al., "Dense Point
# Trajectories by GPU-accelerated Large Displacement Optical Flow", 2010.
_SHARE, _MISS = 0.01, 0.5
# Planes' sides are rounded up to this where what depends on them alone is kept.
_GRAIN = 64


class Flow:
    """Finds the fields between frames of one video. Not for use by several threads at once.

    Args:
        preset: OpenCV's: ultrafast, fast or medium.
    """

    def __init__(self, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> None:
        self._engine = cv2.DISOpticalFlow.create(preset)

    def __call__(self, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Field:
        """Return the field from ``source`` to ``target``: where each source pixel is in it.

        Args:
            source: grey, uint8 [height, width].
            target: of the same shape.
        """
        height, width = source.shape
        short = [max(0, _SHORTEST - side) for side in (height, width)]
        if any(short):
            source, target = (_padded(plane, *short) for plane in (source, target))
        found = self._engine.calc(source, target, np.zeros((*source.shape, 2), np.float32))
        return np.asarray(found[:height, :width], np.float32)


def _padded(plane: NDArray[np.uint8], below: int, right: int) -> NDArray[np.uint8]:
    grown = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(grown, np.uint8)


def grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the brightness of an RGB uint8 [height, width, 3] frame, as flow wants it."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def follow(plane: Values, field: Field) -> Values:
    """Return what every pixel finds in ``plane`` at the end of its way, bilinearly.

    With the field from a later frame to an earlier one this brings the earlier plane to
    the later frame. Ways that lead outside end at the border.

    Args:
        plane: uint8, uint16 or float32, [height, width] or [height, width, channels].
        field: of the same height and width.
    """
    return follow_all(field, plane)[0]


def follow_all(field: Field, *planes: Values) -> list[Values]:
    """Return what every pixel finds in each of several planes, see :func:`follow`."""
    ends = _ends(field)
    return [
        cast(
            Values,
            cv2.remap(plane, ends, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),  # type: ignore[call-overload]
        )
        for plane in planes
    ]


def chained(first: Field, then: Field) -> Field:
    """Return the field of going ``first`` and then, from there, ``then``."""
    return first + follow(then, first)


def enlarged(field: Field, size: tuple[int, int]) -> Field:
    """Return a field at another size (width, height), its vectors in pixels of that size."""
    height, width = field.shape[:2]
    scale = np.array([size[0] / width, size[1] / height], np.float32)
    return np.asarray(cv2.resize(field, size) * scale, np.float32)


def agreement(there: Field, back: Field) -> NDArray[np.float32]:
    """Return how far the ways of ``there`` can be believed: they are, if ``back`` leads back.

    Args:
        there: from a frame to another.
        back: from the other to the first.

    Returns:
        float32 [height, width]: 1 where the two cancel out, falling to 0 where they miss each
        other by twice what counts as agreement (where something is hidden, or flow is wrong).
    """
    miss = _squared(there + follow(back, there))
    allowed = _SHARE * _squared(there) + np.float32(_MISS)
    return np.asarray(np.clip(2 - miss / allowed, 0, 1), np.float32)


def _squared(field: Field) -> NDArray[np.float32]:
    """Return the squared length of each way."""
    x, y = field[..., 0], field[..., 1]  # Several times faster than a sum over an axis of two.
    return np.asarray(x * x + y * y, np.float32)


def left_frame(field: Field) -> NDArray[np.bool_]:
    """Return which ways end outside the frame, bool [height, width]."""
    height, width = field.shape[:2]
    ends = _ends(field)
    x, y = ends[..., 0], ends[..., 1]
    outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
    return np.asarray(outside, np.bool_)


def _ends(field: Field) -> Field:
    """Return the x and y at which every pixel's way ends."""
    height, width = field.shape[:2]
    places = _places(-(-height // _GRAIN), -(-width // _GRAIN))
    return np.asarray(cv2.add(field, places[:height, :width]), np.float32)


@lru_cache(maxsize=16)
def _places(rows: int, columns: int) -> Field:
    """Return x and y of every pixel of a plane, its sides in grains."""
    y, x = np.mgrid[: rows * _GRAIN, : columns * _GRAIN]
    return np.stack([x, y], axis=-1).astype(np.float32)
