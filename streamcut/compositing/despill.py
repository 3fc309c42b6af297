"""A coloured screen's light taken off the subject: out of its border, and where it reflects it.

In front of a screen a pixel is the subject's colour and a share of the screen's. The share is
told by the colour difference (:mod:`streamcut.imaging.chroma`); the screen's light is subtracted
in every plane, and at the border what is left is raised again by the subject's own share,
as in Vlahos' travelling mattes. Pixels that the screen has no share in stay as decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import cv2
import numpy as np

from streamcut.imaging.chroma import Screen, differences, luma_weights
from streamcut.media.colour import Colour
from streamcut.media.frame import Frame
from streamcut.media.matte import Grid
from streamcut.media.pixel_formats import depth, peak
from streamcut.media.planes import Plane, blank_like, planes

_NOISE = 0.03  # Smaller shares are the subject's own colour.
_MOST = 0.85  # What is left of a pixel cannot be raised without end.


def despill(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Take the screen's light off the subject, in frames that have a screen.

    Args:
        frames: with mattes at the picture's size.
    """
    for frame in frames:
        if frame.screen is not None:
            if frame.matte is None:
                raise ValueError("despill needs frames with a matte")
            frame.picture = without_spill(frame.picture, frame.matte, frame.screen)
        yield frame


def without_spill(
    picture: av.VideoFrame, matte: Plane, screen: tuple[float, float, float]
) -> av.VideoFrame:
    """Return a copy of a picture without a screen's light, wherever its matte is above 0.

    Args:
        picture: in one of the working formats.
        matte: at its size and depth.
        screen: the screen's colour, RGB 0..255.
    """
    made = blank_like(picture, picture.format.name)
    weights = luma_weights(Colour.of(picture).known_matrix(picture.height))
    key, units = Screen.of(screen, weights), _units(picture)
    share = _share(planes(picture), units, key, weights)
    opacity = _fit(matte, share.shape) * np.float32(1 / peak(picture.format.name))
    share[opacity <= 0] = 0
    left = 1 - np.minimum(share, 1 - opacity)
    levels = _levels(picture, screen, key)
    for plane, target, (zero, unit), level in zip(
        planes(picture), planes(made), units, levels, strict=True
    ):
        target[:] = plane
        light = np.float32(level * unit)
        _subtract(target, _fit(share, plane.shape), _fit(left, plane.shape), zero, light, made)
    return made


def _subtract(
    target: Plane, share: Grid, left: Grid, zero: float, light: np.float32, made: av.VideoFrame
) -> None:
    """Make code values ``(value - share * light) / left`` where the screen has a share."""
    touched = share > 0
    codes = target[touched] - np.float32(zero) - share[touched] * light
    codes = np.rint(codes / left[touched] + np.float32(zero))
    target[touched] = np.clip(codes, 0, peak(made.format.name)).astype(target.dtype)


def _share(
    layers: list[Plane],
    units: list[tuple[float, float]],
    key: Screen,
    weights: tuple[float, float],
) -> Grid:
    """Return the screen's share of each pixel, at the size of the colour planes."""
    first, second, third = (
        (layer.astype(np.float32) - np.float32(zero)) * np.float32(1 / unit)
        for layer, (zero, unit) in zip(layers, units, strict=True)
    )
    if units[1][0] == 0:  # Green, blue, red.
        _, second, third = differences(third, first, second, weights)
    return np.asarray(np.clip(key.share(second, third) - np.float32(_NOISE), 0, _MOST), np.float32)


def _units(picture: av.VideoFrame) -> list[tuple[float, float]]:
    """Return the code value of 0, and how many of them 1 is, for each plane."""
    name = picture.format.name
    top, eight = float(peak(name)), float(1 << (depth(name) - 8))
    if name.startswith("gbr"):
        return [(0.0, top)] * 3
    middle = 128 * eight
    if Colour.of(picture).full_range:
        return [(0.0, top), (middle, top), (middle, top)]
    return [(16 * eight, 219 * eight), (middle, 224 * eight), (middle, 224 * eight)]


def _levels(
    picture: av.VideoFrame, screen: tuple[float, float, float], key: Screen
) -> tuple[float, float, float]:
    """Return how much of each plane the screen is."""
    if not picture.format.name.startswith("gbr"):
        return key.luma, key.cb, key.cr
    red, green, blue = (value / 255 for value in screen)
    return green, blue, red


def _fit(values: Plane, shape: tuple[int, ...]) -> Grid:
    if values.shape == shape:
        return np.asarray(values, np.float32)
    grows = shape[0] > values.shape[0] or shape[1] > values.shape[1]
    how = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=how), np.float32)
