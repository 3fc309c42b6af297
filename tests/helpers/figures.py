"""People of an ellipse and a box."""

from __future__ import annotations

import cv2
import numpy as np


def figure(seed: int, size: tuple[int, int] = (120, 80)) -> tuple[np.ndarray, np.ndarray]:
    """A person of an ellipse and a box before noise; RGB and a mask of 0 and 255."""
    rng = np.random.default_rng(seed)
    height, width = size
    mask = np.zeros(size, np.uint8)
    x = int(rng.integers(width // 3, 2 * width // 3))
    cv2.circle(mask, (x, height // 4), height // 10, 255, -1)
    cv2.rectangle(mask, (x - width // 7, height // 3), (x + width // 7, height - 4), 255, -1)
    image = rng.integers(90, 130, (height, width, 3)).astype(np.uint8)
    image[mask > 0] = (200, 40 + 10 * seed % 100, 60)
    return image, mask
