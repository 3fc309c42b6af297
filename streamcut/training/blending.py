"""Light on layers, and one layer over another, in 8 bits."""

from __future__ import annotations

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, to_bytes


def random_light(rng: np.random.Generator) -> Bytes:
    """A random gain and gamma a channel as a lookup table [1, 256, 3]."""
    gain = np.exp(rng.normal(0, 0.18) + rng.normal(0, 0.05, 3))
    return curve(gain, float(np.exp(rng.normal(0, 0.15))))


def curve(gain: Floats, gamma: float) -> Bytes:
    """The lookup table of a gain a channel [3] and one gamma, uint8 [1, 256, 3]."""
    levels = np.arange(256) / 255.0
    return to_bytes(np.outer(levels**gamma, gain)[None])


def blend(front: Bytes, back: Bytes, alpha: Bytes) -> Bytes:
    """Alpha * front + (1 - alpha) * back, in 8 bits."""
    cover = cv2.merge([alpha, alpha, alpha])
    near = cv2.multiply(front, cover, scale=1 / 255)
    far = cv2.multiply(back, cv2.bitwise_not(cover), scale=1 / 255)
    return cv2.add(near, far)


def union(first: Bytes, second: Bytes) -> Bytes:
    """The opacity of two layers, one before the other."""
    free = cv2.multiply(cv2.bitwise_not(first), cv2.bitwise_not(second), scale=1 / 255)
    return cv2.bitwise_not(free)
