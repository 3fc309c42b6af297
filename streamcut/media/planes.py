"""The planes of a frame as numpy arrays, and new frames to write into."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from streamcut.media.colour import Colour
from streamcut.media.pixel_formats import dtype

Plane = NDArray[Any]
"""A view of one plane: uint8 for 8-bit formats, uint16 above; [height, width]."""


def planes(picture: av.VideoFrame) -> list[Plane]:
    """Return writable views of a planar picture's planes, without a copy."""
    kind = np.dtype(dtype(picture.format.name))
    return [
        np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)[  # type: ignore[call-overload]
            : plane.height, : plane.width
        ]
        for plane in picture.planes
    ]


def blank_like(
    picture: av.VideoFrame, pixel_format: str, size: tuple[int, int] | None = None
) -> av.VideoFrame:
    """Return a new picture with the time and colour tags of ``picture``; its pixels are unset."""
    width, height = size or (picture.width, picture.height)
    made = Colour.of(picture).apply(av.VideoFrame(width, height, pixel_format))
    copy_time(picture, made)
    return made


def copy_time(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Copy presentation timestamp, its unit and the duration."""
    target.pts = source.pts
    if source.time_base is not None:
        target.time_base = source.time_base
    target.duration = source.duration
