"""Light wrap: the light of a new background spills over the subject's inner edge.

A compositor's way to seat a subject in its place: near the border, the subject is mixed with the
blurred background, the more the brighter that is, as a camera's lens would do it.
"""

from __future__ import annotations

import av
import cv2
import numpy as np

from streamcut.media.colour import Colour
from streamcut.media.light import white_signal
from streamcut.media.matte import Grid
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import Plane, blank_like, planes

# Standard deviation of the blur, as a share of the frame's height, on a grid of about 180 rows,
# where nothing sharp is lost.
_REACH, _ROWS = 0.015, 180


def wrapped(
    frame: av.VideoFrame, matte: Plane, below: list[Plane | int], strength: float
) -> av.VideoFrame:
    """Return a copy of a frame with the light of a background over the subject's inner edge.

    Args:
        frame: in one of the working formats.
        matte: at its size and depth.
        below: the background, a plane or one code value for each plane of the frame.
        strength: 0 to 1.
    """
    made, top = blank_like(frame, frame.format.name), peak(frame.format.name)
    cell = max(1, round(matte.shape[0] / _ROWS))
    size = (max(1, matte.shape[1] // cell), max(1, matte.shape[0] // cell))
    sigma = _REACH * size[1]
    share = _small(matte, size) * np.float32(1 / top)
    lights = [_blurred(_small(layer, size), sigma) for layer in below]
    # Luma, or green where the planes are green, blue and red, says how bright it is there.
    white = top * white_signal(Colour.of(frame).transfer)
    bright = np.minimum(lights[0], white) * np.float32(strength / white)
    weight = _blurred(1 - share, sigma) * bright
    for source, target, light in zip(planes(frame), planes(made), lights, strict=True):
        shape = (source.shape[1], source.shape[0])
        opacity = cv2.resize(matte, shape, interpolation=cv2.INTER_AREA)
        part = cv2.multiply(cv2.resize(weight, shape), opacity, scale=1 / top, dtype=cv2.CV_32F)
        spill = (cv2.resize(light, shape) - source) * part
        target[:] = np.rint(np.clip(source + spill, 0, top))
    return made


def _small(layer: Plane | int, size: tuple[int, int]) -> Grid:
    if isinstance(layer, int):
        return np.full((size[1], size[0]), layer, np.float32)
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _blurred(grid: Grid, sigma: float) -> Grid:
    return np.asarray(cv2.GaussianBlur(grid, (0, 0), sigma), np.float32)
