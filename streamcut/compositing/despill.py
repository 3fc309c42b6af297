"""A coloured screen's light taken off the subject: out of its border, and where it reflects it.

In front of a screen a pixel is the subject's colour and a share of the screen's. The share is
told by the colour difference (:mod:`streamcut.imaging.chroma`); the screen's light is subtracted
in every plane, and at the border what is left is raised again by the subject's own share,
as in Vlahos' travelling mattes. Pixels that the screen has no share in stay as decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import av
import numpy as np

from streamcut.imaging.chroma import Screen, differences, luma_weights
from streamcut.media.colour import Colour
from streamcut.media.frame import MattedFrame
from streamcut.media.matte import Grid
from streamcut.media.planes import Levels, Plane, copied, fitted, planes

_NOISE = 0.03  # Smaller shares are the subject's own colour.
_MOST = 0.85  # What is left of a pixel cannot be raised without end.


def despill(frames: Iterable[MattedFrame]) -> Iterator[MattedFrame]:
    """Take the screen's light off the subject, in frames that have a screen."""
    yield from map(_despilled, frames)


def _despilled(frame: MattedFrame) -> MattedFrame:
    screen = frame.prediction.screen
    if screen is None:
        return frame
    return replace(frame, colours=without_spill(frame.subject, frame.matte, screen))


def without_spill(
    video_frame: av.VideoFrame, matte: Plane, screen: tuple[float, float, float]
) -> av.VideoFrame:
    """Return a copy of a frame without a screen's light, wherever its matte is above 0.

    Args:
        video_frame: in one of the working formats.
        matte: at its size and depth.
        screen: the screen's colour, RGB 0..255.
    """
    made, known = copied(video_frame), Levels.of_frame(video_frame)
    weights = luma_weights(Colour.of(video_frame).known_matrix(video_frame.height))
    key = Screen.of(screen, weights)
    share = _share(planes(video_frame), known, key, weights)
    opacity = _fit(matte, share.shape) * np.float32(1 / known.peak)
    share[opacity <= 0] = 0
    left = 1 - np.minimum(share, 1 - opacity)
    levels = _levels(video_frame, screen, key)
    for target, zero, span, level in zip(planes(made), known.zero, known.span, levels, strict=True):
        light = np.float32(level * span)
        shares = _fit(share, target.shape), _fit(left, target.shape)
        _subtract(target, *shares, zero, light, known.peak)
    return made


def _subtract(
    target: Plane, share: Grid, left: Grid, zero: int, light: np.float32, top: int
) -> None:
    """Make code values ``(value - share * light) / left`` where the screen has a share."""
    touched = share > 0
    codes = target[touched] - np.float32(zero) - share[touched] * light
    codes = np.rint(codes / left[touched] + np.float32(zero))
    target[touched] = np.clip(codes, 0, top).astype(target.dtype)


def _share(layers: list[Plane], levels: Levels, key: Screen, weights: tuple[float, float]) -> Grid:
    """Return the screen's share of each pixel, at the size of the colour planes."""
    first, second, third = (
        (layer.astype(np.float32) - np.float32(zero)) * np.float32(1 / span)
        for layer, zero, span in zip(layers, levels.zero, levels.span, strict=True)
    )
    if levels.zero[1] == 0:  # Green, blue, red.
        _, second, third = differences(third, first, second, weights)
    return np.asarray(np.clip(key.share(second, third) - np.float32(_NOISE), 0, _MOST), np.float32)


def _levels(
    video_frame: av.VideoFrame, screen: tuple[float, float, float], key: Screen
) -> tuple[float, float, float]:
    """Return how much of each plane the screen is."""
    if not video_frame.format.name.startswith("gbr"):
        return key.luma, key.cb, key.cr
    red, green, blue = (value / 255 for value in screen)
    return green, blue, red


def _fit(values: Plane, shape: tuple[int, ...]) -> Grid:
    return np.asarray(fitted(values, shape), np.float32)
