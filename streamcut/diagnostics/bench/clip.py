"""A drawn clip, for measuring speed where no clip is at hand; what it shows means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

GENERATED_RATE = 30


def generate(path: Path, width: int, height: int, frames: int) -> None:
    """Write a clip with a drawn person swaying before a moving, grainy background; H.264.

    It is for measuring speed where no clip is at hand; what it shows means nothing.
    """
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=GENERATED_RATE, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in drawn(width, height, frames):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))


def drawn(width: int, height: int, count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of that clip, RGB [height, width, 3]."""
    texture = _texture(width * 2, height * 2)
    for index in range(count):
        x, y = index % width, (index // 2) % height
        frame = texture[y : y + height, x : x + width].copy()
        _draw_person(frame, index)
        yield frame


def _texture(width: int, height: int) -> NDArray[np.uint8]:
    """Return clouds of colour under fine grain, RGB."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (9, 16, 3), np.uint8)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = random.normal(0, 4, (height, width, 1))
    return np.clip(clouds + grain, 0, 255).astype(np.uint8)


def _draw_person(frame: NDArray[np.uint8], index: int) -> None:
    """Draw head, hair, neck and shoulders, swaying with the frame's index."""
    height, width = frame.shape[:2]
    unit = height / 10
    centre = width / 2 + unit * np.sin(index / 15)

    def ellipse(y: float, across: float, down: float, colour: tuple[int, int, int]) -> None:
        axes = (int(across * unit), int(down * unit))
        cv2.ellipse(frame, (int(centre), int(y * unit)), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(3.3, 1.75, 2.0, (62, 42, 30))
    ellipse(9.5, 4.2, 3.4, (40, 60, 120))
    ellipse(6.0, 0.7, 1.2, (205, 160, 135))
    ellipse(3.9, 1.35, 1.8, (224, 180, 155))
