"""How a camera and a codec change an image: light, colour, noise, blur, compression.

A `Look` is drawn once and can then be applied to every frame of a clip, so that
the clip keeps one camera while its noise is new in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, to_bytes


@dataclass(frozen=True)
class Look:
    """One camera in one room; every field is neutral by default."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    lift: float = 0.0
    saturation: float = 1.0
    noise: float = 0.0
    grain: int = 1
    blur: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    shrink: float = 1.0
    quality: int = 100


def random_look(rng: np.random.Generator, strength: float = 1.0) -> Look:
    """A camera drawn at random; one in five works in dim light, some of them in the dark."""
    dim = rng.random() < 0.2
    exposure = rng.normal(-0.5 if dim else 0.0, 0.3) * strength
    if dim and rng.random() < 0.4:
        exposure -= rng.uniform(0.5, 2.5)
    hazy = float(rng.uniform(0.1, 0.4)) if rng.random() < 0.08 else 0.0
    warmth = rng.normal(0.0, 0.08 * strength)
    tint = rng.normal(0.0, 0.03 * strength)
    gain = 2.0**exposure * np.exp([warmth, tint, -warmth])
    angle, length = rng.uniform(0, np.pi), rng.uniform(2, 7) if rng.random() < 0.1 else 0.0
    return Look(
        gain=(float(gain[0]), float(gain[1]), float(gain[2])),
        gamma=float(np.exp(rng.normal(0.0, 0.25 * strength))),
        lift=float(max(hazy, rng.normal(-0.02, 0.05))),
        saturation=0.0 if rng.random() < 0.04 else float(rng.uniform(0.5, 1.4)),
        noise=float(abs(rng.normal(0, 11 if dim else 4))) if rng.random() < 0.6 else 0.0,
        grain=int(rng.integers(1, 3)),
        blur=float(rng.uniform(0.4, 1.4)) if rng.random() < 0.2 else 0.0,
        motion=(float(np.cos(angle) * length), float(np.sin(angle) * length)),
        shrink=float(rng.uniform(0.4, 0.9)) if rng.random() < 0.2 else 1.0,
        quality=int(rng.integers(25, 95)) if rng.random() < 0.4 else 100,
    )


def apply_look(image: Bytes, look: Look, rng: np.random.Generator) -> Bytes:
    """The image, uint8 RGB [h, w, 3], as this camera would deliver it."""
    image = _soften(image, look)
    image = _recolour(image, look)
    if look.noise > 0:
        image = _add_noise(image, look, rng)
    if look.quality < 100:
        image = _compress(image, look.quality)
    return image


def _soften(image: Bytes, look: Look) -> Bytes:
    height, width = image.shape[:2]
    if look.shrink < 1.0:
        size = (max(8, int(width * look.shrink)), max(8, int(height * look.shrink)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if look.blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), look.blur)
    if look.motion != (0.0, 0.0):
        image = cv2.filter2D(image, -1, _streak(look.motion))
    return image


def _streak(motion: tuple[float, float]) -> Floats:
    """A line as convolution kernel: the blur of a movement (x, y)."""
    side = 9
    kernel = np.zeros((side, side), np.float32)
    reach = np.array(motion) / 2
    ends = [tuple(int(v) for v in np.rint(side // 2 + sign * reach)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return kernel / max(float(kernel.sum()), 1.0)


def _recolour(image: Bytes, look: Look) -> Bytes:
    """Gain, gamma and lift in one table a channel, then saturation."""
    levels = np.arange(256, dtype=np.float32) / 255.0
    curves = np.clip(np.outer(levels, look.gain), 0, 1) ** look.gamma
    curves = look.lift + (1.0 - look.lift) * curves
    image = cv2.LUT(image, to_bytes(curves[None]))
    if look.saturation == 1.0:
        return image
    s = look.saturation
    mix = np.full((3, 3), (1.0 - s)) * np.array([0.3, 0.59, 0.11]) + np.eye(3) * s
    return cv2.transform(image, mix.astype(np.float32))


def _add_noise(image: Bytes, look: Look, rng: np.random.Generator) -> Bytes:
    height, width = image.shape[:2]
    size = (height // look.grain + 1, width // look.grain + 1, 3)
    noise = np.empty(size, np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(noise, np.zeros(3), np.full(3, look.noise))
    if look.grain > 1:
        noise = cv2.resize(noise, (size[1] * look.grain, size[0] * look.grain))
    return cv2.add(image, noise[:height, :width], dtype=cv2.CV_8U)


def _compress(image: Bytes, quality: int) -> Bytes:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return image if decoded is None else decoded
