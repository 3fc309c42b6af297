"""Small clips whose mattes are known exactly, from nothing but numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from helpers.media import write
from numpy.typing import NDArray

from streamcut.training.pack import Person
from streamcut.training.script import Part, Scene, Shot
from streamcut.training.truth import Moment, film

Levels = NDArray[np.uint8]
"""uint8 planes, 0..255."""

PART = Part(0, height=1.2, top=0.1, strands=60, length=0.4, sway=0.02)


def drawn_person() -> Person:
    """An ellipse for a head on an ellipse for a body, its colours known everywhere."""
    matte = np.zeros((200, 120), np.uint8)
    cv2.ellipse(matte, (60, 28), (14, 18), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(matte, (60, 130), (36, 88), 0, 0, 360, 255, -1, cv2.LINE_AA)
    y, x = np.mgrid[:200, :120]
    waves = [128 + 60 * np.sin(x / a) * np.cos(y / b) for a, b in ((5, 9), (8, 6), (11, 13))]
    front = np.stack(waves, axis=2).astype(np.uint8)
    front[:50] = (60, 40, 30)
    return Person(front, front, matte, np.full_like(matte, 255))


def drawn_place() -> NDArray[np.uint8]:
    """Blotches that optical flow can hold on to; RGB [h, w, 3]."""
    noise = np.random.default_rng(7).normal(0, 1, (90, 160, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(np.clip(140 + 500 * soft, 0, 255), np.uint8)


@cache
def clip(
    frames: int = 8, size: tuple[int, int] = (96, 160), shake: float = 0.5, noise: float = 0.0
) -> list[Moment]:
    """A person with hair who sways before a place filmed from the hand."""
    scene = Scene("drawn", (Shot((PART,), 0, drift=0.5, shake=shake),), noise=noise)
    return list(film(scene, [drawn_person()], [drawn_place()], size, frames))


def as_frames(planes: Sequence[Levels], pixel_format: str) -> list[av.VideoFrame]:
    return [av.VideoFrame.from_ndarray(plane, format=pixel_format) for plane in planes]


def grey_video(path: Path, mattes: Sequence[Levels], rate: int = 30) -> Path:
    return write(path, as_frames(mattes, "gray"), rate=rate, time_base=Fraction(1, rate))
