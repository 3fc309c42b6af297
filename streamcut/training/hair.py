"""Hair drawn strand by strand, so that its matte is known exactly below the pixel.

A strand is a curve that leaves the head's contour, falls, curls and sways. It is drawn at
several times the image's size, colour and opacity alike, and averaged down: what comes out
are premultiplied colours and the coverage that belongs to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, Matrix, Size
from streamcut.training.geometry import Layer, box_of, window_of

Bend: TypeAlias = Callable[[Floats], Floats]
"""How far to the right rows of the canvas are shifted, pixels, by their numbers."""

SUPERSAMPLING = 4
_SHIFT = 4  # Fractional bits of OpenCV's drawing coordinates.
_JOINTS = 13
_HEAD = 0.13
"""How much of a standing body is head, from the top."""


@dataclass(frozen=True)
class Strands:
    """Hair of one person, in the person's pixels.

    Attributes:
        curves: joints of every strand from root to tip, float64 [strands, joints, 2], x and y.
        sway: how far each strand's tip swings, pixels.
        phase: where in its swing each strand begins, radians.
        widths: pixels at the root.
        colours: RGB 0..255, float64 [strands, 3].
    """

    curves: Floats
    sway: Floats
    phase: Floats
    widths: Floats
    colours: Floats

    def swung(self, time: float) -> Floats:
        """The joints after ``time`` seconds: tips swing most, roots not at all."""
        along = np.linspace(0.0, 1.0, _JOINTS) ** 2
        swing = self.sway * np.sin(self.phase + 5.0 * time)
        curves = self.curves.copy()
        curves[..., 0] += swing[:, None] * along
        return curves


def grow(
    front: Bytes, matte: Bytes, count: int, length: float, rng: np.random.Generator
) -> Strands | None:
    """Hair around the head of a person, or None where nobody stands.

    Args:
        front: the person's colours, RGB uint8 [h, w, 3].
        matte: the person's matte, uint8 [h, w].
        count: how many strands.
        length: their mean length, in heights of the head.
        rng: what decides about each strand.
    """
    box = box_of(matte)
    if box is None:
        return None
    head = _HEAD * box.height
    roots, outward = _scalp(matte, box.top, box.top + round(head))
    chosen = rng.integers(len(roots), size=count)
    roots, outward = roots[chosen], outward[chosen]
    roots = roots - outward * rng.uniform(0.01, 0.06, (count, 1)) * head
    reach = np.clip(rng.gamma(2.0, length / 2.0, count), 0.05, 3 * length) * head
    return Strands(
        curves=_curves(roots, outward, reach, rng),
        sway=reach * rng.normal(0.0, 0.12, count),
        phase=rng.normal(0.0, 0.6, count),
        widths=head * rng.uniform(0.003, 0.010, count),
        colours=_colours(front, roots - outward * 0.05 * head, rng),
    )


def _scalp(matte: Bytes, top: int, bottom: int) -> tuple[Floats, Floats]:
    """Points [n, 2] on the head's contour and the directions [n, 2] that lead away from it."""
    solid = (matte > 127).astype(np.uint8)
    solid[bottom:] = 0
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = max(contours, key=len)[:, 0].astype(np.float64)
    points = points[points[:, 1] < bottom - 2]
    middle = np.array([points[:, 0].mean(), bottom - 0.45 * (bottom - top)])
    away = points - middle
    return points, away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)


def _curves(roots: Floats, outward: Floats, reach: Floats, rng: np.random.Generator) -> Floats:
    """Outward first, then down, with a curl of their own."""
    count = len(roots)
    along = np.linspace(0.0, 1.0, _JOINTS)[None, :, None]
    turn = rng.normal(0.0, 0.35, count)
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = outward[:, 0], outward[:, 1]
    heading = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)[:, None]
    across = np.stack([-heading[..., 1], heading[..., 0]], axis=-1)
    fall = np.array([0.0, 1.0]) * rng.uniform(0.3, 1.0, (count, 1, 1))
    waves = rng.normal(0.0, 0.05, (count, 1, 1)) * np.sin(
        along * rng.uniform(2.0, 6.0, (count, 1, 1))
    )
    bent = heading * along + fall * along**2 + across * waves
    return np.asarray(roots[:, None] + reach[:, None, None] * bent)


def _colours(front: Bytes, roots: Floats, rng: np.random.Generator) -> Floats:
    """Of the head where a strand begins, some lighter, some darker."""
    rows, columns = front.shape[:2]
    x = np.clip(np.rint(roots[:, 0]), 0, columns - 1).astype(int)
    y = np.clip(np.rint(roots[:, 1]), 0, rows - 1).astype(int)
    shades = np.exp(rng.normal(0.0, 0.22, (len(roots), 1)))
    return np.clip(cv2.GaussianBlur(front, (0, 0), 2.0)[y, x] * shades, 2.0, 250.0)


def draw(strands: Strands, matrix: Matrix, bend: Bend, size: Size, time: float) -> Layer:
    """Hair on the canvas.

    Args:
        strands: what to draw.
        matrix: from the person's pixels to the canvas.
        bend: how far to the right each row of the canvas is then shifted.
        size: the canvas, (height, width).
        time: seconds since the clip began.
    """
    joints = strands.swung(time) @ matrix[:, :2].T + matrix[:, 2]
    joints[..., 0] += bend(joints[..., 1])
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    rows, columns = window = window_of(joints.reshape(-1, 2), size, 2.0)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    drawn = np.zeros((*shape, 4), np.float32)
    if 0 not in shape:
        drawn = _drawn(joints - (columns.start, rows.start), strands, scale, shape)
    return Layer(window, drawn[..., :3], drawn[..., 3] / np.float32(255))


def _drawn(joints: Floats, strands: Strands, scale: float, size: Size) -> Floats:
    """RGBA [h, w, 4], 0..255, of a window; strands taper to a third."""
    large = np.zeros((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING, 4), np.uint8)
    fine = (joints + 0.5) * SUPERSAMPLING - 0.5
    points = np.rint(fine * 2**_SHIFT).astype(np.int32)
    thirds = (slice(0, 5), slice(4, 9), slice(8, _JOINTS))
    for curve, width, colour in zip(points, strands.widths, strands.colours, strict=True):
        for part, share in zip(thirds, (1.0, 0.66, 0.33), strict=True):
            pen = _pen(width * scale * SUPERSAMPLING * share)
            piece = [curve[part][:, None]]
            cv2.polylines(large, piece, False, (*colour, 255.0), pen, cv2.LINE_AA, _SHIFT)
    return cv2.resize(large, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)


def _pen(width: float) -> int:
    """The thickness with which OpenCV covers most nearly ``width`` pixels of a smooth line.

    Measured, thickness 1 covers 1.35, 2 covers 3.4, 3 and 4 cover 5.4, 5 and 6 cover 7.5...
    """
    step = round((width - 1.4) / 2)
    return max(1, 2 * step - 1 if step > 1 else step + 1)
