"""Somebody in front of a coloured screen or in a room, with the matte known exactly."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
RGB = NDArray[np.uint8]

WIDTH, HEIGHT = 320, 180


def somebody(left: float = 0.5) -> tuple[Values, Values]:
    """Return a matte with soft edges, and colours, RGB in 0..255, of a person without a room."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    off = x / WIDTH - left
    body = (off / 0.16) ** 2 + ((y / HEIGHT - 1) / 0.5) ** 2 < 1
    head = (off / 0.07) ** 2 + ((y / HEIGHT - 0.36) / 0.16) ** 2 < 1
    hair = (off / 0.075) ** 2 + ((y / HEIGHT - 0.29) / 0.15) ** 2 < 1
    hair &= y < 0.33 * HEIGHT
    colours = np.full((HEIGHT, WIDTH, 3), (90, 95, 110), np.float32)
    colours[(np.sin(y / 3) > 0.3) & body] = 170, 60, 50
    colours[head], colours[hair] = (205, 150, 120), (35, 25, 20)
    return cv2.GaussianBlur((body | head | hair).astype(np.float32), (0, 0), 1), colours


def shadow(matte: Values, strength: float) -> Values:
    """Return what a person's shadow leaves of the light on what is behind, [h, w, 1]."""
    cast = cv2.GaussianBlur(np.roll(matte, WIDTH // 25, 1), (0, 0), 4)
    return np.asarray(1 - strength * cast, np.float32)[..., None]


def filmed(values: Values, noise: float = 3.0, seed: int = 0) -> RGB:
    """Return a picture with a camera's noise, standard deviation in code values."""
    grain = np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.clip(np.rint(values + grain), 0, 255).astype(np.uint8)


def before_a_screen(
    screen: tuple[int, int, int], *, left: float = 0.5, noise: float = 3.0, spill: float = 0.06
) -> tuple[RGB, Values, Values]:
    """Return a picture before an unevenly lit screen, its matte, and the person's own colours."""
    matte, colours = somebody(left)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    light = 1 - 0.55 * ((x / WIDTH - 0.5) ** 2 + (y / HEIGHT - 0.3) ** 2)
    behind = np.multiply(screen, light[..., None] * shadow(matte, 0.3))
    front = colours + spill * np.array(screen, np.float32)
    mixed = matte[..., None] * front + (1 - matte[..., None]) * behind
    return filmed(mixed, noise), matte, colours


def room() -> Values:
    """Return an empty room: soft colours and some furniture, RGB in 0..255."""
    rng = np.random.default_rng(1)
    walls = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 6)
    walls = (walls - walls.min()) / np.ptp(walls) * 150 + 50
    for _ in range(25):
        left, top = rng.integers(0, WIDTH - 20), rng.integers(0, HEIGHT - 15)
        width, height = rng.integers(10, 60, 2)
        walls[top : top + height, left : left + width] = rng.integers(40, 230, 3)
    return np.asarray(cv2.GaussianBlur(walls, (0, 0), 0.7), np.float32)


def in_the_room(left: float = 0.5, darker: float = 0.3) -> tuple[Values, Values]:
    """Return the room with somebody and a shadow in it, RGB in 0..255, and the matte."""
    matte, colours = somebody(left)
    behind = room() * shadow(matte, darker)
    return matte[..., None] * colours + (1 - matte[..., None]) * behind, matte


def iou(found: NDArray[Any], truth: NDArray[Any]) -> float:
    one, other = found > 0.5, truth > 0.5
    return float((one & other).sum() / (one | other).sum())
