"""Affine placement and smooth warps of planes, with care for aliasing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, Matrix, Size

SMOOTH = cv2.INTER_LINEAR
REFLECT = cv2.BORDER_REFLECT_101


@dataclass(frozen=True)
class Box:
    """Pixel rows and columns, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def centre(self) -> float:
        """The column halfway between the sides."""
        return 0.5 * (self.left + self.right)


@dataclass(frozen=True)
class Layer:
    """Something on a canvas, known within a window of it only.

    Attributes:
        window: rows and columns of the canvas.
        light: premultiplied RGB float32 [h, w, 3], 0..255.
        cover: opacity, float32 [h, w], 0..1.
    """

    window: tuple[slice, slice]
    light: Floats
    cover: Floats


def window_of(points: Floats, size: Size, margin: float) -> tuple[slice, slice]:
    """The rows and columns of a canvas around points [n, 2], x and y; maybe none."""
    low = np.floor(points.min(axis=0) - margin - 2)
    high = np.ceil(points.max(axis=0) + margin + 3)
    left, top = (int(v) for v in np.clip(low, 0, size[::-1]))
    right, bottom = (int(v) for v in np.clip(high, 0, size[::-1]))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def box_of(alpha: Bytes) -> Box | None:
    """The bounding box of what is at least half opaque."""
    rows = np.flatnonzero((alpha > 127).any(axis=1))
    columns = np.flatnonzero((alpha > 127).any(axis=0))
    if rows.size == 0:
        return None
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def placement(
    scale: float,
    source: tuple[float, float],
    target: tuple[float, float],
    *,
    degrees: float = 0.0,
    mirror: bool = False,
    stretch: float = 1.0,
) -> Matrix:
    """The 2x3 matrix that carries the source point (x, y) to the target point."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    flip = -1.0 if mirror else 1.0
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip * stretch * scale, scale])
    shift = np.array(target) - linear @ np.array(source)
    return np.hstack([linear, shift[:, None]])


def warp(
    plane: Bytes, matrix: Matrix, size: tuple[int, int], border: int = cv2.BORDER_CONSTANT
) -> Bytes:
    """Place a plane on a canvas of (height, width); halved first where it shrinks much."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    matrix = matrix.copy()
    while scale < 0.6 and min(plane.shape[:2]) > 16:
        rows, columns = plane.shape[0] // 2, plane.shape[1] // 2
        plane = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= 2.0
        scale *= 2.0
    return cv2.warpAffine(plane, matrix, (size[1], size[0]), flags=SMOOTH, borderMode=border)


def wobble(size: tuple[int, int], pixels: float, rng: np.random.Generator) -> Floats:
    """A smooth random displacement field [h, w, 2], about `pixels` strong."""
    coarse = rng.normal(0.0, pixels, (4, 4, 2)).astype(np.float32)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def displace(plane: Bytes, field: Floats, border: int = cv2.BORDER_REPLICATE) -> Bytes:
    """Sample the plane at every pixel's own position plus the field's (x, y)."""
    rows, columns = field.shape[:2]
    x, y = cv2.split(_grid((rows, columns)) + field)
    return cv2.remap(plane, x, y, SMOOTH, borderMode=border)


@lru_cache(maxsize=16)
def _grid(size: Size) -> Floats:
    """Every pixel's own (x, y)."""
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    return np.stack([x, y], axis=-1).astype(np.float32)
