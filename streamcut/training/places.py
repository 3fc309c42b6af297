"""Places without people: rooms, what stands beside people, synthetic walls; and clutter in them."""

from __future__ import annotations

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Size, to_bytes
from streamcut.training.blending import blend, random_light
from streamcut.training.casting import Casting, Mixture
from streamcut.training.geometry import REFLECT, placement, warp


def random_place(cast: Casting, size: Size, rng: np.random.Generator, mixture: Mixture) -> Bytes:
    """A view without people, with clutter now and then."""
    kind = rng.random()
    beside = cast.beside(rng) if kind > 1.0 - mixture.beside and cast.labelled else None
    if beside is not None:
        place = _cropped(beside, size, rng)
    elif kind < mixture.synthetic_place or not cast.places:
        place = synthetic_place(size, rng)
    else:
        place = _cropped(cast.place(rng), size, rng)
    if rng.random() < mixture.clutter:
        place = clutter(place, rng, cast)
    return cv2.GaussianBlur(place, (0, 0), rng.uniform(0.5, 4)) if rng.random() < 0.2 else place


def _cropped(place: Bytes, size: Size, rng: np.random.Generator) -> Bytes:
    rows, columns = place.shape[:2]
    largest = min(rows / size[0], columns / size[1])
    window = largest * rng.uniform(0.5, 1.0)
    room = (max(0.0, columns - window * size[1]) / 2, max(0.0, rows - window * size[0]) / 2)
    centre = (columns / 2 + rng.uniform(-1, 1) * room[0], rows / 2 + rng.uniform(-1, 1) * room[1])
    matrix = placement(
        1.0 / window,
        centre,
        (size[1] / 2, size[0] / 2),
        degrees=float(rng.normal(0, 3)),
        mirror=bool(rng.random() < 0.5),
    )
    return warp(place, matrix, size, REFLECT)


def synthetic_place(size: Size, rng: np.random.Generator) -> Bytes:
    """A wall, a gradient or coloured blotches."""
    cells = int(rng.choice([1, 2, 3, 6, 12]))
    coarse = rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8)
    base = rng.integers(0, 256, (1, 1, 3)).astype(np.uint8)
    mixed = cv2.addWeighted(coarse, 0.5, np.broadcast_to(base, coarse.shape).copy(), 0.5, 0)
    mode = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return cv2.resize(mixed, (size[1], size[0]), interpolation=mode)


def clutter(image: Bytes, rng: np.random.Generator, cast: Casting | None = None) -> Bytes:
    """Furniture-like shapes, and, with a cast, things of cloth and of what rooms are made of."""
    image = image.copy()
    for _ in range(int(rng.integers(1, 6))):
        if cast is not None and cast.places and rng.random() < 0.6:
            image = _thing(image, cast, rng)
        else:
            _shape(image, None, rng)
    return image


def _thing(image: Bytes, cast: Casting, rng: np.random.Generator) -> Bytes:
    """A cushion, a coat on a hook, a lamp: a smooth outline filled with a real surface."""
    size = image.shape[:2]
    mask = _outline((size[0], size[1]), rng)
    surface = cast.cloth(rng) if rng.random() < 0.6 else cast.place(rng)
    part = float(rng.uniform(0.3, 1.0))
    rows, columns = (max(4, int(part * n)) for n in surface.shape[:2])
    filled = cv2.resize(surface[:rows, :columns], size[::-1], interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        filled = _folded(filled, rng)
    return blend(cv2.LUT(filled, random_light(rng)), image, mask)


def _outline(size: Size, rng: np.random.Generator) -> Bytes:
    """One smooth lump, as a mask; taller than wide as often as the reverse."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.ones_like(turn)
    for wave in range(2, 7):
        radius += rng.normal(0, 0.35 / wave) * np.sin(wave * turn + rng.uniform(0, 2 * np.pi))
    reach = size[0] * np.exp(rng.uniform(np.log(0.05), np.log(0.35)))
    slim = np.exp(rng.uniform(-0.9, 0.9))
    centre = rng.uniform((-0.05, 0.05), (1.05, 1.0)) * (size[1], size[0])
    points = np.stack([np.cos(turn) * slim**-0.5, np.sin(turn) * slim**0.5], axis=1)
    corners = np.rint(centre + reach * np.clip(radius, 0.3, 2.0)[:, None] * points)
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [corners.astype(np.int32)], 255, cv2.LINE_AA)
    return cv2.GaussianBlur(mask, (0, 0), 0.4 + float(rng.exponential(0.5)))


def _folded(surface: Bytes, rng: np.random.Generator) -> Bytes:
    """Folds: light and dark bands, as in cloth that hangs or lies."""
    rows, columns = surface.shape[:2]
    lean = rng.uniform(-0.6, 0.6)
    across = np.arange(columns) + lean * np.arange(rows)[:, None]
    waves = np.sin(2 * np.pi * across * rng.uniform(4, 24) / columns + rng.uniform(0, 6))
    shade = 1.0 + float(rng.uniform(0.1, 0.4)) * waves[..., None]
    return to_bytes(surface * shade / 255.0)


def occlude(image: Bytes, alpha: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Something stands before the people and is not part of them."""
    image, alpha = image.copy(), alpha.copy()
    _shape(image, alpha, rng)
    return image, alpha


def _shape(image: Bytes, alpha: Bytes | None, rng: np.random.Generator) -> None:
    rows, columns = image.shape[:2]
    centre = (float(rng.uniform(0, columns)), float(rng.uniform(0.1 * rows, rows)))
    extent = (float(rng.uniform(3, columns * 0.35)), float(rng.uniform(3, rows * 0.5)))
    colour = tuple(float(c) for c in rng.integers(0, 256, 3))
    angle = float(rng.normal(0, 12))
    if rng.random() < 0.3:
        cv2.ellipse(image, (centre, extent, angle), colour, -1, cv2.LINE_AA)
        if alpha is not None:
            cv2.ellipse(alpha, (centre, extent, angle), 0.0, -1, cv2.LINE_AA)
        return
    corners = np.rint(cv2.boxPoints((centre, extent, angle))).astype(np.int32)
    cv2.fillConvexPoly(image, corners, colour, cv2.LINE_AA)
    if alpha is not None:
        cv2.fillConvexPoly(alpha, corners, 0.0, cv2.LINE_AA)
