"""The subject's own colours under a soft border, level by level (Germer et al. 2020).

As in the paper, foreground and background explain each pixel together and are smooth where the
alpha is; what is learnt at a small size begins the next larger one. Only the border is solved:
elsewhere the frame is one or the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_REGULARISATION, _GRADIENT = np.float32(1e-5), np.float32(1)
_SMALL, _ROUNDS_SMALL, _ROUNDS = 32, 12, 4
_SURE = 0.9
_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0))


def subject_colours(frame: Floats, alpha: Floats) -> Floats:
    """Estimate the colours of the subject alone, without what shows through its soft edges.

    Args:
        frame: [h, w, channels], 0..1.
        alpha: [h, w], 0..1.

    Returns:
        float32 [h, w, channels] in 0..1, not multiplied by alpha; where alpha is 1 the frame.
    """
    front, back = _mean(frame, alpha > _SURE), _mean(frame, alpha < 1 - _SURE)
    for size in _sizes(alpha.shape):
        image, share = _nearest(frame, size), _nearest(alpha, size)
        front, back = _nearest(front, size), _nearest(back, size)
        _solve(image, share, front, back)
    front[alpha == 1] = frame[alpha == 1]
    return front


def _sizes(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield (rows, columns) from one pixel to a shape, about doubling."""
    rows, columns = shape
    levels = max(1, int(np.ceil(np.log2(max(shape)))))
    for level in range(levels + 1):
        yield round(rows ** (level / levels)), round(columns ** (level / levels))


def _mean(frame: Floats, where: NDArray[np.bool_]) -> Floats:
    """Return the mean colour of some pixels, black for none, as a frame of one."""
    found = frame[where].mean(axis=0) if where.any() else np.zeros(frame.shape[2])
    return found.astype(np.float32)[None, None]


def _nearest(layer: Floats, size: tuple[int, int]) -> Floats:
    """Return a layer at (rows, columns), each pixel from the nearest, in memory of its own."""
    rows = np.arange(size[0]) * layer.shape[0] // size[0]
    columns = np.arange(size[1]) * layer.shape[1] // size[1]
    return np.ascontiguousarray(layer[rows[:, None], columns])


def _solve(image: Floats, alpha: Floats, front: Floats, back: Floats) -> None:
    """Make two layers explain an image, in place: exactly away from the border, in rounds in it."""
    sure = alpha == 1
    front[sure] = image[sure]
    empty = alpha == 0
    back[empty] = image[empty]
    border = cv2.dilate((~(sure | empty)).view(np.uint8), np.ones((3, 3), np.uint8))
    y, x = np.nonzero(border)
    if not y.size:
        return
    halves = [_Half(alpha, y[part], x[part]) for part in ((y + x) % 2 == 0, (y + x) % 2 == 1)]
    for _ in range(_ROUNDS_SMALL if max(alpha.shape) <= _SMALL else _ROUNDS):
        for half in halves:  # Like the squares of a chessboard: each sees the other's newest.
            half(image, front, back)


class _Half:
    """Some pixels of the border, no two of them neighbours.

    Args:
        alpha: [h, w] of the whole level.
        y: rows of the pixels.
        x: their columns.
    """

    def __init__(self, alpha: Floats, y: NDArray[np.int64], x: NDArray[np.int64]) -> None:
        rows, columns = alpha.shape
        self._own = y * columns + x
        self._beside = [
            np.clip(y + dy, 0, rows - 1) * columns + np.clip(x + dx, 0, columns - 1)
            for dy, dx in _NEIGHBOURS
        ]
        flat = alpha.ravel()
        self._alpha = flat[self._own][:, None]
        self._ties = [
            _REGULARISATION + _GRADIENT * np.abs(self._alpha - flat[other][:, None])
            for other in self._beside
        ]
        total = sum(self._ties, np.float32(0))
        self._front, self._back = self._alpha**2 + total, (1 - self._alpha) ** 2 + total
        self._both = self._alpha * (1 - self._alpha)
        self._scale = 1 / (self._front * self._back - self._both**2)

    def __call__(self, image: Floats, front: Floats, back: Floats) -> None:
        """Let the pixels follow their neighbours once."""
        channels = image.shape[2]
        seen, above, below = (layer.reshape(-1, channels) for layer in (image, front, back))
        for_front, for_back = self._alpha * seen[self._own], (1 - self._alpha) * seen[self._own]
        for tie, other in zip(self._ties, self._beside, strict=True):
            for_front += tie * above[other]
            for_back += tie * below[other]
        found = self._scale * (self._back * for_front - self._both * for_back)
        under = self._scale * (self._front * for_back - self._both * for_front)
        above[self._own] = np.clip(found, 0, 1)
        below[self._own] = np.clip(under, 0, 1)
