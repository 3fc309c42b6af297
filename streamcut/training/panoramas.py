"""Perspective views of equirectangular HDR panoramas: places without people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, to_bytes


def panoramas(folder: Path | None) -> Iterator[tuple[int, Path, bool]]:
    """A folder's panoramas: number, path, and whether it is held out, as every fifth is."""
    for number, path in enumerate(sorted(folder.glob("*.hdr")) if folder else []):
        yield number, path, number % 5 == 2


def views(folder: Path | None, count: int) -> Iterator[tuple[str, Bytes, bool]]:
    """So many views of every panorama, each with its name and whether it is held out."""
    for number, path, held_out in panoramas(folder):
        panorama, rng = read_panorama(path), np.random.default_rng(number)
        for _ in range(count):
            yield path.stem, random_view(panorama, (320, 448), rng), held_out


def read_panorama(path: Path) -> Floats:
    """Linear RGB float32 [h, w, 3]."""
    radiance = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if radiance is None:
        raise ValueError(f"not a readable panorama: {path}")
    return np.ascontiguousarray(radiance[..., ::-1], dtype=np.float32)


def view(
    panorama: Floats, size: tuple[int, int], degrees: float, yaw: float, pitch: float, roll: float
) -> Floats:
    """A pinhole view `degrees` wide; yaw, pitch and roll in radians; linear RGB."""
    height, width = size
    rays = _rays(height, width, degrees) @ _rotation(yaw, pitch, roll).T
    longitude = np.arctan2(rays[..., 0], rays[..., 2])
    latitude = np.arcsin(np.clip(rays[..., 1], -1.0, 1.0))
    rows, columns = panorama.shape[:2]
    x = ((longitude / (2 * np.pi) + 0.5) * columns).astype(np.float32)
    y = ((latitude / np.pi + 0.5) * rows).astype(np.float32)
    return cv2.remap(panorama, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def expose(linear: Floats, stops: float) -> Bytes:
    """Tone-map a linear view as a camera would: key its middle grey, clip, gamma."""
    level = float(np.median(linear.mean(axis=2))) + 1e-4
    scaled = linear * (0.18 / level) * 2.0**stops
    return to_bytes(np.clip(scaled, 0.0, 1.0) ** (1 / 2.2))


def random_view(panorama: Floats, size: tuple[int, int], rng: np.random.Generator) -> Bytes:
    """A hand-held view in a random direction with a random exposure."""
    linear = view(
        panorama,
        size,
        degrees=rng.uniform(55, 100),
        yaw=rng.uniform(-np.pi, np.pi),
        pitch=rng.normal(0, 0.18),
        roll=rng.normal(0, 0.05),
    )
    return expose(linear, rng.uniform(-1.5, 1.3))


def _rays(height: int, width: int, degrees: float) -> Floats:
    focal = 0.5 * width / np.tan(np.radians(degrees) / 2)
    x, y = np.meshgrid(np.arange(width) - width / 2 + 0.5, np.arange(height) - height / 2 + 0.5)
    rays = np.stack([x, y, np.full_like(x, focal)], axis=-1)
    length = np.linalg.norm(rays, axis=-1, keepdims=True)
    return np.asarray(rays / length, np.float32)


def _rotation(yaw: float, pitch: float, roll: float) -> Floats:
    about_x = cv2.Rodrigues(np.array([pitch, 0.0, 0.0]))[0]
    about_y = cv2.Rodrigues(np.array([0.0, yaw, 0.0]))[0]
    about_z = cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
    return np.asarray(about_y @ about_x @ about_z, np.float32)
